// SPDX-License-Identifier: Apache-2.0

/// A bounded queue between threads: who puts never waits, who takes may.
///
/// Unchecked because the locks guard every mutable property: `lock` all but `hasEnded`.
public final class WaitableQueue<Element: Sendable>: @unchecked Sendable {
    private let capacity: Int
    private let lock = SignalledMutex()
    private var elements: [Element] = []
    /// Elements at the front that were taken already.
    private var head = 0
    private var isClosed = false
    /// Apart from `lock`: a signal for who takes must not go to who only waits for the end.
    private let end = SignalledMutex()
    private var hasEnded = false

    /// A queue that holds at most `capacity` elements.
    public init(capacity: Int) {
        self.capacity = capacity
    }

    /// - Returns: false when the queue is full or closed; the element is not taken then.
    public func put(_ element: Element) -> Bool {
        lock.lock()
        let isTaken = !isClosed && elements.count - head < capacity
        if isTaken { elements.append(element) }
        lock.unlock()
        if isTaken { lock.signal() }
        return isTaken
    }

    /// The next element, when there is one; nil once the queue is closed and empty.
    public func take() -> Element? {
        lock.lock()
        defer { lock.unlock() }
        while head == elements.count, !isClosed { lock.wait() }
        return head == elements.count ? nil : removeFirst()
    }

    /// Waits for the end.
    ///
    /// - Returns: whether the queue was closed within so many nanoseconds.
    public func waitUntilClosed(nanoseconds: Int64) -> Bool {
        let deadline = TimeSource.system.monotonic() + nanoseconds
        end.lock()
        defer { end.unlock() }
        while !hasEnded, end.wait(until: deadline) {}
        return hasEnded
    }

    /// Takes no more; what is in the queue can still be taken.
    public func close() {
        lock.lock()
        isClosed = true
        lock.unlock()
        lock.broadcast()
        end.lock()
        hasEnded = true
        end.unlock()
        end.broadcast()
    }

    private func removeFirst() -> Element {
        let element = elements[head]
        head += 1
        // Moved up when the taken part is the larger one, so that each element is moved once on average.
        if head * 2 > elements.count {
            elements.removeFirst(head)
            head = 0
        }
        return element
    }
}
