// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto

/// The keys that sign the gateway's own tokens, in the order in which they sign: retiring ones, the current, the next.
///
/// A value without clock or disk. The next key is published before it signs, so that whoever caches the key set knows it
/// by then; the one before stays until its last token has ended (RFC 7517, section 5, leaves this to the issuer). A token
/// is thus verified by everybody at every moment of its life, however often the keys follow one another.
public struct SigningKeyRing: Sendable {
    /// Retiring keys, oldest first, then the current one, then the next.
    public private(set) var keys: [RingKey]

    /// A ring of two new keys, of which one signs at once: nobody can know an older one.
    ///
    /// - Throws: ``SigningKeyError/notMade(_:)``.
    public init(policy: RotationPolicy, now: UnixTime) throws(SigningKeyError) {
        var first = RingKey(next: try Self.generate(policy.algorithm), now: now)
        first.sign(from: now, policy: policy)
        keys = [first, RingKey(next: try Self.generate(policy.algorithm), now: now)]
    }

    private static func generate(_ algorithm: SignatureAlgorithm) throws(SigningKeyError) -> SigningKey {
        do {
            return try SigningKey.generate(algorithm)
        } catch {
            throw .notMade(error)
        }
    }

    // MARK: - What it knows

    /// The key that signs.
    public var current: RingKey { keys[keys.count - 2] }
    /// The key that will.
    public var next: RingKey { keys[keys.count - 1] }

    /// What tokens of the gateway are verified with, by `kid`.
    public var verificationKeys: [String: VerificationKey] {
        Dictionary(keys.map { ($0.key.keyID, $0.key.verificationKey) }) { $1 }
    }

    /// The JWK set to publish (RFC 7517, section 5): public halves alone.
    public var publicSet: JSON { ["keys": .array(keys.map(\.key.publicJWK))] }

    /// When the next key takes over by itself.
    public func nextRotation(_ policy: RotationPolicy) -> UnixTime {
        let published = next.createdAt + policy.publication
        guard next.key.algorithm == policy.algorithm, current.key.algorithm == policy.algorithm else {
            return published
        }
        return max((current.signsSince ?? current.createdAt) + policy.period, published)
    }

    /// Whether ``advance(_:now:)`` would change anything.
    public func isDue(_ policy: RotationPolicy, now: UnixTime) -> Bool {
        next.key.algorithm != policy.algorithm || current.tokenLifetime < policy.tokenLifetime
            || nextRotation(policy) <= now || keys.contains { isGone($0, now) }
    }

    private func isGone(_ key: RingKey, _ now: UnixTime) -> Bool { key.verifiesUntil.map { $0 <= now } ?? false }

    // MARK: - What time and operators do

    /// Does what the moment asks for: drops keys whose tokens have ended, and lets the next key sign when it is time.
    ///
    /// - Returns: whether another key signs now.
    /// - Throws: ``SigningKeyError/notMade(_:)``; the ring is as before then.
    public mutating func advance(_ policy: RotationPolicy, now: UnixTime) throws(SigningKeyError) -> Bool {
        var ring = self
        ring.keys.removeAll { isGone($0, now) }
        // A longer life than before: the key will have to stay for it.
        let current = ring.keys.count - 2
        ring.keys[current].tokenLifetime = max(ring.keys[current].tokenLifetime, policy.tokenLifetime)
        // A next key of another algorithm has signed nothing: it is replaced before it ever does.
        if ring.next.key.algorithm != policy.algorithm {
            ring.keys[current + 1] = RingKey(next: try Self.generate(policy.algorithm), now: now)
        }
        let rotates = ring.nextRotation(policy) <= now
        if rotates { try ring.turn(policy, now: now) }
        self = ring
        return rotates
    }

    /// Lets the next key sign from now on.
    ///
    /// - Parameter immediately: also when those who cache the key set may not know it yet, and refuse its tokens.
    /// - Throws: ``SigningKeyError/tooEarly(_:)``; the ring is as before then.
    public mutating func rotate(
        _ policy: RotationPolicy,
        now: UnixTime,
        immediately: Bool = false
    ) throws(SigningKeyError) {
        let published = next.createdAt + policy.publication
        guard immediately || published <= now else { throw .tooEarly(published) }
        try turn(policy, now: now)
    }

    private mutating func turn(_ policy: RotationPolicy, now: UnixTime) throws(SigningKeyError) {
        let new = RingKey(next: try Self.generate(policy.algorithm), now: now)
        keys[keys.count - 2].retire(at: now, policy: policy)
        keys[keys.count - 1].sign(from: now, policy: policy)
        keys.append(new)
    }
}

// MARK: - Between two runs

extension SigningKeyRing {
    /// The ring with its private keys, to be kept where only the gateway reads: a secret.
    public var stored: [UInt8] {
        var writer = JSONWriter()
        writer.value(["keys": .array(keys.map(\.stored))])
        return writer.bytes
    }

    /// Reads what ``stored`` wrote.
    ///
    /// - Throws: ``SigningKeyError/damaged(_:)``.
    public init(stored: [UInt8]) throws(SigningKeyError) {
        guard let entries = (try? JSON.parse(stored))?["keys"]?.array else { throw .damaged("this is no list of keys") }
        var keys: [RingKey] = []
        for entry in entries { keys.append(try RingKey(stored: entry)) }
        guard keys.map(\.state).suffix(2) == [.current, .next], keys.dropLast(2).allSatisfy({ $0.state == .retiring })
        else { throw .damaged("there must be retiring keys, one that is current and one that is next, in this order") }
        guard Set(keys.map(\.key.keyID)).count == keys.count else { throw .damaged("a key is there twice") }
        self.keys = keys
    }
}
