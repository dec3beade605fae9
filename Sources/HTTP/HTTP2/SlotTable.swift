// SPDX-License-Identifier: Apache-2.0

/// The slots of a session's streams; they are used again, the last one first.
struct SlotTable: ~Copyable {
    private var slots: UnsafeMutablePointer<StreamSlot>
    private(set) var capacity = 0
    private var firstFree = -1
    private let limit: Int
    /// Slots that are not free.
    private(set) var used = 0

    /// Bodies up to this size are copied into memory that a slot keeps.
    private static let keptCapacity = 4 << 10
    /// Slots from this one on keep none, so that a burst leaves little behind.
    private static let keepingSlots = 8

    init(limit: Int) {
        self.limit = limit
        slots = .allocate(capacity: 0)
    }

    deinit {
        for at in 0..<capacity { slots[at].copy?.deallocate() }
        slots.deinitialize(count: capacity)
        slots.deallocate()
    }

    /// Valid until the next `take`.
    subscript(at: Int) -> UnsafeMutablePointer<StreamSlot> {
        assert(at >= 0 && at < capacity, "a slot that was taken")
        return slots + at
    }

    /// A slot for a stream; nil when all are in use.
    mutating func take(_ id: Int32) -> Int? {
        if firstFree < 0 {
            guard capacity < limit else { return nil }
            grow()
        }
        let at = firstFree
        firstFree = slots[at].next
        slots[at].id = id
        used += 1
        return at
    }

    /// Gives a slot back.
    mutating func free(_ at: Int) {
        let slot = slots + at
        slot.pointee.id = 0
        slot.pointee.state = []
        slot.pointee.unconsumed = 0
        slot.pointee.heldBack = 0
        slot.pointee.discarded = 0
        if !slot.pointee.held.isEmpty { slot.pointee.held = [] }
        if slot.pointee.copyCapacity > Self.keptCapacity || at >= Self.keepingSlots { dropCopy(slot) }
        slot.pointee.bodyAt = 0
        slot.pointee.bodyEnd = 0
        slot.pointee.waitingSince = .max
        slot.pointee.progress = 0
        slot.pointee.next = firstFree
        firstFree = at
        used -= 1
    }

    /// Gives back what free slots keep.
    mutating func releaseMemory() {
        for at in 0..<capacity where slots[at].id == 0 { dropCopy(slots + at) }
    }

    private func dropCopy(_ slot: UnsafeMutablePointer<StreamSlot>) {
        slot.pointee.copy?.deallocate()
        slot.pointee.copy = nil
        slot.pointee.copyCapacity = 0
    }

    private mutating func grow() {
        let larger = min(limit, max(4, capacity * 2))
        let moved = UnsafeMutablePointer<StreamSlot>.allocate(capacity: larger)
        moved.moveInitialize(from: slots, count: capacity)
        slots.deallocate()
        slots = moved
        for at in (capacity..<larger).reversed() {
            (slots + at).initialize(to: StreamSlot())
            slots[at].next = firstFree
            firstFree = at
        }
        capacity = larger
    }
}
