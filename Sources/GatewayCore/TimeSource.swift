// SPDX-License-Identifier: Apache-2.0

import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// Where the time comes from: the system's clocks, or a clock that a test moves by hand.
public enum TimeSource: Sendable {
    case system
    case manual(ManualClock)

    /// The wall clock (CLOCK_REALTIME).
    public func now() -> UnixTime {
        switch self {
        case .system: UnixTime(nanoseconds: Self.read(CLOCK_REALTIME))
        case .manual(let clock): UnixTime(nanoseconds: clock.nanoseconds.load(ordering: .relaxed))
        }
    }

    /// Nanoseconds of a clock that never steps back (CLOCK_MONOTONIC); for durations only.
    public func monotonic() -> Int64 {
        switch self {
        case .system: Self.read(CLOCK_MONOTONIC)
        case .manual(let clock): clock.nanoseconds.load(ordering: .relaxed)
        }
    }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

/// A clock that stands still until it is moved.
public final class ManualClock: Sendable {
    let nanoseconds: Atomic<Int64>

    /// Both clocks start here: the monotonic one reads the same nanoseconds as the wall clock.
    public init(_ start: UnixTime) {
        nanoseconds = Atomic(start.nanoseconds)
    }

    /// Moves both clocks, cut to whole nanoseconds; a negative count moves them back.
    public func advance(seconds: Double) {
        nanoseconds.add(Int64(seconds * 1e9), ordering: .relaxed)
    }
}
