// SPDX-License-Identifier: Apache-2.0

/// What opening a journal found.
public struct JournalRecovery: Hashable, Sendable {
    /// The index that the next record gets.
    public var size: UInt64
    /// Bytes of unfinished records that were cut off the last segment, without zeros behind them; 0 after an orderly end
    /// and when nothing was under way.
    public var cutBytes: Int64
    /// The last segment's path.
    public var file: String
    /// Where the last segment ends now.
    public var offset: Int64
}

/// The end of a segment: how far its frames are whole.
struct SegmentEnd {
    var next: UInt64
    var offset: Int64
    /// False when not even the header is there.
    var hasHeader = true

    /// Follows the frames of a segment to their end.
    ///
    /// What lies behind the last whole frame is taken for a torn write, unless a later frame proves that it had been
    /// synced. `frame` is called with each frame's index and offset.
    ///
    /// - Throws: ``AuditError`` with `corrupt` and the offset of the first bad frame.
    static func find(
        directory: String,
        first: UInt64,
        files: any FileSystem,
        frame: (UInt64, Int64) -> Void = { _, _ in }
    ) throws(AuditError) -> SegmentEnd {
        var cursor = try SegmentCursor(directory: directory, first: first, files: files, at: SegmentFile.headerSize)
        guard try cursor.hasHeader() else {
            return SegmentEnd(next: first, offset: 0, hasHeader: false)
        }
        var next = first
        while true {
            let offset = cursor.offset
            switch try cursor.step(expecting: next) {
            case .frame:
                frame(next, offset)
                next += 1
            case .end:
                return SegmentEnd(next: next, offset: offset)
            case .damaged(let reason):
                if try cursor.isSynced(next) {
                    throw AuditError(
                        .corrupt,
                        file: cursor.path,
                        offset: offset,
                        "\(reason), and records behind it are whole: record \(next) was damaged after it was written; "
                            + "nothing was changed; restore the segment from a copy"
                    )
                }
                return SegmentEnd(next: next, offset: offset)
            }
        }
    }
}
