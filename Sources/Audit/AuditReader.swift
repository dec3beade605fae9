// SPDX-License-Identifier: Apache-2.0

/// One record with its place in the log.
public struct AuditEntry: Hashable, Sendable {
    /// Its index, from 0.
    public var index: UInt64
    /// The record's JSON.
    public var bytes: [UInt8]
}

/// Where a record lies in the journal, as ``AuditReader/place`` said it.
public struct AuditPlace: Hashable, Sendable {
    /// The index of its segment's first record, by which the segment's file is named.
    public var segment: UInt64
    /// Where it begins in the segment, in bytes.
    public var offset: Int64

    /// A place that was kept.
    public init(segment: UInt64, offset: Int64) {
        self.segment = segment
        self.offset = offset
    }
}

/// Reads records of the journal in order or by index, also while the log is written: it sees sealed records only.
///
/// Every record's checksum and index are verified. A reader is used by one thread at a time; there may be many.
public final class AuditReader {
    private let directory: String
    private let files: any FileSystem
    private let offsets: OffsetIndex
    private let bound: () -> UInt64

    /// Reads on from ``position``.
    private var cursor: SegmentCursor?
    /// The record that the cursor stands behind, when ``advance()`` has just come there.
    private var current: Frame?
    /// The index that ``next()`` returns next.
    public private(set) var position: UInt64 = 0
    /// Records that were sealed when the buffer was filled; what it holds behind them may be replaced in the file.
    private var seen: UInt64 = 0

    /// Reads single records, with a small buffer.
    private var finder: SegmentCursor?

    init(directory: String, files: any FileSystem, offsets: OffsetIndex, bound: @escaping () -> UInt64) {
        self.directory = directory
        self.files = files
        self.offsets = offsets
        self.bound = bound
    }

    /// Opens the journal of a log that is not written at the moment, changing nothing in it.
    ///
    /// - Parameter directory: The log's directory, as in ``AuditConfiguration``.
    /// - Throws: ``AuditError`` when there is none or its last segment is damaged. An unfinished record at the end is
    ///   passed over.
    public convenience init(directory: String) throws(AuditError) {
        try self.init(directory: directory, files: SystemFileSystem())
    }

    package convenience init(directory: String, files: any FileSystem) throws(AuditError) {
        let journal = "\(directory)/journal"
        let firsts = try SegmentFile.list(journal, files)
        var size: UInt64 = 0
        if let last = firsts.last {
            size = try SegmentEnd.find(directory: journal, first: last, files: files).next
        }
        self.init(directory: journal, files: files, offsets: OffsetIndex(firsts: firsts)) { [size] in size }
    }

    /// How many records there are now: the index of the one that comes next.
    public var size: UInt64 { bound() }

    /// The first record that the journal holds.
    public var first: UInt64 { offsets.first }

    /// Makes ``next()`` and ``advance()`` go on from that index.
    public func seek(to index: UInt64) {
        current = nil
        guard index != position else { return }
        position = index
        cursor = nil
    }

    /// The next record in order; nil when all sealed ones have been read, until there are more.
    ///
    /// - Throws: ``AuditError`` `corrupt` with file and offset when the record is not what was written; `io`.
    public func next() throws(AuditError) -> AuditEntry? {
        guard let index = try advance() else { return nil }
        return AuditEntry(index: index, bytes: withRecord { Array($0) })
    }

    /// Goes to the next record in order, to be read with ``withRecord(_:)``, and answers its index; nil as in
    /// ``next()``.
    ///
    /// - Throws: ``AuditError`` as ``next()`` does.
    public func advance() throws(AuditError) -> UInt64? {
        current = nil
        if position >= seen {
            let size = bound()
            guard position < size else { return nil }
            seen = size
            cursor?.forget()
        }
        if cursor == nil {
            let place = try place(of: position)
            cursor = try open(place, capacity: 1 << 18)
            try skip(&cursor, from: place.index, to: position)
        }
        current = try step(&cursor, position)
        if current == nil {
            // The segment ends here: the record is the first of the one behind.
            let place = try place(of: position)
            guard place.segment == position else { throw lost(position, in: place.segment) }
            cursor = try open(place, capacity: 1 << 18)
            current = try step(&cursor, position)
            guard current != nil else { throw lost(position, in: place.segment) }
        }
        position += 1
        return position - 1
    }

