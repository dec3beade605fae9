// SPDX-License-Identifier: Apache-2.0

import Glibc

/// A lock whose holder can wait for what another thread will change under it: a mutex and a condition variable
/// (POSIX.1-2017, pthread_cond_wait), for `Synchronization` has none.
///
/// It guards nothing by itself: the properties beside it say so, and are touched by its holder alone.
///
/// Unchecked because both are made to be used by all threads.
public final class SignalledMutex: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// A mutex that nobody holds.
    public init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Waits until no other thread holds it.
    public func lock() { pthread_mutex_lock(mutex) }

    /// Lets the next one have it.
    public func unlock() { pthread_mutex_unlock(mutex) }

    /// Lets go of the lock, sleeps until there is a signal, or without reason, and takes the lock again.
    public func wait() { pthread_cond_wait(condition, mutex) }

    /// ``wait()`` for at most so long.
    ///
    /// - Parameter deadline: nanoseconds of the monotonic clock, as ``TimeSource/monotonic()`` of the system reads them.
    /// - Returns: false when the deadline has passed.
    public func wait(until deadline: Int64) -> Bool {
        var time = timespec(tv_sec: Int(deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
    }

    /// Wakes one who waits. Best after ``unlock()``: who wakes then finds the lock free.
    public func signal() { pthread_cond_signal(condition) }

    /// Wakes all who wait.
    public func broadcast() { pthread_cond_broadcast(condition) }
}
