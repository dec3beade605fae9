// SPDX-License-Identifier: Apache-2.0

import Audit
import Testing

@Suite struct RecoveryTests {
    static let segment = "audit/journal/00000000000000000000.journal"

    /// A closed journal with records 0…count-1, each synced alone unless they are one group.
    private func journal(_ count: Int, asOneGroup: Bool = false, segmentBytes: Int64 = 1 << 20) throws
        -> MemoryFileSystem
    {
        let files = MemoryFileSystem()
        var configuration = memory
        configuration.segmentBytes = segmentBytes
        let log = try openLog(files, configuration)
        if asOneGroup {
            _ = log.write((0..<count).map { payload($0) })
        } else {
            for i in 0..<count { _ = log.write([payload(i)]) }
        }
        log.close()
        return files
    }

    /// Where each frame of 40 bytes of payload begins.
    private func offset(_ index: Int) -> Int { 8 + index * 64 }

    @Test func `a tail torn at any byte of the last record is cut off, and the rest is whole`() throws {
        let whole = try #require(try journal(5)[Self.segment])
        #expect(whole.count == offset(5))
        for end in offset(4)..<whole.count {
            let files = MemoryFileSystem()
            files[Self.segment] = Array(whole[..<end])
            let log = try openLog(files)
            #expect(log.size == 4)
            #expect((log.recovery.cutBytes > 0) == whole[offset(4)..<end].contains { $0 != 0 })
            #expect(log.write([payload(9)]).map(\.index) == [4])
            log.close()
            #expect(files[Self.segment]?.count == whole.count)
            #expect(
                try AuditReader(directory: "audit", files: files).all().map(\.bytes)
                    == [0, 1, 2, 3, 9].map { payload($0) }
            )
        }
    }

    @Test func `a last record with a wrong byte anywhere is cut off`() throws {
        let whole = try #require(try journal(3)[Self.segment])
        for place in offset(2)..<whole.count {
            let files = MemoryFileSystem()
            files[Self.segment] = whole
            files[Self.segment]![place] ^= 0x10
            let log = try openLog(files)
            #expect(log.size == 2)
            log.close()
        }
    }

    @Test func `zeros that a power cut left at the end are cut off`() throws {
        let files = try journal(3)
        files[Self.segment]! += [UInt8](repeating: 0, count: 5000)
        let log = try openLog(files)
        #expect(log.size == 3)
        #expect(log.recovery.cutBytes == 0)
        _ = log.write([payload(3)])
        log.close()
        #expect(files[Self.segment]?.count == offset(4))
    }

    @Test func `a wrong byte anywhere before the last record is refused with file and offset, and nothing is changed`()
        throws
    {
        let whole = try #require(try journal(4)[Self.segment])
        for place in offset(1)..<offset(3) {
            let files = MemoryFileSystem()
            var bytes = whole
            bytes[place] ^= 0x01
            files[Self.segment] = bytes
            let error = #expect(throws: AuditError.self) { try openLog(files) }
            #expect(error?.code == .corrupt)
            #expect(error?.file == Self.segment)
            #expect(error?.offset == Int64(offset((place - 8) / 64)))
            #expect(files[Self.segment] == bytes)
            #expect(files.openFiles == 0)
        }
    }

    @Test func `the pages of an unfinished group may have reached the disk in any order`() throws {
        let files = try journal(2)
        let log = try openLog(files)
        let before = offset(2)
        _ = log.write((2..<12).map { payload($0) })
        log.close()
        // The group's first page is missing, a later one is there, and no later group says that all were synced.
        for i in before..<before + 70 { files[Self.segment]![i] = 0 }
        let reopened = try openLog(files)
        #expect(reopened.size == 2)
        #expect(reopened.write([payload(2)]).map(\.index) == [2])
        reopened.close()
        #expect(try AuditReader(directory: "audit", files: files).all().count == 3)
    }

    @Test func `a record in another's place is refused`() throws {
        let files = try journal(4)
        let whole = try #require(files[Self.segment])
        files[Self.segment]!.replaceSubrange(offset(1)..<offset(2), with: whole[offset(2)..<offset(3)])
        let error = #expect(throws: AuditError.self) { try openLog(files) }
        #expect(error?.code == .corrupt)
        #expect(error?.offset == Int64(offset(1)))
    }

    @Test func `a file that is no segment is refused, and one of a newer format says so`() throws {
        for (place, code) in [(0, AuditError.Code.corrupt), (7, .version)] {
            let files = try journal(2)
            files[Self.segment]![place] ^= 0x40
            let error = #expect(throws: AuditError.self) { try openLog(files) }
            #expect(error?.code == code)
            #expect(error?.offset == Int64(place))
        }
    }

    @Test func `a journal shorter than a checkpoint says is refused and left as it is`() throws {
        let files = try journal(5)
        files[Self.segment]!.removeLast()
        let torn = files[Self.segment]
        var configuration = memory
        configuration.knownSize = 5
        let error = #expect(throws: AuditError.self) { try openLog(files, configuration) }
        #expect(error?.code == .truncated)
        #expect(files[Self.segment] == torn)
        configuration.knownSize = 4
        #expect(throws: Never.self) { try openLog(files, configuration).close() }
    }

    @Test func `a segment whose creation was cut short is made anew`() throws {
        let next = "audit/journal/00000000000000000003.journal"
        for size in 0...8 {
            let files = try journal(3)
            files[next] = [UInt8](repeating: 0, count: size)
            let log = try openLog(files)
            #expect(log.write([payload(3)]).map(\.index) == [3])
            log.close()
            #expect(try AuditReader(directory: "audit", files: files).all().count == 4)
        }
    }

    @Test func `an empty segment that the one before does not lead up to is refused`() throws {
        let files = try journal(3)
        files["audit/journal/00000000000000000005.journal"] = Array("TGAUDIT\u{1}".utf8)
        let error = #expect(throws: AuditError.self) { try openLog(files) }
        #expect(error?.code == .corrupt)
    }
}
