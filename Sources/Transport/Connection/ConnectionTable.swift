// SPDX-License-Identifier: Apache-2.0

/// The connections of one event loop by number: found in constant time, and never mistaken for one that had the number
/// before.
struct ConnectionTable: ~Copyable {
    private struct Slot {
        var connection: Connection?
        var generation: UInt32 = 0
    }

    private var slots: UnsafeMutablePointer<Slot>
    private(set) var capacity: Int
    private var free: [UInt32]

    /// Connections in the table.
    private(set) var count = 0

    init() {
        capacity = 0
        slots = .allocate(capacity: 0)
        free = []
    }

    deinit {
        slots.deinitialize(count: capacity)
        slots.deallocate()
    }

    /// The connection in a slot, whichever it is.
    subscript(slot slot: UInt32) -> Connection? {
        Int(slot) < capacity ? slots[Int(slot)].connection : nil
    }

    /// The connection of that identity, or nil when its slot is empty or another's.
    subscript(id: ConnectionID) -> Connection? {
        let slot = Int(id.slot)
        guard slot < capacity, slots[slot].generation == id.generation else { return nil }
        return slots[slot].connection
    }

    /// Chooses a free slot for what `make` makes of its identity.
    mutating func insert(_ make: (ConnectionID) -> Connection) -> Connection {
        if free.isEmpty { grow() }
        let slot = free.removeLast()
        let connection = make(ConnectionID(slot: slot, generation: slots[Int(slot)].generation))
        slots[Int(slot)].connection = connection
        count += 1
        return connection
    }

    mutating func remove(_ slot: UInt32) {
        guard slots[Int(slot)].connection != nil else { return }
        slots[Int(slot)].connection = nil
        slots[Int(slot)].generation = (slots[Int(slot)].generation &+ 1) & 0x7fff_ffff
        free.append(slot)
        count -= 1
    }

    private mutating func grow() {
        let larger = max(64, 2 * capacity)
        let grown = UnsafeMutablePointer<Slot>.allocate(capacity: larger)
        grown.moveInitialize(from: slots, count: capacity)
        (grown + capacity).initialize(repeating: Slot(), count: larger - capacity)
        slots.deallocate()
        slots = grown
        // Low slots first: they are warm.
        free.append(contentsOf: (capacity..<larger).reversed().map { UInt32($0) })
        capacity = larger
    }
}
