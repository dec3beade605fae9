// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Inference
import Telemetry

/// What an admin changes of a model, by the last part of its path.
enum ModelAction: String, Equatable, CaseIterable {
    case load, unload, promote, rollback, canary, shadow
}

/// `/admin/v1/models/NAME/…`, and the Open Inference Protocol's `/v2/repository/models/NAME/load` and `/unload`: what is
/// served changes, the folder does not.
///
/// Triton's `config` and `file:` parameters are passed over: a model comes from the models' folder and nowhere else.
struct ModelsAPI {
    let services: Services

    /// The protocol's calls, whose answers are empty.
    func answer(_ route: InferenceRoute) throws -> Reply {
        guard let name = route.model else { preconditionFailure("a model is loaded by its name") }
        var reply = Reply.json([:])
        reply.change = try change(name, route.call == .load ? "load" : "unload") { models throws(InferenceError) in
            route.call == .load ? try models.loading(name) : try models.unloading(name)
        }
        return reply
    }

    func answer(_ name: ModelName, _ action: ModelAction, _ request: BlockingRequest) throws -> Reply {
        let version: ClosedRange<Int64> = 1...Int64.max
        let change: AdminChange
        switch action {
        case .load:
            let number = try request.object(["version"])?.integer("version", version)
            change = try self.change(name, "load") { models throws(InferenceError) in
                if let number { try models.loading(name, version: number) } else { try models.loading(name) }
            }
        case .unload:
            let number = try request.object(["version"])?.integer("version", version)
            change = try self.change(name, "unload") { models throws(InferenceError) in
                try models.unloading(name, version: number)
            }
        case .promote: change = try promote(name, request)
        case .rollback:
            _ = try request.object([])
            change = try self.change(name, "roll back") { models throws(InferenceError) in
                try models.rollingBack(name)
            }
        case .canary: change = try split(name, request)
        case .shadow: change = try shadow(name, request)
        }
        var reply = Reply.json(try services.model(name))
        reply.change = change
        return reply
    }

    private func promote(_ name: ModelName, _ request: BlockingRequest) throws -> AdminChange {
        let body = try JSONBody(request.body, fields: ["version", "label"])
        guard body.has("version") else {
            throw JSONBody.missing("version", "the one to take traffic, or null for the highest from now on")
        }
        let version = try body.integer("version", 1...Int64.max)
        guard let label = try body.string("label") else {
            return try change(name, "promote") { models throws(InferenceError) in
                try models.promoting(name, to: version)
            }
        }
        guard InferenceRoute.isLabel(label) else {
            throw JSONBody.wrong("label", "1 to 64 of a-z A-Z 0-9 - . _")
        }
        return try change(name, "label") { models throws(InferenceError) in
            try models.labelling(name, label, version: version)
        }
    }

    private func split(_ name: ModelName, _ request: BlockingRequest) throws -> AdminChange {
        var canary: Canary?
        if request.method == .put {
            let body = try JSONBody(request.body, fields: ["version", "percent", "by", "tenants", "rule"])
            canary = Canary(json: body.json)
            guard canary != nil else {
                throw Refusal(
                    .fieldInvalid,
                    "A canary is {\"version\": …, \"percent\": 0 to 100}, and at will \"by\": \"tenant\" or \"request\" "
                        + "and \"tenants\": {NAME: 0 to 100}, and \"rule\": {\"min_labels\": …, \"promote_accuracy\": "
                        + "0 to 1, \"rollback_worse\": true, \"rollback_drift\": above 0, \"rollback_errors\": 0 to 1}."
                )
            }
        }
        return try change(name, "set the canary of") { models throws(InferenceError) in
            try models.splitting(name, canary)
        }
    }

    private func shadow(_ name: ModelName, _ request: BlockingRequest) throws -> AdminChange {
        var shadow: Shadow?
        if request.method == .put {
            let body = try JSONBody(request.body, fields: ["version", "share", "tenants", "tolerance"])
            shadow = Shadow(json: body.json)
            guard shadow != nil else {
                throw Refusal(
                    .fieldInvalid,
                    "A shadow is {\"version\": …, \"share\": 0 to 1}, and at will \"tenants\": [NAME, …] and "
                        + "\"tolerance\": at least 0."
                )
            }
        }
        return try change(name, "set the shadow of") { models throws(InferenceError) in
            try models.shadowing(name, shadow)
        }
    }

