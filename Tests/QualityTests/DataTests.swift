// SPDX-License-Identifier: Apache-2.0

import TestSupport
import Testing

@testable import Quality

@Suite struct DataTests {
    private func fault(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no fault"
        } catch {
            return "\(error)"
        }
    }

    // MARK: - NumPy

    private func npy(_ header: String, _ elements: [UInt8], version: UInt8 = 1) -> [UInt8] {
        let text = Array((header + "\n").utf8)
        let length = (0..<(version == 1 ? 2 : 4)).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
        return [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0] + length + text + elements
    }

    private func header(_ descr: String, _ shape: String, order: String = "False") -> String {
        "{'descr': '\(descr)', 'fortran_order': \(order), 'shape': \(shape), }"
    }

    @Test(arguments: 1...3)
    func `arrays of every type and header version are read`(version: Int) throws {
        func check<Number: BitwiseCopyable>(_ descr: String, _ numbers: [Number], _ expected: [Double]) throws {
            let bytes = numbers.withUnsafeBytes { Array($0) }
            let array = try NumPyArray(npy(header(descr, "(2,)"), bytes, version: UInt8(version)), file: "a.npy")
            #expect(array.shape == [2] && array.count == 2 && [array[0], array[1]] == expected, "\(descr)")
        }
        try check("|b1", [UInt8(0), 2], [0, 1])
        try check("|i1", [Int8(-3), 4], [-3, 4])
        try check("<i2", [Int16(-300), 4], [-300, 4])
        try check("<i4", [Int32(-300), 70_000], [-300, 70_000])
        try check("<i8", [Int64(-300), 1 << 40], [-300, 1_099_511_627_776])
        try check("|u1", [UInt8(200), 4], [200, 4])
        try check("<u2", [UInt16(60_000), 4], [60_000, 4])
        try check("<u4", [UInt32(4_000_000_000), 4], [4_000_000_000, 4])
        try check("<u8", [UInt64(1) << 50, 4], [1_125_899_906_842_624, 4])
        try check("<f2", [Float16(0.5), -2], [0.5, -2])
        try check("<f4", [Float(0.1), -2], [Double(Float(0.1)), -2])
        try check("<f8", [0.1, -2], [0.1, -2])
    }

    @Test(arguments: [
        ("{'descr': '<f4', 'fortran_order': True, 'shape': (1,), }", "Fortran"),
        ("{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "little-endian"),
        ("{'descr': '<U4', 'fortran_order': False, 'shape': (1,), }", "little-endian"),
        ("{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "little-endian"),
        ("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "structured"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "needs 8"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1), }", "no tuple"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,), }", "whole number"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (9999999999,9999999999), }", "larger"),
        ("{'descr': '<f4', 'fortran_order': False, }", "lacks"),
        ("{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", "twice"),
        ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } more", "more behind"),
        ("{'descr': '<f4", "without an end"),
    ])
    func `an array that cannot be read is named with the byte`(header: String, says: String) {
        let found = fault { _ = try NumPyArray(npy(header, [0, 0, 0, 0]), file: "a.npy") }
        #expect(found.hasPrefix("a.npy, byte ") && found.contains(says), "\(found)")
    }

    @Test func `whatever is done to an array's bytes, it is read or refused`() throws {
        let good = npy(header("<f4", "(3, 2)"), Array(repeating: 7, count: 24))
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<20_000 {
            let bad = generator.damaged(good)
            if let array = try? NumPyArray(bad, file: "a") {
                #expect(array.count == 0 || array[array.count - 1].isNaN || !array[array.count - 1].isNaN)
            }
        }
    }

    // MARK: - ZIP

    /// An archive with members that are stored.
    private func zip(_ members: [(name: String, content: [UInt8])]) -> [UInt8] {
        func number(_ value: Int, _ size: Int) -> [UInt8] {
            (0..<size).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        }
        var (bytes, directory): ([UInt8], [UInt8]) = ([], [])
        for (name, content) in members {
            let common =
                number(20, 2) + number(0, 8) + number(Int(CRC32.of(content)), 4) + number(content.count, 4)
                + number(content.count, 4) + number(name.utf8.count, 2)
            directory +=
                Array("PK\u{1}\u{2}".utf8) + number(20, 2) + common + number(0, 12) + number(bytes.count, 4)
                + Array(name.utf8)
            bytes += Array("PK\u{3}\u{4}".utf8) + common + number(0, 2) + Array(name.utf8) + content
        }
        let end =
            Array("PK\u{5}\u{6}".utf8) + number(0, 4) + number(members.count, 2) + number(members.count, 2)
            + number(directory.count, 4) + number(bytes.count, 4) + number(0, 2)
        return bytes + directory + end
    }

    @Test func `members of an archive are found by name, their checksums verified`() throws {
        #expect(CRC32.of("123456789".utf8) == 0xcbf4_3926)
        let bytes = zip([("x.npy", [1, 2, 3]), ("y.npy", Array(repeating: 9, count: 1000))])
        let archive = try ZipArchive(bytes, file: "a.npz")
        #expect(archive.names == ["x.npy", "y.npy"])
        #expect(try archive.member("x.npy", limit: 100) == [1, 2, 3])
        #expect(try archive.member("z.npy", limit: 100) == nil)
        #expect(fault { _ = try archive.member("y.npy", limit: 100) }.contains("at most 100"))
        var damaged = bytes
        damaged[35] ^= 1
        let found = fault { _ = try ZipArchive(damaged, file: "a.npz").member("x.npy", limit: 100) }
        #expect(found.hasPrefix("a.npz:x.npy, byte ") && found.contains("checksum"), "\(found)")
        #expect(fault { _ = try ZipArchive([], file: "a.npz") }.contains("no ZIP archive"))
    }

    @Test func `whatever is done to an archive's bytes, it is read or refused`() throws {
        let array = npy(header("<f4", "(3, 2)"), Array(repeating: 7, count: 24))
        let good = zip([("x.npy", array), ("y.npy", npy(header("|u1", "(3,)"), [1, 2, 3]))])
        #expect(try LabelledNumbers(npz: good, file: "a").count == 3)
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<20_000 { _ = try? LabelledNumbers(npz: generator.damaged(good), file: "a", limit: 1 << 20) }
    }

    @Test func `arrays that do not belong together are refused`() throws {
        let x = npy(header("<f4", "(3, 2)"), Array(repeating: 7, count: 24))
        let y = npy(header("|u1", "(2,)"), [1, 2])
        let found = fault { _ = try LabelledNumbers(npy: x, file: "x.npy", labels: y, labelsFile: "y.npy") }
        #expect(found.hasPrefix("y.npy") && found.contains("3 instances"), "\(found)")
        #expect(fault { _ = try LabelledNumbers(npz: zip([("a.npy", x)]), file: "a.npz") }.contains("name it x"))
    }

    // MARK: - CSV

    @Test func `rows of a table, its label by name, by number, in quotes`() throws {
        let text = "\u{feff}a,\"label\",b\r\n1, 7 ,\"2.5\"\r\n\r\n-3e2,8,0\n"
        let table = try CSVTable(Array(text.utf8), file: "a.csv")
        #expect(table.rows == [[1, 2.5], [-300, 0]] && table.labels == [7, 8] && table.lines == [2, 4])
        #expect(try CSVTable(Array("1,2,3\n4,5,6".utf8), labelColumn: "3", file: "a").labels == [3, 6])
        #expect(try CSVTable(Array("x,y\n4,5".utf8), labelColumn: "x", file: "a").rows == [[5]])
        let quoted = try CSVTable(Array("\"a\nb\",label\n4,5".utf8), file: "a")
        #expect(quoted.lines == [3])
    }

    @Test(arguments: [
        ("", "has no row"), ("a,label\n", "behind its header"), ("1,2\n", "line 1: no column is named 'label'"),
        ("a,label\n1,2\n3\n", "line 3: has 1 fields"), ("a,label\n1,x\n", "line 2, column 2: 'x' is no number"),
        ("a,label\nnan,1\n", "line 2, column 1"), ("a,label\n\"1,2\n", "line 2, column 1: has a quote"),
        ("a,label\n\"1\"2,2\n", "behind a closing quote"), ("a,label\n,2\n", "line 2, column 1: '' is no number"),
    ])
    func `a table that cannot be read is named with line and column`(text: String, says: String) {
        let found = fault { _ = try CSVTable(Array(text.utf8), file: "a.csv") }
        #expect(found.hasPrefix("a.csv") && found.contains(says), "\(found)")
    }

    @Test func `numbers come back as they were written, and any bytes are read or refused`() throws {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<200 {
            let rows = (0..<Int.random(in: 1...5, using: &generator)).map { _ in
                (0..<3).map { _ in Double.random(in: -1e9...1e9, using: &generator) }
            }
            let text = "a,label,b\n" + rows.map { $0.map(\.description).joined(separator: ",") + "\n" }.joined()
            let table = try CSVTable(Array(text.utf8), file: "a")
            #expect(table.rows == rows.map { [$0[0], $0[2]] } && table.labels == rows.map { $0[1] })
            for _ in 0..<50 { _ = try? CSVTable(generator.damaged(Array(text.utf8)), file: "a") }
        }
    }
}

extension SeededGenerator {
    /// The bytes with some of them changed, cut out, doubled, or cut off.
    fileprivate mutating func damaged(_ bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !bytes.isEmpty {
            let place = Int.random(in: bytes.indices, using: &self)
            switch Int.random(in: 0..<5, using: &self) {
            case 0: bytes[place] = UInt8.random(in: .min ... .max, using: &self)
            case 1: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &self)
            case 2: bytes.remove(at: place)
            case 3: bytes.insert(bytes[place], at: place)
            default: bytes.removeSubrange(place...)
            }
        }
        return bytes
    }
}
