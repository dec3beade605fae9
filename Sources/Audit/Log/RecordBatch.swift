// SPDX-License-Identifier: Apache-2.0

/// Records on their way to the log, one behind the other in one piece of memory, as the journal will hold them.
///
/// A submitter fills a batch, hands it to ``AuditLog/submit(_:)`` and finds it again in its ``Mailbox`` with what became
/// of it; emptied, it is filled anew, so that a busy submitter allocates nothing.
///
/// Unchecked because whoever has the batch in hand is the only one to touch it: the submitter until it is submitted, the
/// log until it is back in the mailbox.
public final class RecordBatch: @unchecked Sendable {
    /// Names each record to the mailbox's owner.
    public private(set) var tickets: [UInt64] = []
    /// The index of the first record in the log, the others follow without gaps; nil when none is in the log, whose
    /// answers must not be given.
    public internal(set) var first: UInt64?

    let mailbox: Mailbox
    /// Where each record's frame ends.
    private var ends: [Int] = []
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int

    /// Bytes of the records, without their frames' heads.
    var byteCount: Int { (ends.last ?? 0) - ends.count * Frame.headSize }

    /// An empty batch whose outcome goes to `mailbox`.
    public init(mailbox: Mailbox) {
        self.mailbox = mailbox
        capacity = 2 * RecordWriter.room
        memory = .allocate(capacity: capacity)
    }

    deinit { memory.deallocate() }

    /// Records in the batch.
    public var count: Int { tickets.count }
    /// Whether there is none.
    public var isEmpty: Bool { tickets.isEmpty }

    /// Writes the record behind the others.
    public func append(_ record: AuditRecord, ticket: UInt64) {
        end(record.encode(to: reserve(RecordWriter.room)), ticket)
    }

    /// Writes a record of the template's kind behind the others.
    public func append(_ template: RecordTemplate, _ measures: AuditMeasures, ticket: UInt64) {
        end(template.write(measures, to: reserve(RecordWriter.room)), ticket)
    }

    /// Appends a payload that is encoded already.
    ///
    /// - Precondition: it has 1 to 65,535 bytes.
    public func append(payload: [UInt8], ticket: UInt64) {
        precondition((1...AuditRecord.maximumBytes).contains(payload.count), "no record is as long as that")
        reserve(payload.count).update(from: payload, count: payload.count)
        end(payload.count, ticket)
    }

    /// The leaf hash of the record at that place, as the tree will have it; to be asked before ``removeAll()``.
    public func leaf(at place: Int, _ hasher: TreeHasher) -> TreeHash {
        let start = start(of: place) + Frame.headSize
        return hasher.leaf(UnsafeRawBufferPointer(start: memory + start, count: ends[place] - start))
    }

    /// Makes the batch ready to be filled again; its memory stays.
    public func removeAll() {
        tickets.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        first = nil
    }

    // MARK: - For the log

    /// All frames; complete once each was given its index.
    var frames: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: memory, count: ends.last ?? 0) }

    /// Where the frame at that place begins.
    func start(of place: Int) -> Int { place == 0 ? 0 : ends[place - 1] }

    /// Completes the frames, which have the indices from `index` on.
    func complete(from index: UInt64, synced: UInt64) {
        for place in 0..<count { Frame.begin(frame(place), index: index + UInt64(place), synced: synced) }
        var place = 0
        while place + 3 <= count {
            let (a, b, c) = (frame(place), frame(place + 1), frame(place + 2))
            let checksums = CRC32C.checksums(Frame.checked(a), Frame.checked(b), Frame.checked(c))
            Frame.end(a, checksum: checksums.0)
            Frame.end(b, checksum: checksums.1)
            Frame.end(c, checksum: checksums.2)
            place += 3
        }
        while place < count {
            Frame.end(frame(place), checksum: CRC32C.checksum(Frame.checked(frame(place))))
            place += 1
        }
    }

    private func frame(_ place: Int) -> UnsafeMutableRawBufferPointer {
        let start = start(of: place)
        return UnsafeMutableRawBufferPointer(start: memory + start, count: ends[place] - start)
    }

    // MARK: - Memory

    private func end(_ bytes: Int, _ ticket: UInt64) {
        ends.append((ends.last ?? 0) + Frame.headSize + bytes)
        tickets.append(ticket)
    }

    /// Where the next record goes, which has at most so many bytes.
    private func reserve(_ bytes: Int) -> UnsafeMutablePointer<UInt8> {
        let used = ends.last ?? 0
        let needed = used + Frame.headSize + bytes
        if needed > capacity {
            capacity = 2 * capacity + bytes
            let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
            larger.update(from: memory, count: used)
            memory.deallocate()
            memory = larger
        }
        return memory + used + Frame.headSize
    }
}
