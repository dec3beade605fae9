// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Audit

struct IntegratorTests {
    /// What a process does: it writes records and integrates them, step by step.
    private struct Life {
        let files: MemoryFileSystem
        let log: AuditLog
        let integration: TileIntegration

        init(_ files: MemoryFileSystem, durability: AuditDurability = .durable) throws {
            self.files = files
            let folder = LogFolder(TestLog.directory, files: files)
            let known = try CheckpointStore.read(folder, verifier: TestLog.signer.verifier)?.checkpoint.size ?? 0
            var configuration = memory
            configuration.knownSize = known
            configuration.durability = durability
            log = try openLog(files, configuration)
            integration = try TileIntegration(log: log, folder: folder, signer: TestLog.signer)
        }

        func step(now: Int64 = 0) throws { try integration.step(now: now) { false } }

        var published: Checkpoint? { integration.published?.checkpoint }
    }

    @Test func `a checkpoint covers every record there is, and the log is whole`() throws {
        let life = try Life(MemoryFileSystem())
        try life.step()
        #expect(life.published?.size == 0)
        var records: [[UInt8]] = []
        for count in [1, 3, 250, 2, 0, 300, 1] {
            let new = (0..<count).map { payload(records.count + $0) }
            _ = life.log.write(new)
            records += new
            try life.step()
            #expect(life.published?.size == UInt64(records.count))
            #expect(life.published?.root.bytes == NaiveTree(leaves: records).root())
            #expect(TestLog.verify(life.files).faults.isEmpty)
        }
    }

    @Test func `without new records nothing is written`() throws {
        let life = try Life(MemoryFileSystem())
        _ = life.log.write([payload(1)])
        try life.step()
        let calls = life.files.calls
        for _ in 0..<10 { try life.step() }
        #expect(life.files.calls == calls)
    }

    @Test func `partial tiles stay for a while and are then removed`() throws {
        let life = try Life(MemoryFileSystem())
        for number in 0..<5 {
            _ = life.log.write([payload(number)])
            try life.step()
        }
        for path in ["entries/000.p/1", "entries/000.p/5", "0/000.p/1", "0/000.p/5"] {
            #expect(life.files["audit/log/tile/\(path)"] != nil)
        }
        _ = life.log.write((5..<300).map { payload($0) })
        try life.step(now: 1_000_000_000)
        #expect(life.files["audit/log/tile/0/000.p/5"] != nil)
        try life.step(now: 62_000_000_000)
        for path in ["entries/000.p/1", "entries/000.p/5", "0/000.p/1", "0/000.p/5"] {
            #expect(life.files["audit/log/tile/\(path)"] == nil)
        }
        let tiles = TileReader(directory: TestLog.directory, files: life.files)
        #expect(try tiles.hashes(of: TilePath(.hashes(level: 0), 0, width: 5)).count == 5)
        #expect(try tiles.record(3, size: 5) == payload(3))
        // One that was never published, from the one under way.
        #expect(try tiles.bytes(of: TilePath(.hashes(level: 0), 1, width: 7), size: 300).count == 7 * TreeHash.size)
        #expect(throws: AuditError.self) { try tiles.bytes(of: TilePath(.hashes(level: 0), 1, width: 45), size: 300) }
        #expect(TestLog.verify(life.files).faults.isEmpty)
    }

    @Test func `no checkpoint covers what is not on the disk`() throws {
        let files = HeldFileSystem()
        var configuration = memory
        configuration.durability = .written
        let log = try AuditLog(configuration: configuration, time: .system, files: files, makesSpare: false)
        files.hold()
        _ = log.write((0..<10).map { payload($0) })
        files.waitUntilHeld()
        #expect(log.size == 10)
        let folder = LogFolder(TestLog.directory, files: files.memory)
        let integration = try TileIntegration(log: log, folder: folder, signer: TestLog.signer)
        try integration.step(now: 0) { false }
        #expect(integration.published?.checkpoint.size == 0)
        files.release()
        log.close()
        try integration.step(now: 0) { false }
        #expect(integration.published?.checkpoint.size == 10)
    }

    @Test func `across kills and power cuts no checkpoint goes back or contradicts another`() throws {
        var random = SeededGenerator(seed: 77)
        for _ in 0..<12 {
            var files = MemoryFileSystem()
            var roots: [UInt64: TreeHash] = [:]
            var last: UInt64 = 0
            var number = 0
            for _ in 0..<12 {
                let life = try Life(files)
                for _ in 0..<Int.random(in: 0...4, using: &random) {
                    let new = (0..<Int.random(in: 0...200, using: &random)).map { payload(number + $0) }
                    number += new.count
                    if !new.isEmpty { _ = life.log.write(new) }
                    guard Bool.random(using: &random) else { continue }
                    try life.step()
                    let checkpoint = try #require(life.published)
                    #expect(checkpoint.size >= last)
                    #expect(roots[checkpoint.size] ?? checkpoint.root == checkpoint.root)
                    roots[checkpoint.size] = checkpoint.root
                    last = checkpoint.size
                }
                files = Bool.random(using: &random) ? files.afterKill() : files.afterPowerCut(&random)
                guard last > 0 else { continue }
                // What a client has seen is still there, and whole, before anything is done about it.
                let report = TestLog.verify(files)
                #expect(report.checkpoint?.size == last)
                #expect(report.faults.isEmpty, "\(report.faults)")
            }
        }
    }

