// SPDX-License-Identifier: Apache-2.0

/// What a session keeps of a stream.
struct StreamSlot {
    struct State: OptionSet {
        let rawValue: UInt16

        /// The delegate knows of the stream, and is to be told of its end.
        static let announced = State(rawValue: 1)
        /// Of the request nothing more comes.
        static let requestEnded = State(rawValue: 2)
        /// What still comes of the request is not wanted.
        static let discarding = State(rawValue: 4)
        /// The answer was handed over.
        static let answered = State(rawValue: 8)
        /// The last of the answer was taken.
        static let sent = State(rawValue: 16)
        /// The stream is closed, and the slot waits for the owner.
        static let lingering = State(rawValue: 32)
        /// The answer has no body, whatever its length.
        static let isHead = State(rawValue: 64)
        /// A request of this method has no body.
        static let forbidsBody = State(rawValue: 128)
        /// The body is held, not copied.
        static let isHeld = State(rawValue: 256)
    }

    /// 0 in a free slot.
    var id: Int32 = 0
    var state: State = []
    /// Bytes of the request that hold the connection's window.
    var unconsumed = 0

    var held: [UInt8] = []
    var copy: UnsafeMutableRawPointer?
    var copyCapacity = 0
    /// What is left of the answer's body.
    var bodyAt = 0
    var bodyEnd = 0
    /// Since when the answer waits for the peer's window.
    var waitingSince = Int64.max
    /// Bytes sent since `waitingSince` was last looked at.
    var progress = 0

    /// The next free slot.
    var next = -1
}

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

extension StreamSlot {
    /// Copies the answer's body into the slot's memory.
    mutating func keep(_ body: UnsafeRawBufferPointer) {
        if body.count > copyCapacity {
            copy?.deallocate()
            copyCapacity = max(1024, body.count)
            copy = .allocate(byteCount: copyCapacity, alignment: 1)
        }
        if let base = body.baseAddress, let copy { copy.copyMemory(from: base, byteCount: body.count) }
        bodyAt = 0
        bodyEnd = body.count
    }

    /// Holds the answer's body.
    mutating func hold(_ body: [UInt8], _ range: Range<Int>) {
        held = body
        state.insert(.isHeld)
        bodyAt = range.lowerBound
        bodyEnd = range.upperBound
    }
}
