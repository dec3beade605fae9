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
    /// Bytes of the request that hold the stream's window alone.
    var heldBack = 0
    /// Bytes that came behind the whole answer.
    var discarded = 0

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
