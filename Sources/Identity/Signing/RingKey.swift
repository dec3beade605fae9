// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto

/// A signing key at its place in the ring.
public struct RingKey: Sendable, CustomStringConvertible {
    /// What a key does: each is next, then current, then retiring, then gone.
    public enum State: String, Sendable, CaseIterable {
        /// Published and not signing yet.
        case next
        /// Signs.
        case current
        /// Signs no more, and verifies until its last token has ended.
        case retiring
    }

    /// The key itself: a secret.
    public let key: SigningKey
    /// Where it is on its way.
    public internal(set) var state: State
    /// When it was made, and with that published.
    public let createdAt: UnixTime
    /// When it began to sign; nil for the next key.
    public internal(set) var signsSince: UnixTime?
    /// The first moment it verifies no more; nil while it is not retiring.
    public internal(set) var verifiesUntil: UnixTime?
    /// The longest that a token it may have signed lives, in seconds; 0 for the next key.
    var tokenLifetime: Int64 = 0

    /// A key just made, next to sign.
    init(next key: SigningKey, now: UnixTime) {
        self.key = key
        state = .next
        createdAt = now
    }

    mutating func sign(from now: UnixTime, policy: RotationPolicy) {
        state = .current
        signsSince = now
        tokenLifetime = policy.tokenLifetime
    }

    mutating func retire(at now: UnixTime, policy: RotationPolicy) {
        state = .retiring
        verifiesUntil = now + policy.stay(tokenLifetime: tokenLifetime)
    }

    /// State, algorithm and id; nothing secret.
    public var description: String { "\(state.rawValue) \(key)" }
}

extension RingKey {
    /// What is kept of the key between two runs: a secret.
    var stored: JSON {
        .object([
            JSON.Member("kid", .string(key.keyID)), JSON.Member("algorithm", .string(key.algorithm.rawValue)),
            JSON.Member("state", .string(state.rawValue)), JSON.Member("created_at", .string(createdAt.description)),
            JSON.Member("signs_since", signsSince.map { .string($0.description) } ?? .null),
            JSON.Member("verifies_until", verifiesUntil.map { .string($0.description) } ?? .null),
            JSON.Member("token_seconds", .integer(tokenLifetime)),
            JSON.Member("private_key", .string(key.privatePEM)),
        ])
    }

    /// Reads what ``stored`` wrote.
    ///
    /// - Throws: ``SigningKeyError`` that names the member at fault and never quotes it.
    init(stored: JSON) throws(SigningKeyError) {
        func text(_ name: String) throws(SigningKeyError) -> String {
            guard let text = stored[name]?.string else { throw .damaged("a key has no \"\(name)\"") }
            return text
        }
        func time(_ name: String) throws(SigningKeyError) -> UnixTime? {
            guard let value = stored[name], value != .null else { return nil }
            guard let time = value.string.flatMap({ UnixTime($0) }) else {
                throw .damaged("the \"\(name)\" of a key is no time")
            }
            return time
        }
        guard let algorithm = SignatureAlgorithm(rawValue: try text("algorithm")),
            let state = State(rawValue: try text("state")), let createdAt = try time("created_at"),
            let tokenLifetime = stored["token_seconds"]?.integer, (0...86_400).contains(tokenLifetime)
        else { throw .damaged("a key's algorithm, state or times are not what was written") }
        let pem = try text("private_key")
        do throws(CryptoError) {
            key = try SigningKey(privatePEM: pem, algorithm: algorithm)
        } catch {
            throw .damaged("a private key cannot be used: \(error)")
        }
        guard key.keyID == (try text("kid")) else { throw .damaged("a \"kid\" is not that of its key") }
        self.state = state
        self.createdAt = createdAt
        signsSince = try time("signs_since")
        verifiesUntil = try time("verifies_until")
        self.tokenLifetime = tokenLifetime
        guard (signsSince == nil) == (state == .next), (verifiesUntil != nil) == (state == .retiring) else {
            throw .damaged("the times of a key do not fit its state")
        }
    }
}
