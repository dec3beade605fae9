// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A bounded queue between threads: who puts never waits, who takes may.
///
/// Unchecked because `Synchronization` has no condition variable: `lock` guards every mutable property.
public final class WaitableQueue<Element: Sendable>: @unchecked Sendable {
    private let capacity: Int
    private let lock = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    /// Apart from `changed`: a word for who takes must not go to who only waits for the end.
    private let ended = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var elements: [Element] = []
    /// Elements at the front that were taken already.
    private var head = 0
    private var isClosed = false

    /// A queue that holds at most `capacity` elements.
    public init(capacity: Int) {
        self.capacity = capacity
        pthread_mutex_init(lock, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(changed, &attributes)
        pthread_cond_init(ended, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_cond_destroy(ended)
        pthread_mutex_destroy(lock)
        changed.deallocate()
        ended.deallocate()
        lock.deallocate()
    }

    /// - Returns: false when the queue is full or closed; the element is not taken then.
    public func put(_ element: Element) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !isClosed, elements.count - head < capacity else { return false }
        elements.append(element)
        pthread_cond_signal(changed)
        return true
    }

    /// The next element, when there is one; nil once the queue is closed and empty.
    public func take() -> Element? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while head == elements.count, !isClosed { pthread_cond_wait(changed, lock) }
        return head == elements.count ? nil : removeFirst()
    }

    /// Waits for the end.
    ///
    /// - Returns: whether the queue was closed within so many nanoseconds.
    public func waitUntilClosed(nanoseconds: Int64) -> Bool {
        var deadline = timespec()
        clock_gettime(CLOCK_MONOTONIC, &deadline)
        let total = Int64(deadline.tv_nsec) + nanoseconds
        deadline.tv_sec += Int(total / 1_000_000_000)
        deadline.tv_nsec = Int(total % 1_000_000_000)
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        while !isClosed, pthread_cond_timedwait(ended, lock, &deadline) != ETIMEDOUT {}
        return isClosed
    }

    /// Takes no more; what is in the queue can still be taken.
    public func close() {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        isClosed = true
        pthread_cond_broadcast(changed)
        pthread_cond_broadcast(ended)
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
