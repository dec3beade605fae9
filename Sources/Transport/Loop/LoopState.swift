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
        _read { yield state.pointee.wheel }
        _modify { yield &state.pointee.wheel }
    }

    var table: ConnectionTable {
        _read { yield state.pointee.table }
        _modify { yield &state.pointee.table }
    }

    var buffers: LoopBuffers {
        _read { yield state.pointee.buffers }
        _modify { yield &state.pointee.buffers }
    }

    var dirty: SlotList {
        _read { yield state.pointee.dirty }
        _modify { yield &state.pointee.dirty }
    }

    var resumed: SlotList {
        _read { yield state.pointee.resumed }
        _modify { yield &state.pointee.resumed }
    }

    var ended: SlotList {
        _read { yield state.pointee.ended }
        _modify { yield &state.pointee.ended }
    }
}
