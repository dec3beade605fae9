// SPDX-License-Identifier: Apache-2.0

import ContentCoding

/// The members of a ZIP archive (PKWARE APPNOTE 6.3.10), as NumPy writes them: stored or deflated, ZIP64 sizes included.
public struct ZipArchive: Sendable {
    private struct Entry {
        let name: String
        let method: Int
        let crc: UInt32
        let packed: Int
        let size: Int
        let offset: Int
    }

    private let bytes: [UInt8]
    private let entries: [Entry]
    private let file: String

    /// The names of all members, in the directory's order.
    public var names: [String] { entries.map(\.name) }

    /// Reads the archive's directory.
    ///
    /// - Throws: ``DataFault`` with the byte.
    public init(_ bytes: [UInt8], file: String) throws(DataFault) {
        self.bytes = bytes
        self.file = file
        let reader = Bytes(bytes: bytes, file: file)
        // The end record stands at the end, before a comment of at most 65,535 bytes.
        let least = max(0, bytes.count - 22 - 65_535)
        guard
            let end = stride(from: bytes.count - 22, through: least, by: -1).first(where: {
                reader.is("PK\u{5}\u{6}", at: $0)
            })
        else { throw DataFault(file, "", "is no ZIP archive: it has no end of a directory") }
        var count = try reader.number(end + 10, 2)
        var place = try reader.number(end + 16, 4)
        if reader.is("PK\u{6}\u{7}", at: end - 20), count == 0xffff || place == 0xffff_ffff {
            let record = try reader.number(end - 20 + 8, 8)
            guard reader.is("PK\u{6}\u{6}", at: record) else {
                throw reader.fault(end - 20, "names no ZIP64 directory")
            }
            count = try reader.number(record + 32, 8)
            place = try reader.number(record + 48, 8)
        }
        guard count <= 65_536 else { throw reader.fault(end, "has \(count) members; at most 65536 are read") }
        var entries: [Entry] = []
        for _ in 0..<count {
            guard reader.is("PK\u{1}\u{2}", at: place) else {
                throw reader.fault(place, "expected a member of the directory")
            }
            let nameLength = try reader.number(place + 28, 2)
            let extraLength = try reader.number(place + 30, 2)
            let name = try reader.slice(place + 46, nameLength)
            var sizes = [
                try reader.number(place + 24, 4), try reader.number(place + 20, 4), try reader.number(place + 42, 4),
            ]
            try Self.widen(&sizes, try reader.slice(place + 46 + nameLength, extraLength), reader)
            guard try reader.number(place + 8, 2) & 1 == 0 else { throw reader.fault(place, "has an encrypted member") }
            entries.append(
                Entry(
                    name: String(decoding: name, as: UTF8.self),
                    method: try reader.number(place + 10, 2),
                    crc: UInt32(try reader.number(place + 16, 4)),
                    packed: sizes[1],
                    size: sizes[0],
                    offset: sizes[2]
                )
            )
            place += 46 + nameLength + extraLength + (try reader.number(place + 32, 2))
        }
        self.entries = entries
    }

    /// ZIP64's extra field has those of the three numbers that did not fit, in this order.
    private static func widen(_ sizes: inout [Int], _ extra: ArraySlice<UInt8>, _ reader: Bytes) throws(DataFault) {
        var next = extra.startIndex
        while next + 4 <= extra.endIndex {
            let kind = try reader.number(next, 2)
            let end = next + 4 + (try reader.number(next + 2, 2))
            guard end <= extra.endIndex else { throw reader.fault(next, "has a damaged extra field") }
            if kind == 1 {
                var place = next + 4
                for index in sizes.indices where sizes[index] == 0xffff_ffff {
                    guard place + 8 <= end else { throw reader.fault(next, "has a damaged ZIP64 field") }
                    sizes[index] = try reader.number(place, 8)
                    place += 8
                }
            }
            next = end
        }
    }

    /// A member's content, its checksum verified.
    ///
    /// - Parameter limit: the most bytes that it may have.
    /// - Returns: nil when there is no member of that name.
    /// - Throws: ``DataFault`` with the byte.
    public func member(_ name: String, limit: Int) throws(DataFault) -> [UInt8]? {
        guard let entry = entries.first(where: { $0.name == name }) else { return nil }
        let reader = Bytes(bytes: bytes, file: "\(file):\(name)")
        guard reader.is("PK\u{3}\u{4}", at: entry.offset) else { throw reader.fault(entry.offset, "expected a member") }
        guard entry.size <= limit else {
            throw reader.fault(entry.offset, "has \(entry.size) bytes; at most \(limit) are read")
        }
        let start =
            entry.offset + 30 + (try reader.number(entry.offset + 26, 2)) + (try reader.number(entry.offset + 28, 2))
        let packed = try reader.slice(start, entry.packed)
        switch entry.method {
        case 0:
            guard packed.count == entry.size, CRC32.of(packed) == entry.crc else {
                throw reader.fault(start, "is damaged: its checksum is another")
            }
            return Array(packed)
        case 8:
            // A deflated member is a gzip member without its frame (RFC 1952, section 2.3), which has the checksum too.
            func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
            let framed =
                [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255] + packed + word(entry.crc)
                + word(UInt32(truncatingIfNeeded: entry.size))
            let content: [UInt8]?
            do {
                content = try framed.withUnsafeBytes { try ContentCoding.gzip.decode($0, limit: entry.size) }
            } catch {
                content = nil
            }
            guard let content, content.count == entry.size else {
                throw reader.fault(start, "is damaged: it does not inflate to what its checksum says")
            }
            return content
        default:
            throw reader.fault(start, "is compressed by method \(entry.method); stored and deflated members are read")
        }
    }
}

/// Little-endian numbers at places that need not be there.
private struct Bytes {
    let bytes: [UInt8]
    let file: String

    func fault(_ place: Int, _ reason: String) -> DataFault { DataFault(file, "byte \(place)", reason) }

    func `is`(_ mark: String, at place: Int) -> Bool {
        place >= 0 && place <= bytes.count - 4 && bytes[place..<place + 4].elementsEqual(mark.utf8)
    }

    func slice(_ place: Int, _ count: Int) throws(DataFault) -> ArraySlice<UInt8> {
        guard place >= 0, count >= 0, place <= bytes.count, count <= bytes.count - place else {
            throw fault(place, "ends too early")
        }
        return bytes[place..<place + count]
    }

    func number(_ place: Int, _ size: Int) throws(DataFault) -> Int {
        let value = try slice(place, size).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard value < 1 << 48 else { throw fault(place, "has a number that is larger than any file") }
        return Int(value)
    }
}

/// The checksum of ZIP and gzip (RFC 1952, section 8).
enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        (0..<8).reduce(UInt32(byte)) { rest, _ in rest & 1 == 0 ? rest >> 1 : 0xedb8_8320 ^ rest >> 1 }
    }

    static func of(_ bytes: some Sequence<UInt8>) -> UInt32 {
        let table = table
        return ~bytes.reduce(~0) { table[Int(UInt8(truncatingIfNeeded: $0) ^ $1)] ^ $0 >> 8 }
    }
}
