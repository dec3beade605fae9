// SPDX-License-Identifier: Apache-2.0

/// Compares the journal with the log that was made from it, record by record.
public final class JournalCheck {
    private let directory: String
    /// Opened after the log's checkpoint was read, which covers no more than is in the journal by then.
    private var opened: AuditReader?

    /// - Parameter directory: as in ``AuditConfiguration``, above `journal`; nothing in it is changed.
    public init(directory: String) {
        self.directory = directory
    }

    /// Records in the journal.
    ///
    /// - Throws: ``AuditError`` when there is no journal or its last segment is damaged.
    public func size() throws(AuditError) -> UInt64 { try reader().size }

    private func reader() throws(AuditError) -> AuditReader {
        if let opened { return opened }
        let reader = try AuditReader(directory: directory)
        opened = reader
        return reader
    }

    /// What is wrong with the journal's record of that index; to be asked in order.
    public func fault(_ index: UInt64, _ record: UnsafeRawBufferPointer) -> LogFault? {
        let file = "\(directory)/journal"
        let reader: AuditReader
        do throws(AuditError) {
            reader = try self.reader()
            if reader.position != index { reader.seek(to: index) }
            guard try reader.advance() != nil else {
                return LogFault(.journal, record: index, file: file, "ends before this record")
            }
        } catch {
            return LogFault(.journal, record: index, file: error.file, error.reason)
        }
        let isSame = reader.withRecord { $0.elementsEqual(record) }
        return isSame ? nil : LogFault(.journal, record: index, file: file, "has another record than the log")
    }
}
