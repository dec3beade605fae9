// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Which bundles may go now: those from the oldest on, up to the first that must stay.
public struct PrunePlan: Hashable, Sendable {
    /// Why a bundle may go.
    public enum Rule: String, Sendable { case age, size }

    /// The first record that is held now.
    public var from: UInt64
    /// The first record that will be held.
    public var end: UInt64
    /// Bytes of the bundles that go.
    public var bytes: Int64 = 0
    /// Why the last of them goes; nil when none does.
    public var rule: Rule?
    /// Bytes over the bound that a hold keeps.
    public var heldOver: Int64 = 0

    /// Goes through the bundles in their order until one must stay.
    ///
    /// - Parameters:
    ///   - from: the first record that is held now.
    ///   - total: bytes of all bundles that are held.
    ///   - next: the bundles that may be looked at, from the one at `from` on; nil when there is no further.
    public init<Failure: Error>(
        from: UInt64,
        _ policy: RetentionPolicy,
        now: UnixTime,
        total: Int64,
        next: () throws(Failure) -> BundleSummary?
    ) throws(Failure) {
        self.from = from
        end = from
        guard policy.prunes else { return }
        while let bundle = try next() {
            let isOver = policy.isOver(bundle, now: now)
            let excess = policy.bytes > 0 ? total - bytes - policy.bytes : 0
            guard isOver || excess > 0 else { return }
            guard !policy.holds(bundle) else {
                heldOver = max(0, excess)
                return
            }
            end = bundle.end
            bytes += bundle.bytes
            rule = isOver ? .age : .size
        }
    }
}
