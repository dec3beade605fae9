// SPDX-License-Identifier: Apache-2.0

/// What an event loop touches several times for each request.
///
/// It lies outside of the loop's object because Swift checks each access to a property of an object while it is
/// running; see ``ConnectionStream``. No handler is called during an access.
struct LoopState: ~Copyable {
    var wheel: TimerWheel
    var table = ConnectionTable()
    var buffers = LoopBuffers()
    // Slots of connections that wait for a part of the turn; each connection is in each list once at most.
    var dirty = SlotList()
    var resumed = SlotList()
    var ended = SlotList()

    /// Nanoseconds of the monotonic clock, as the turn began.
    var now: Int64

    init(now: Int64) {
        self.now = now
        wheel = TimerWheel(now: now)
    }
}

extension EventLoop {
    var wheel: TimerWheel {
        @inline(__always) _read { yield state.pointee.wheel }
        @inline(__always) _modify { yield &state.pointee.wheel }
    }

    var table: ConnectionTable {
        @inline(__always) _read { yield state.pointee.table }
        @inline(__always) _modify { yield &state.pointee.table }
    }

    var buffers: LoopBuffers {
        @inline(__always) _read { yield state.pointee.buffers }
        @inline(__always) _modify { yield &state.pointee.buffers }
    }

    var dirty: SlotList {
        @inline(__always) _read { yield state.pointee.dirty }
        @inline(__always) _modify { yield &state.pointee.dirty }
    }

    var resumed: SlotList {
        @inline(__always) _read { yield state.pointee.resumed }
        @inline(__always) _modify { yield &state.pointee.resumed }
    }

    var ended: SlotList {
        @inline(__always) _read { yield state.pointee.ended }
        @inline(__always) _modify { yield &state.pointee.ended }
    }
}
