// SPDX-License-Identifier: Apache-2.0

/// The names and the first bytes of the journal's files.
///
/// A segment is `NNNNNNNNNNNNNNNNNNNN.journal`: the index of its first record in 20 digits. It begins with seven bytes
/// of magic and one of version; frames follow without gaps.
enum SegmentFile {
    static let version: UInt8 = 1
    static let header: [UInt8] = Array("TGAUDIT".utf8) + [version]
    static let headerSize = Int64(header.count)

    static func name(first: UInt64) -> String {
        let digits = String(first)
        return String(repeating: "0", count: 20 - digits.count) + digits + ".journal"
    }

    static func path(_ directory: String, first: UInt64) -> String {
        "\(directory)/\(name(first: first))"
    }

    /// The first indices of a directory's segments, ascending; other files are passed over.
    static func list(_ directory: String, _ files: any FileSystem) throws(AuditError) -> [UInt64] {
        let names: [String]
        do {
            names = try files.list(directory)
        } catch {
            throw AuditError(error, file: directory)
        }
        return names.compactMap { text in
            guard let first = UInt64(text.prefix(20)), name(first: first) == text else { return nil }
            return first
        }.sorted()
    }

    /// A new segment without records, its name and header on the disk, with room for `size` bytes if the disk has it.
    static func create(
        _ directory: String,
        first: UInt64,
        size: Int64,
        _ files: any FileSystem
    ) throws(AuditError) -> (file: Int32, size: Int64) {
        let path = path(directory, first: first)
        do throws(FileFault) {
            let file = try files.open(path, writable: true)
            do throws(FileFault) {
                try files.truncate(file, to: 0)
                try files.writeAll(file, header, at: 0)
                try files.sync(file)
                try files.syncDirectory(directory)
                // Not before the header is on the disk: room without one is no segment. The first group syncs the size.
                return (file, allocate(file, to: size, files) ?? headerSize)
            } catch {
                files.close(file)
                throw error
            }
        } catch {
            throw AuditError(error, file: path)
        }
    }

    /// Gives a segment room; nil when it has none now, which only makes its syncs slower.
    static func allocate(_ file: Int32, to size: Int64, _ files: any FileSystem) -> Int64? {
        guard size > headerSize, (try? files.allocate(file, to: size)) != nil,
            let now = try? files.size(file), now >= size
        else { return nil }
        return now
    }
}

extension AuditError {
    init(_ fault: FileFault, file: String) {
        self.init(.io, file: file, "\(fault)")
    }
}
