// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Quality

/// `GET /admin/v1/models/NAME/quality`: a model's versions over windows, all tenants together and each.
struct QualityAPI {
    let services: Services

    func answer(_ name: ModelName, _ request: BlockingRequest) throws -> Reply {
        let query = try QueryParameters(request.query, known: ["tenant", "version", "window"])
        let tenant = try query["tenant"].map { text throws(Refusal) in
            guard let tenant = TenantID(text) else { throw JSONBody.wrong("tenant", "a tenant's name") }
            return tenant
        }
        let version = try query.number("version", 1...Int64.max)
        let window: Window? = try query.word("window")
        guard services.models.contains(name) || services.models.list().contains(where: { $0.name == name }) else {
            throw Refusal(.modelNotFound, "There is no model '\(name)'.")
        }
        services.collectQuality()
        let report = services.quality.report(
            model: name,
            windows: window.map { [$0] } ?? Window.allCases,
            now: services.time.now()
        )
        let references = services.quality.references(of: name)
        let versions = Set(report.map(\.key.version)).union(references.map(\.version)).sorted()
        let documents = versions.filter { version == nil || $0 == version }.map { number -> JSON in
            let series = report.filter { $0.key.version == number }
            let own = series.filter { $0.key.tenant != nil && (tenant == nil || $0.key.tenant == tenant) }
            let known = references.first { $0.version == number }
            return [
                "version": .integer(number),
                "reference": known.map {
                    [
                        "source": .string($0.isOfFile ? "file" : "first_instances"),
                        "count": .integer(Int64($0.reference.count)),
                    ]
                } ?? .null,
                "windows": .array(series.first { $0.key.tenant == nil }?.figures.map(\.json) ?? []),
                "tenants": .array(
                    own.map { one in
                        [
                            "tenant": .string(one.key.tenant?.description ?? ""),
                            "windows": .array(one.figures.map(\.json)),
                        ]
                    }
                ),
            ]
        }
        return .json(
            ["model": .string(name.description), "trial": services.trial(of: name), "versions": .array(documents)]
        )
    }
}
