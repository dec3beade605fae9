// SPDX-License-Identifier: Apache-2.0

/// Reads one segment's frames, one after the other, through a buffer.
struct SegmentCursor: ~Copyable {
    enum Step {
        /// A whole frame; its payload is in ``SegmentCursor/payload(of:at:)`` until the next call.
        case frame(Frame)
        /// The file ends where a frame would begin.
        case end
        /// What is there is no frame, or not the whole of one.
        case damaged(String)
    }

    let path: String
    let first: UInt64
    private let files: any FileSystem
    private let file: Int32
    /// Where the next frame begins.
    private(set) var offset: Int64
    private var buffer: [UInt8]
    private var start: Int64 = 0
    private var filled = 0

    init(
        directory: String,
        first: UInt64,
        files: any FileSystem,
        at offset: Int64,
        capacity: Int = 1 << 18
    ) throws(AuditError) {
        path = SegmentFile.path(directory, first: first)
        self.first = first
        self.files = files
        self.offset = offset
        buffer = [UInt8](repeating: 0, count: max(capacity, Frame.headSize + AuditRecord.maximumBytes))
        do {
            file = try files.open(path, writable: false)
        } catch {
            throw AuditError(error, file: path)
        }
    }

    deinit {
        files.close(file)
    }

    /// Checks the segment's header; false when the file is too short to have one.
    mutating func hasHeader() throws(AuditError) -> Bool {
        guard try hold(8, at: 0) else { return false }
        guard buffer[..<7].elementsEqual(SegmentFile.header[..<7]) else { return try refuseHeader() }
        guard buffer[7] == SegmentFile.version else {
            throw AuditError(
                .version,
                file: path,
                offset: 7,
                "the segment has format \(buffer[7]), this program writes \(SegmentFile.version); run the newer program"
            )
        }
        return true
    }

    private func refuseHeader() throws(AuditError) -> Bool {
        // Eight foreign bytes and nothing else are a creation that the power cut: no record was ever behind them.
        do {
            if try files.size(file) <= SegmentFile.headerSize { return false }
        } catch {
            throw AuditError(error, file: path)
        }
        throw AuditError(.corrupt, file: path, offset: 0, "this is no journal segment; restore it from a copy")
    }

    /// The frame at ``offset``, which must have that index; on `.frame` the cursor stands behind it.
    ///
    /// - Parameter verified: Whether the checksum is computed; without it only the head is looked at.
    mutating func step(expecting index: UInt64, verified: Bool = true) throws(AuditError) -> Step {
        guard try hold(Frame.headSize, at: offset) else {
            return available(at: offset) == 0 ? .end : .damaged("a frame's head is cut off")
        }
        let head = frame(at: offset)
        guard let head else { return .damaged("a frame's length is impossible") }
        guard verified || head.index == index else { return .damaged("a frame has the index of another place") }
        guard try hold(head.size, at: offset) else { return .damaged("a frame is cut off") }
        if verified {
            let intact = withBuffer(at: offset) { head.isIntact($0) }
            guard intact else { return .damaged("a frame's checksum is wrong") }
            guard head.index == index else {
                throw AuditError(
                    .corrupt,
                    file: path,
                    offset: offset,
                    "record \(head.index) stands where record \(index) belongs; restore the segment from a copy"
                )
            }
        }
        offset += Int64(head.size)
        return .frame(head)
    }

    /// The payload of the frame that the last ``step(expecting:verified:)`` returned.
    func payload(of frame: Frame) -> [UInt8] {
        withPayload(of: frame) { Array($0) }
    }

    /// Where that frame lies.
    func place(of frame: Frame) -> AuditPlace {
        AuditPlace(segment: first, offset: offset - Int64(frame.size))
    }

    /// The same where it lies in the buffer, during the call.
    func withPayload<Value, Failure: Error>(
        of frame: Frame,
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        let end = Int(offset - start)
        return try buffer.withUnsafeBufferPointer { (buffer) throws(Failure) in
            try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(buffer)[end - frame.length..<end]))
        }
    }

    /// Goes to another place of the segment and forgets what was read before.
    mutating func move(to offset: Int64) {
        self.offset = offset
        forget()
    }

    /// Makes the next step read the file again: the writer may have replaced what was there.
    mutating func forget() {
        filled = 0
    }

    /// Whether a frame behind ``offset`` says that record `index` had been synced: then its loss is damage.
    mutating func isSynced(_ index: UInt64) throws(AuditError) -> Bool {
        var place = offset + 1
        while try hold(Frame.headSize, at: place) {
            // No frame lies in zeros alone, and the room behind the last one can be all of the segment.
            let zeros = withBuffer(at: place) { Zeros.prefix(of: $0) }
            if zeros > Frame.headSize {
                place += Int64(zeros - Frame.headSize)
                continue
            }
            if let head = frame(at: place), head.index > index, head.synced > index, head.synced <= head.index,
                try hold(head.size, at: place), withBuffer(at: place, { head.isIntact($0) })
            {
                return true
            }
            place += 1
        }
        return false
    }

    // MARK: - Buffer

    private func frame(at place: Int64) -> Frame? {
        withBuffer(at: place) { Frame(head: $0) }
    }

    private func withBuffer<Value>(at place: Int64, _ body: (UnsafeRawBufferPointer) -> Value) -> Value {
        buffer.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[Int(place - start)..<filled])) }
    }

    private func available(at place: Int64) -> Int {
        place >= start && place - start < filled ? filled - Int(place - start) : 0
    }

    /// Has `count` bytes from `place` on in the buffer; false when the file ends before.
    private mutating func hold(_ count: Int, at place: Int64) throws(AuditError) -> Bool {
        if available(at: place) >= count { return true }
        start = place
        filled = 0
        do {
            filled = try files.readAll(file, into: &buffer, at: place)
        } catch {
            throw AuditError(error, file: path)
        }
        return filled >= count
    }
}
