// SPDX-License-Identifier: Apache-2.0

/// What a credential may do: a set of the scopes that the gateway knows (RFC 6749, section 3.3).
public struct ScopeSet: OptionSet, Hashable, Sendable {
    /// One bit a scope, from bit 0 in the order below.
    public let rawValue: UInt32

    /// Bits without a scope are kept, and have no name in ``description``.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Ask a model for a prediction.
    public static let predict = ScopeSet(rawValue: 1 << 0)
    /// See the state of the models that one may reach.
    public static let modelsRead = ScopeSet(rawValue: 1 << 1)
    /// All that the management API changes and shows of tenants, plans, keys and tokens: see ``expanded``.
    public static let admin = ScopeSet(rawValue: 1 << 2)
    /// Search the audit log, and have records of it proved.
    public static let auditRead = ScopeSet(rawValue: 1 << 3)
    /// Scrape the metrics.
    public static let metricsRead = ScopeSet(rawValue: 1 << 4)

    /// See tenants, with their limits.
    public static let tenantsRead = ScopeSet(rawValue: 1 << 5)
    /// Create, change, suspend, delete and restore tenants.
    public static let tenantsWrite = ScopeSet(rawValue: 1 << 6)
    /// See plans.
    public static let plansRead = ScopeSet(rawValue: 1 << 7)
    /// Make, change and delete plans.
    public static let plansWrite = ScopeSet(rawValue: 1 << 8)
    /// Set the limits of one tenant or key over those of its plan.
    public static let limitsWrite = ScopeSet(rawValue: 1 << 9)
    /// See keys, never their secrets.
    public static let keysRead = ScopeSet(rawValue: 1 << 10)
    /// Issue, change, rotate and revoke keys.
    public static let keysWrite = ScopeSet(rawValue: 1 << 11)
    /// Revoke access tokens.
    public static let tokensRevoke = ScopeSet(rawValue: 1 << 12)
    /// Put a configuration in force, or another signing key.
    public static let configWrite = ScopeSet(rawValue: 1 << 13)
    /// See every model there is, with the digest of its files and why one did not load.
    public static let modelsList = ScopeSet(rawValue: 1 << 14)
    /// Read the whole audit log, tile by tile.
    public static let logRead = ScopeSet(rawValue: 1 << 15)
    /// Load and unload models.
    public static let modelsWrite = ScopeSet(rawValue: 1 << 16)

    /// See how long the audit log is kept, and its legal holds.
    public static let retentionRead = ScopeSet(rawValue: 1 << 17)
    /// Add and lift legal holds, and destroy the keys of personal fields.
    public static let retentionWrite = ScopeSet(rawValue: 1 << 18)

    /// What ``admin`` stands for.
    public static let management: ScopeSet = [
        .tenantsRead, .tenantsWrite, .plansRead, .plansWrite, .limitsWrite, .keysRead, .keysWrite, .tokensRevoke,
        .configWrite, .modelsList, .modelsWrite, .retentionRead, .retentionWrite,
    ]

    /// Each scope that the set gives: with ``admin`` all of ``management``, with ``auditRead`` also ``logRead``, as far as a
    /// role allows.
    public var expanded: ScopeSet {
        var all = self
        if contains(.admin) { all.formUnion(.management) }
        if contains(.auditRead) { all.insert(.logRead) }
        return all
    }

    /// The shortest set that gives the same.
    public var compacted: ScopeSet {
        var few = self
        if contains(.admin) { few.subtract(.management) }
        if contains(.auditRead) { few.remove(.logRead) }
        return few
    }

    private static let names: [(String, ScopeSet)] = [
        ("predict", .predict), ("models:read", .modelsRead), ("admin", .admin), ("audit:read", .auditRead),
        ("metrics:read", .metricsRead), ("tenants:read", .tenantsRead), ("tenants:write", .tenantsWrite),
        ("plans:read", .plansRead), ("plans:write", .plansWrite), ("limits:write", .limitsWrite),
        ("keys:read", .keysRead), ("keys:write", .keysWrite), ("tokens:revoke", .tokensRevoke),
        ("config:write", .configWrite), ("models:list", .modelsList), ("log:read", .logRead),
        ("models:write", .modelsWrite), ("retention:read", .retentionRead), ("retention:write", .retentionWrite),
    ]

    /// Reads a space-delimited list; names the gateway does not know are ignored here and listed in ``unknown(in:)``.
    public init(_ text: String) {
        self = []
        for word in text.split(separator: " ") {
            for (name, scope) in Self.names where name == word { formUnion(scope) }
        }
    }

    /// The words of a space-delimited list that are not scopes of the gateway.
    public static func unknown(in text: String) -> [String] {
        text.split(separator: " ").map(String.init).filter { word in !names.contains { $0.0 == word } }
    }
}

extension ScopeSet: CustomStringConvertible {
    /// The scopes' names, space-delimited, in a fixed order.
    public var description: String {
        // One scope alone is what most requests ask for, and a text that is there already.
        if let name = Self.names.first(where: { $0.1 == self }) { return name.0 }
        return Self.names.filter { contains($0.1) }.map(\.0).joined(separator: " ")
    }
}

/// The models that a key, plan or token reaches.
public enum ModelAccess: Hashable, Sendable {
    case all
    case only(Set<ModelName>)

    /// Whether access was given; not whether there is such a model.
    public func allows(_ model: ModelName) -> Bool {
        switch self {
        case .all: true
        case .only(let models): models.contains(model)
        }
    }

    /// What both allow, which may be no model at all.
    public func intersection(_ other: ModelAccess) -> ModelAccess {
        switch (self, other) {
        case (.all, let access), (let access, .all): access
        case (.only(let a), .only(let b)): .only(a.intersection(b))
        }
    }
}
