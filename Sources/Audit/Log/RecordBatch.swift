// SPDX-License-Identifier: Apache-2.0

/// Records on their way to the log, one behind the other in one piece of memory.
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
    /// Where each record ends.
    private(set) var ends: [Int] = []
    private var memory: UnsafeMutablePointer<UInt8>
    private var capacity: Int
    private(set) var byteCount = 0

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
        reserve(RecordWriter.room)
        end(record.encode(to: memory + byteCount), ticket)
    }

    /// Writes a record of the template's kind behind the others.
    public func append(_ template: RecordTemplate, _ measures: AuditMeasures, ticket: UInt64) {
        reserve(RecordWriter.room)
        end(template.write(measures, to: memory + byteCount), ticket)
    }

    /// Appends a payload that is encoded already.
    ///
    /// - Precondition: it has 1 to 65,535 bytes.
    public func append(payload: [UInt8], ticket: UInt64) {
        precondition((1...AuditRecord.maximumBytes).contains(payload.count), "no record is as long as that")
        reserve(payload.count)
        payload.withUnsafeBufferPointer { bytes in
            guard let base = bytes.baseAddress else { return }
            (memory + byteCount).update(from: base, count: bytes.count)
        }
        end(payload.count, ticket)
    }

    /// Makes the batch ready to be filled again; its memory stays.
    public func removeAll() {
        tickets.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        byteCount = 0
        first = nil
    }

    /// The record at that place.
    subscript(place: Int) -> UnsafeRawBufferPointer {
        let start = place == 0 ? 0 : ends[place - 1]
        return UnsafeRawBufferPointer(start: memory + start, count: ends[place] - start)
    }

    private func end(_ bytes: Int, _ ticket: UInt64) {
        byteCount += bytes
        ends.append(byteCount)
        tickets.append(ticket)
    }

    private func reserve(_ bytes: Int) {
        guard capacity - byteCount < bytes else { return }
        capacity = 2 * capacity + bytes
        let larger = UnsafeMutablePointer<UInt8>.allocate(capacity: capacity)
        larger.update(from: memory, count: byteCount)
        memory.deallocate()
        memory = larger
    }
}
