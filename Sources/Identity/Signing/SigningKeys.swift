// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// The running gateway's ring of signing keys: every change is kept on disk and known to all that verify before the first
/// token depends on it.
public final class SigningKeys: Sendable {
    private struct State {
        var ring: SigningKeyRing
        var publicSet: [UInt8]
    }

    /// Reads what is kept, has it changed, and keeps what came of that, all of it before another process may do the same.
    public typealias Update = @Sendable (_ change: (inout SigningKeyRing) throws -> Void) throws -> Void

    private let state: Mutex<State>
    /// Held by one change at a time; making a key may take long, and readers do not wait for it.
    private let turn = Mutex(())
    /// When the keys follow one another.
    public let policy: RotationPolicy
    private let update: Update
    private let takers = Mutex<[@Sendable (SigningKeyRing) -> Void]>([])

    /// - Parameters:
    ///   - ring: what is kept now.
    ///   - update: has kept the changed ring when it returns, and nothing when it throws.
    public init(ring: SigningKeyRing, policy: RotationPolicy, update: @escaping Update) {
        state = Mutex(State(ring: ring, publicSet: Self.text(ring)))
        self.policy = policy
        self.update = update
    }

    /// The ring as it is now.
    public var ring: SigningKeyRing { state.withLock { $0.ring } }
    /// The JWK set to publish (RFC 7517, section 5), as JSON text.
    public var publicSet: [UInt8] { state.withLock { $0.publicSet } }

    private static func text(_ ring: SigningKeyRing) -> [UInt8] { Array(ring.publicSet.serialized().utf8) }

    /// Hands the ring over, now and after each change, in the order in which the takers were given: verifiers come before
    /// signers.
    public func hand(to taker: @escaping @Sendable (SigningKeyRing) -> Void) {
        turn.withLock { _ in
            takers.withLock { $0.append(taker) }
            taker(ring)
        }
    }

    /// Goes on with a ring that another process has kept.
    public func take(_ ring: SigningKeyRing) {
        turn.withLock { _ in use(ring) }
    }

    /// Does what the moment asks for; cheap while it asks for nothing.
    ///
    /// - Returns: whether another key signs now.
    /// - Throws: ``SigningKeyError``, or what the update throws; nothing is changed then.
    public func advance(now: UnixTime) throws -> Bool {
        guard state.withLock({ $0.ring.isDue(policy, now: now) }) else { return false }
        var rotated = false
        try change { rotated = try $0.advance(policy, now: now) }
        return rotated
    }

    /// Lets the next key sign.
    ///
    /// - Parameter immediately: also when others may not know that key yet.
    /// - Throws: ``SigningKeyError``, or what the update throws; nothing is changed then.
    public func rotate(now: UnixTime, immediately: Bool) throws {
        try change { try $0.rotate(policy, now: now, immediately: immediately) }
    }

    private func change(_ body: (inout SigningKeyRing) throws -> Void) throws {
        try turn.withLock { _ in
            var kept = ring
            try update { ring in
                try body(&ring)
                kept = ring
            }
            use(kept)
        }
    }

    private func use(_ ring: SigningKeyRing) {
        let new = State(ring: ring, publicSet: Self.text(ring))
        state.withLock { $0 = new }
        for taker in takers.withLock({ $0 }) { taker(ring) }
    }
}
