// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A version that also runs a share of a model's requests, without anybody seeing its answers: they are compared with those
/// that were given. Only requests that name no version and no label are.
public struct Shadow: Hashable, Sendable {
    /// The version that is tried.
    public var version: Int64
    /// Of the requests, from 0 to 1.
    public var share: Double
    /// Whose requests; nil for all.
    public var tenants: Set<TenantID>?
    /// How far numbers may be apart, absolutely, that are no scores of classes.
    public var tolerance: Double

    /// What numbers may differ by where nothing is said.
    public static let defaultTolerance = 1e-4

    /// A shadow for all tenants.
    public init(
        version: Int64,
        share: Double,
        tenants: Set<TenantID>? = nil,
        tolerance: Double = defaultTolerance
    ) {
        self.version = version
        self.share = share
        self.tenants = tenants
        self.tolerance = tolerance
    }

    /// Whether the shadow runs a request; the same for the same request.
    public func takes(_ tenant: TenantID, _ request: RequestID) -> Bool {
        if let tenants, !tenants.contains(tenant) { return false }
        if share >= 1 { return true }
        // Not the bits by which a canary chooses: its side and the other both have the share.
        let drawn = Canary.mixed(~(request.high ^ request.low))
        return Double(drawn >> 11) < share * 0x1p53
    }
}

extension Shadow {
    /// `{"version": 3, "share": 0.1, "tenants": ["acme"], "tolerance": 1e-4}`; `tenants` is null for all.
    public var json: JSON {
        [
            "version": .integer(version), "share": .double(share),
            "tenants": tenants.map { .array($0.map(\.description).sorted().map(JSON.string)) } ?? .null,
            "tolerance": .double(tolerance),
        ]
    }

    /// What ``json`` wrote; nil for anything else, shares beyond 0 to 1 among it.
    public init?(json: JSON) {
        guard let version = json["version"]?.integer, version > 0, let share = json["share"]?.number,
            (0...1).contains(share)
        else { return nil }
        self.init(version: version, share: share)
        if let value = json["tenants"], value != .null {
            guard let names = value.array?.map({ $0.string.flatMap { TenantID($0) } }), !names.contains(nil) else {
                return nil
            }
            tenants = Set(names.compactMap(\.self))
        }
        if let value = json["tolerance"], value != .null {
            guard let tolerance = value.number, tolerance.isFinite, tolerance >= 0 else { return nil }
            self.tolerance = tolerance
        }
    }
}

/// A shadow whose version is loaded.
public struct ActiveShadow: Sendable {
    /// What was decided.
    public let shadow: Shadow
    /// What runs aside.
    public let model: Model
}

extension ModelRepository {
    /// The shadows that run now.
    public var shadows: [ModelName: ActiveShadow] {
        models.compactMapValues { entry in
            guard let shadow = entry.choice.shadow, let model = entry.shadow else { return nil }
            return ActiveShadow(shadow: shadow, model: model)
        }
    }

    /// Lets a version run a share of the requests aside; it is loaded before. nil ends that.
    ///
    /// - Throws: `inService` when it is the one that answers, `modelUnsupported` for a fixed answer.
    public func shadowing(_ name: ModelName, _ shadow: Shadow?) throws(InferenceError) -> RepositoryChange {
        if let shadow, shadow.version == models[name]?.main?.version {
            throw InferenceError(.inService, "version \(shadow.version) answers the requests itself")
        }
        let change = try deciding(name, needs: shadow?.version) { choice, _ in choice.shadow = shadow }
        if change.failure == nil, let model = change.repository.models[name]?.shadow, model.fixedAnswer != nil {
            throw InferenceError(.modelUnsupported, "version \(model.version) has a fixed answer and infers nothing")
        }
        return change
    }
}
