// SPDX-License-Identifier: Apache-2.0

public import GatewayCrypto

/// When signing keys follow one another; all times in seconds.
public struct RotationPolicy: Hashable, Sendable {
    /// What the next key is for; a current key of another one is followed as soon as the next may sign.
    public var algorithm: SignatureAlgorithm
    /// How long a key signs.
    public var period: Int64
    /// How long a key is published before it signs: no less than the key set may be cached by others.
    public var publication: Int64
    /// The longest that a token lives.
    public var tokenLifetime: Int64
    /// How far the clocks of those who verify may be behind.
    public var leeway: Int64

    /// For tokens that are signed while the key after it is being made and saved.
    private static let margin: Int64 = 10

    /// Nothing is checked: the configuration does.
    public init(
        algorithm: SignatureAlgorithm,
        period: Int64,
        publication: Int64,
        tokenLifetime: Int64,
        leeway: Int64
    ) {
        self.algorithm = algorithm
        self.period = period
        self.publication = publication
        self.tokenLifetime = tokenLifetime
        self.leeway = leeway
    }

    /// How long a key stays published behind its last signature, when its tokens lived that long.
    func stay(tokenLifetime: Int64) -> Int64 { tokenLifetime + leeway + Self.margin }
}