    private func change(
        _ name: ModelName,
        _ deed: String,
        _ make: (ModelRepository) throws(InferenceError) -> RepositoryChange
    ) throws -> AdminChange {
        let before = services.modelState(name)
        do {
            try services.served.change(in: services.store, make)
        } catch let error as InferenceError {
            let code: ReasonCode =
                switch error.code {
                case .versionMissing: services.models.contains(name) ? .versionNotFound : .modelNotFound
                case .inService: .conflict
                default: .configurationInvalid
                }
            services.log.warning(
                "models were not changed",
                [
                    "model": .string(name.description), "asked": .string(deed), "reason": .string(error.sentence),
                    "detail": .string(error.detail),
                ]
            )
            throw Refusal(code, "failed to \(deed) '\(name)': \(error.sentence)", detail: error.detail)
        }
        var fields: LogFields = ["model": .string(name.description), "asked": .string(deed)]
        if case .success(let model) = services.models.model(name), let signer = model.signer {
            fields["serving"] = .integer(model.version)
            fields["signer"] = .string(signer)
        }
        services.log.info("models were changed", fields)
        // What came before is none of the trial's.
        services.collectQuality()
        services.watchCanaries()
        return AdminChange(target: "model/\(name)", before: before, after: services.modelState(name))
    }
}

extension BlockingRequest {
    /// The body; nil where it is empty, for calls that need none.
    fileprivate func object(_ fields: [String]) throws(Refusal) -> JSONBody? {
        body.isEmpty ? nil : try JSONBody(body, fields: fields)
    }
}

extension Services {
    /// `GET /admin/v1/models/NAME`: what takes its traffic, and every version.
    func model(_ name: ModelName) throws(Refusal) -> JSON {
        let models = models
        let versions = models.list().filter { $0.name == name }
        guard models.contains(name) || !versions.isEmpty else {
            throw Refusal(.modelNotFound, "There is no model '\(name)'.")
        }
        let choice = models.choice(of: name)
        return [
            "name": .string(name.description),
            "serving": versions.first { $0.isDefault }.map { .integer($0.version) } ?? .null,
            "promoted": choice.version.map(JSON.integer) ?? .null,
            "previous": choice.previous.map(JSON.integer) ?? .null, "canary": choice.canary?.json ?? .null,
            "shadow": choice.shadow?.json ?? .null,
            "shadow_figures": served.shadows.figures(of: name)?.json ?? .null,
            "labels": .object(
                models.labels(of: name).sorted { $0.key < $1.key }.map { JSON.Member($0.key, .integer($0.value)) }
            ),
            "trial": trial(of: name), "versions": .array(versions.map(\.adminJSON)),
        ]
    }

    /// `GET /admin/v1/models`: every version of every model, with what is known of it.
    func modelList() -> Reply {
        .json(["models": .array(models.list().map(\.adminJSON))])
    }

    /// What records say of a model before and after a change: which versions stand how, and what was decided.
    func modelState(_ name: ModelName) -> JSON {
        let models = models
        return [
            "versions": .object(
                models.list().filter { $0.name == name }.map {
                    JSON.Member(String($0.version), .string($0.model?.digest ?? $0.reason))
                }
            ),
            "traffic": models.choice(of: name).json,
        ]
    }
}

extension ModelStatus {
    fileprivate var adminJSON: JSON {
        func tensors(_ infos: [TensorInfo]) -> JSON {
            .array(
                infos.map {
                    [
                        "name": .string($0.name), "datatype": .string($0.elementType.rawValue),
                        "shape": .array($0.shape.map { .integer(Int64($0)) }),
                    ]
                }
            )
        }
        var members: [JSON.Member] = [
            .init("name", .string(name.description)), .init("version", .integer(version)),
            .init("state", .string(state.rawValue)), .init("phase", .string(phase.rawValue)),
            .init("default", .bool(isDefault)), .init("canary", .bool(isCanary)), .init("shadow", .bool(isShadow)),
        ]
        if let model {
            if let engine = model.engine { members.append(.init("engine", .string(engine.rawValue))) }
            members += [
                .init("format", .string(model.format.rawValue)), .init("sha256", .string(model.digest)),
                .init("inputs", tensors(model.signature.inputs)), .init("outputs", tensors(model.signature.outputs)),
                .init("inference_us", .double(Double(model.cost.one) / 1000)),
                .init("inference_us_now", .double(Double(model.measuredCost.one) / 1000)),
                .init("runs_on_event_loop", .bool(model.runsOnLoop())),
            ]
            if let signer = model.signer { members.append(.init("signer", .string(signer))) }
            if let tenants = model.tenants {
                members.append(.init("tenants", .array(tenants.map(\.description).sorted().map(JSON.string))))
            }
        }
        if model == nil || !reason.isEmpty {
            members += [.init("reason", .string(reason)), .init("detail", .string(detail))]
        }
        return .object(members)
    }
}
