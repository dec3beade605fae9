// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Synchronization

/// When a key was last used, by itself or by a token made from it: noted on the road without a lock or an allocation.
///
/// Made once for each key that is used; it stays as long as its ``Directory``, whatever becomes of the key.
public final class KeyUse: Sendable {
    /// Whose uses these are.
    public let keyID: String
    /// Seconds since 1970-01-01; 0 for never.
    private let seconds = Atomic<Int64>(0)
    private let isQueued = Atomic(false)
    private let next = Atomic<Unmanaged<KeyUse>?>(nil)
    private let queue: UsedKeys

    init(keyID: String, queue: UsedKeys) {
        self.keyID = keyID
        self.queue = queue
    }

    /// The key was used at that moment; seconds are kept.
    public func note(_ now: UnixTime) {
        let second = now.seconds
        // Mostly the same second again: one load of a word that nobody writes.
        guard seconds.load(ordering: .relaxed) < second else { return }
        seconds.store(second, ordering: .relaxed)
        guard !isQueued.exchange(true, ordering: .acquiringAndReleasing) else { return }
        queue.push(self)
    }

    /// The last use that was noted in this process; nil for none.
    public var lastUsedAt: UnixTime? {
        let second = seconds.load(ordering: .relaxed)
        return second == 0 ? nil : UnixTime(seconds: second)
    }

    fileprivate func link(to other: Unmanaged<KeyUse>?) { next.store(other, ordering: .relaxed) }

    /// Takes this one out of a queue that nobody else sees any more.
    fileprivate func unlink() -> Unmanaged<KeyUse>? {
        let rest = next.load(ordering: .relaxed)
        // Before the time is read: a use from here on queues it again, and one before is seen.
        _ = isQueued.exchange(false, ordering: .acquiringAndReleasing)
        return rest
    }
}

/// The keys used since the last look: a stack that any thread pushes to and one takes whole.
final class UsedKeys: Sendable {
    private let first = Atomic<Unmanaged<KeyUse>?>(nil)

    /// - Parameter use: the directory holds it for good, so the stack need not.
    func push(_ use: KeyUse) {
        let link = Unmanaged.passUnretained(use)
        var head = first.load(ordering: .relaxed)
        while true {
            // Whatever the head is by now, being behind it is right: nothing is ever taken out of the middle.
            use.link(to: head)
            let (exchanged, original) = first.weakCompareExchange(
                expected: head,
                desired: link,
                successOrdering: .releasing,
                failureOrdering: .relaxed
            )
            if exchanged { return }
            head = original
        }
    }

    func drain(_ body: (KeyUse) -> Void) {
        var link = first.exchange(nil, ordering: .acquiring)
        while let use = link?.takeUnretainedValue() {
            link = use.unlink()
            body(use)
        }
    }
}
