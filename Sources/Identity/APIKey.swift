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
        revokedAt: UnixTime? = nil
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
    }
}
