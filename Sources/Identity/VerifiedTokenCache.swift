// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The credentials that one event loop has seen proved: the text's bytes to the principal, without verifying again.
///
/// Bounded, and evicting by SIEVE (Zhang et al., NSDI 2024): an entry that was used since the hand last passed stays,
/// so a stream of tokens used once cannot push out those in use. A whole text is compared, after a hash under a seed
/// of its own, so neither a collision nor a flood of crafted tokens gains anything. A hit allocates nothing.
public struct VerifiedTokenCache {
    private var entries = SieveTable()
    private let capacity: Int

    /// - Parameter capacity: entries at most, each of up to 8 KiB and mostly under one.
    public init(capacity: Int = 8192) {
        precondition(capacity > 0, "a cache that holds nothing is not one")
        self.capacity = capacity
    }

    /// Entries now.
    public var count: Int { entries.count }

    /// The principal of a credential seen before, or why it counts no more; nil when it must be verified.
    public mutating func lookup(
        token: UnsafeRawBufferPointer,
        now: UnixTime,
        authenticator: Authenticator
    ) -> Result<Principal, Refusal>? {
        guard let index = entries.find(token), let principal = entries[index].principal else { return nil }
        if let refusal = authenticator.recheckTime(principal, now: now) {
            // Not yet valid is not over: the entry may still serve.
            if refusal.code != .tokenNotYetValid { entries.remove(index) }
            return .failure(refusal)
        }
        let generation = authenticator.directory.generation
        if entries[index].generation != generation {
            if let refusal = authenticator.recheck(principal, now: now) {
                entries.remove(index)
                return .failure(refusal)
            }
            // What the key allows may be another thing now: derive it anew.
            guard authenticator.directory.lastChange(of: principal) <= entries[index].generation else {
                entries.remove(index)
                return nil
            }
            entries[index].generation = generation
        }
        if !entries[index].wasVisited { entries[index].wasVisited = true }
        return .success(principal)
    }

    /// Remembers a credential that was proved.
    ///
    /// - Parameter generation: of the directory, read before the credential was verified (``GatedToken/generation``).
    public mutating func insert(token: UnsafeRawBufferPointer, principal: Principal, generation: UInt64) {
        if let index = entries.find(token) { entries.remove(index) }
        if entries.count == capacity { entries.evict() }
        entries.insert(token, principal: principal, generation: generation)
    }

    /// Forgets everything, as after a change of the trusted issuers.
    public mutating func removeAll() { entries = SieveTable() }
}

@available(*, unavailable)
extension VerifiedTokenCache: Sendable {}