    /// Where the record lies that ``advance()`` went to; nil when there is none.
    public var place: AuditPlace? {
        guard let current else { return nil }
        return cursor?.place(of: current)
    }

    /// The JSON of the record that ``advance()`` went to, where it was read; valid during the call. It is empty when
    /// there is none.
    public func withRecord<Value, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        guard let current, cursor != nil else { return try body(UnsafeRawBufferPointer(start: nil, count: 0)) }
        return try cursor!.withPayload(of: current, body)
    }

    /// The record of that index; nil when it is not sealed yet.
    ///
    /// - Parameter known: an earlier record and where it lies: a journal just opened need not be looked through from the
    ///   start of the segment.
    /// - Throws: ``AuditError`` as ``next()`` does, and where `known` is wrong.
    public func record(
        at index: UInt64,
        after known: (index: UInt64, place: AuditPlace)? = nil
    ) throws(AuditError) -> [UInt8]? {
        guard index < bound() else { return nil }
        var place = try place(of: index)
        if let known, known.place.segment == place.segment, known.index > place.index, known.index <= index {
            place.index = known.index
            place.offset = known.place.offset
        }
        if finder?.first == place.segment {
            finder?.move(to: place.offset)
        } else {
            finder = try open(place, capacity: 1 << 16)
        }
        try skip(&finder, from: place.index, to: index)
        guard let frame = try step(&finder, index) else { throw lost(index, in: place.segment) }
        return finder?.payload(of: frame)
    }

    // MARK: - Parts

    private func place(of index: UInt64) throws(AuditError) -> OffsetIndex.Place {
        guard let place = offsets.place(of: index) else {
            throw AuditError(
                .corrupt,
                file: directory,
                "the segment with record \(index) is missing; restore it from a copy"
            )
        }
        return place
    }

    private func open(_ place: OffsetIndex.Place, capacity: Int) throws(AuditError) -> SegmentCursor {
        var cursor = try SegmentCursor(
            directory: directory,
            first: place.segment,
            files: files,
            at: place.offset,
            capacity: capacity
        )
        guard try cursor.hasHeader() else { throw lost(place.segment, in: place.segment) }
        return cursor
    }

    /// Steps over the records in between, looking at their heads only.
    private func skip(
        _ cursor: inout SegmentCursor?,
        from: UInt64,
        to index: UInt64
    ) throws(AuditError) {
        guard var current = cursor.take() else { return }
        var next = from
        while next < index {
            let offset = current.offset
            offsets.note(next, at: offset, segment: current.first)
            switch try current.step(expecting: next, verified: false) {
            case .frame: next += 1
            case .end: throw lost(next, in: current.first)
            case .damaged(let reason): throw damaged(next, current.path, offset, reason)
            }
        }
        cursor = consume current
    }

    /// Steps over the record that the cursor stands before; nil when the segment ends there.
    private func step(_ cursor: inout SegmentCursor?, _ index: UInt64) throws(AuditError) -> Frame? {
        guard var current = cursor.take() else { return nil }
        let offset = current.offset
        offsets.note(index, at: offset, segment: current.first)
        switch try current.step(expecting: index) {
        case .frame(let frame):
            cursor = consume current
            return frame
        case .end: return nil
        case .damaged(let reason):
            // There may be room, which is zeros, behind a segment's last record.
            if index > current.first, try place(of: index).segment == index { return nil }
            throw damaged(index, current.path, offset, reason)
        }
    }

    private func lost(_ index: UInt64, in segment: UInt64) -> AuditError {
        AuditError(
            .corrupt,
            file: SegmentFile.path(directory, first: segment),
            "the segment ends before record \(index); restore it from a copy"
        )
    }

    private func damaged(_ index: UInt64, _ path: String, _ offset: Int64, _ reason: String) -> AuditError {
        AuditError(.corrupt, file: path, offset: offset, "record \(index): \(reason); restore the segment from a copy")
    }
}