    @Test(arguments: [["open"], ["write"], ["fdatasync"], ["syncfs"], ["rename"], ["fsync"], ["read"], ["mkdir"]])
    func `after any failed call the next step goes on`(operations: [String]) throws {
        for call in 0..<40 {
            let life = try Life(MemoryFileSystem())
            _ = life.log.write((0..<250).map { payload($0) })
            try life.step()
            _ = life.log.write((250..<520).map { payload($0) })
            life.files.fail(call..<call + 1, with: .ioError, operations: operations)
            let first = life.published
            if (try? life.step()) == nil {
                let report = TestLog.verify(life.files)
                #expect(report.faults.isEmpty, "what readers see is whole: \(report.faults)")
                #expect(life.published == first || life.published?.size == 520)
            }
            try life.step()
            #expect(life.published?.size == 520)
            #expect(TestLog.verify(life.files).faults.isEmpty)
        }
    }

    @Test func `lost and damaged tiles are made anew from the journal`() throws {
        let files = MemoryFileSystem()
        let life = try Life(files)
        _ = life.log.write((0..<300).map { payload($0) })
        try life.step()
        life.log.close()
        for path in ["entries/000", "entries/001.p/44", "0/000", "0/001.p/44", "1/000.p/1"] {
            for isRemoved in [true, false] {
                if isRemoved {
                    files["audit/log/tile/\(path)"] = nil
                } else {
                    files["audit/log/tile/\(path)"]?[7] ^= 1
                }
                let next = try Life(files)
                try next.step()
                #expect(next.published == life.published)
                #expect(TestLog.verify(files).faults.isEmpty, "\(path) \(isRemoved)")
                next.log.close()
            }
        }
    }

    @Test func `for a journal that contradicts the checkpoint nothing is signed`() throws {
        let files = MemoryFileSystem()
        let life = try Life(files)
        _ = life.log.write((0..<300).map { payload($0) })
        try life.step()
        life.log.close()
        let checkpoint = files["audit/log/checkpoint"]
        // Another journal, as long and longer.
        let other = MemoryFileSystem()
        let log = try openLog(other)
        _ = log.write((0..<300).map { payload($0 == 290 ? -1 : $0) } + [payload(300)])
        log.close()
        for path in files.segments { files[path] = nil }
        for path in other.segments { files[path] = other[path] }
        let next = try Life(files)
        #expect(throws: AuditError.self) { try next.step() }
        #expect(throws: AuditError.self) { try next.step() }
        #expect(files["audit/log/checkpoint"] == checkpoint)
        next.log.close()
        // Also when the tiles are gone and must be made from it.
        files["audit/log/tile/0/000"] = nil
        let last = try Life(files)
        #expect(throws: AuditError.self) { try last.step() }
        #expect(files["audit/log/checkpoint"] == checkpoint)
    }

    @Test func `a journal shorter than the checkpoint is not opened`() throws {
        let files = MemoryFileSystem()
        let life = try Life(files)
        for number in 0..<200 { _ = life.log.write([payload(number)]) }
        try life.step()
        life.log.close()
        #expect(files.segments.count > 1)
        for path in files.segments.dropFirst() { files[path] = nil }
        #expect(throws: AuditError.self) { _ = try Life(files) }
    }

    @Test func `the thread publishes, and once more at the end`() throws {
        let files = MemoryFileSystem()
        let log = try openLog(files)
        let integrator = try Integrator(
            log: log,
            directory: TestLog.directory,
            signer: TestLog.signer,
            interval: 1_000_000,
            time: .system,
            files: files
        )
        _ = log.write((0..<10).map { payload($0) })
        #expect(integrator.waitUntilCovered(10, nanoseconds: 60_000_000_000))
        _ = log.write((10..<300).map { payload($0) })
        log.close()
        integrator.stop()
        #expect(integrator.published?.checkpoint.size == 300)
        #expect(files["audit/log/gateway.example_audit.vkey"] == Array("\(TestLog.signer.verifier)\n".utf8))
        #expect(TestLog.verify(files).faults.isEmpty)
    }

    @Test func `a folder that another key signed is not taken`() throws {
        let files = MemoryFileSystem()
        let life = try Life(files)
        _ = life.log.write([payload(0)])
        try life.step()
        let other = try #require(try NoteSigner(name: TestLog.signer.verifier.name, key: .generate(.ed25519)))
        #expect(throws: AuditError.self) {
            _ = try TileIntegration(
                log: life.log,
                folder: LogFolder(TestLog.directory, files: files),
                signer: other
            )
        }
    }
}
