// SPDX-License-Identifier: Apache-2.0

/// Compares the journal with the log that was made from it, record by record.
public final class JournalCheck {
    private let reader: AuditReader
    private let directory: String

    /// - Parameter directory: as in ``AuditConfiguration``, above `journal`; nothing in it is changed.
    /// - Throws: ``AuditError`` when there is no journal or its last segment is damaged.
    public init(directory: String) throws(AuditError) {
        self.directory = directory
        reader = try AuditReader(directory: directory)
    }

    /// Records in the journal.
    public var size: UInt64 { reader.size }

    /// What is wrong with the journal's record of that index; to be asked in order.
    public func fault(_ index: UInt64, _ record: UnsafeRawBufferPointer) -> LogFault? {
        let file = "\(directory)/journal"
        do {
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
