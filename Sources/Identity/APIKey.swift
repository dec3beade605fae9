// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// An API key as the gateway keeps it: everything but the secret, of which there is only a keyed hash.
public struct APIKey: Hashable, Sendable {
    /// The public part: 8 of `0-9 A-Z a-z`.
    public var id: String
    /// Whose key it is.
    public var tenant: TenantID
    /// What its holder is to the gateway.
    public var role: Role
    /// For people; at most 200 characters.
    public var name: String
    /// What it may do; never more than its role allows.
    public var scopes: ScopeSet
    /// The models it reaches.
    public var models: ModelAccess
    /// HMAC-SHA256 of the secret part under the pepper, 32 bytes.
    public var secretHash: [UInt8]
    /// When it was issued.
    public var createdAt: UnixTime
    /// Who issued it: a key id, or `init` for the first ones.
    public var createdBy: String
    /// The first moment it counts no more; nil for never.
    public var expiresAt: UnixTime?
    /// The first moment it was withdrawn; nil while it is not.
    public var revokedAt: UnixTime?
    /// Counts the changes to this key, from 1; being used is none.
    public var revision: Int64
    /// What few keys have.
    private var extras: Box<Extras>?

    private struct Extras: Hashable, Sendable {
        var networks: [IPNetwork]?
        var limits: KeyLimits?
        var retiring: RetiringSecret?
    }

    /// The secret before the last rotation, while it still counts.
    public struct RetiringSecret: Hashable, Sendable {
        /// HMAC-SHA256 of it under the pepper, 32 bytes.
        public var hash: [UInt8]
        /// The first moment it counts no more.
        public var endsAt: UnixTime

        /// A secret that counts until `endsAt`.
        public init(hash: [UInt8], endsAt: UnixTime) {
            self.hash = hash
            self.endsAt = endsAt
        }
    }

    /// Where its requests, and those with tokens made from it, may come from; nil for anywhere.
    public var networks: [IPNetwork]? {
        get { extras?.value.networks }
        set { change { $0.networks = newValue } }
    }

    /// Limits of its own, within its tenant's; nil for none.
    public var limits: KeyLimits? {
        get { extras?.value.limits }
        set { change { $0.limits = newValue.flatMap { $0.isEmpty ? nil : $0 } } }
    }

    /// The limits that anything can still be charged to.
    var limitsInForce: KeyLimits? { revokedAt == nil ? limits : nil }

    /// The secret that it had before the last rotation, whether or not that still counts.
    public var retiring: RetiringSecret? {
        get { extras?.value.retiring }
        set { change { $0.retiring = newValue } }
    }

    private mutating func change(_ body: (inout Extras) -> Void) {
        var next = extras?.value ?? Extras()
        body(&next)
        extras = next == Extras() ? nil : Box(next)
    }

    /// A key; by default without an end.
    public init(
        id: String,
        tenant: TenantID,
        role: Role,
        name: String,
        scopes: ScopeSet,
        models: ModelAccess,
        secretHash: [UInt8],
        createdAt: UnixTime,
        createdBy: String,
        expiresAt: UnixTime? = nil,
        revokedAt: UnixTime? = nil,
        revision: Int64 = 1
    ) {
        self.id = id
        self.tenant = tenant
        self.role = role
        self.name = name
        self.scopes = scopes
        self.models = models
        self.secretHash = secretHash
        self.createdAt = createdAt
        self.createdBy = createdBy
        self.expiresAt = expiresAt
        self.revokedAt = revokedAt
        self.revision = revision
    }
}
