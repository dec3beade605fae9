// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Quality

/// What was decided about a model's traffic; it outlives the process.
public struct ServingChoice: Hashable, Sendable {
    /// Takes the requests that name no version; nil for the highest loaded one.
    public var version: Int64?
    /// What took them before, for ``ModelRepository/rollingBack(_:)``.
    public var previous: Int64?
    /// A share of them that goes elsewhere.
    public var canary: Canary?
    /// A version that runs some of them aside.
    public var shadow: Shadow?
    /// Over those of the folder's `labels.json`.
    public var labels: [String: Int64] = [:]

    /// Nothing decided.
    public init() {}

    /// Loaded whatever the version policy says.
    var versions: Set<Int64> {
        Set(
            [version, version == nil ? nil : previous, canary?.version, shadow?.version].compactMap(\.self)
                + labels.values
        )
    }

    /// `{"version": 2, "previous": 1, "canary": {…}, "shadow": {…}, "labels": {…}}`; null and empty where nothing was decided.
    public var json: JSON {
        [
            "version": version.map(JSON.integer) ?? .null, "previous": previous.map(JSON.integer) ?? .null,
            "canary": canary?.json ?? .null, "shadow": shadow?.json ?? .null,
            "labels": .object(labels.sorted { $0.key < $1.key }.map { JSON.Member($0.key, .integer($0.value)) }),
        ]
    }

    /// What ``json`` wrote; nil for anything else.
    public init?(json: JSON) {
        guard json.members != nil else { return nil }
        version = json["version"]?.integer
        previous = json["previous"]?.integer
        if let value = json["canary"], value != .null {
            guard let canary = Canary(json: value) else { return nil }
            self.canary = canary
        }
        if let value = json["shadow"], value != .null {
            guard let shadow = Shadow(json: value) else { return nil }
            self.shadow = shadow
        }
        for member in json["labels"]?.members ?? [] {
            guard let version = member.value.integer else { return nil }
            labels[member.name] = version
        }
    }
}

extension Canary {
    /// `{"version": 3, "percent": 10, "by": "tenant", "tenants": {"acme": 100}, "rule": …}`; the
    /// rule is null where there is none.
    public var json: JSON {
        let own = tenants.sorted { $0.key.description < $1.key.description }
        return [
            "version": .integer(version), "percent": .integer(Int64(percent)), "by": .string(unit.rawValue),
            "tenants": .object(own.map { JSON.Member($0.key.description, .integer(Int64($0.value))) }),
            "rule": rule?.json ?? .null,
        ]
    }

    /// What ``json`` wrote; nil for anything else, shares beyond 0 to 100 among it.
    public init?(json: JSON) {
        guard let version = json["version"]?.integer, version > 0, let percent = json["percent"]?.integer,
            (0...100).contains(percent)
        else { return nil }
        let by = json["by"] ?? .null
        // Absent is a default; what is no text is a mistake.
        guard let unit = by == .null ? .tenant : by.string.flatMap(Unit.init(rawValue:)) else { return nil }
        var tenants: [TenantID: Int] = [:]
        if let value = json["tenants"], value != .null {
            guard let members = value.members else { return nil }
            for member in members {
                guard let tenant = TenantID(member.name), let share = member.value.integer, (0...100).contains(share)
                else { return nil }
                tenants[tenant] = Int(share)
            }
        }
        var rule: CanaryRule?
        if let value = json["rule"], value != .null {
            guard let read = CanaryRule(json: value) else { return nil }
            rule = read
        }
        self.init(version: version, percent: Int(percent), unit: unit, tenants: tenants, rule: rule)
    }
}
