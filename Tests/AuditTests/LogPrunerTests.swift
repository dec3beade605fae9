// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Audit

struct LogPrunerTests {
    private static let day: Int64 = 86_400
    private static let now = UnixTime(seconds: 1_800_000_000)

    /// What a process does: it writes, integrates and prunes, step by step.
    private struct Life {
        let files: MemoryFileSystem
        let log: AuditLog
        let integration: TileIntegration
        let pruner: LogPruner

        init(_ files: MemoryFileSystem) throws {
            self.files = files
            let folder = LogFolder(TestLog.directory, files: files)
            log = try openLog(files)
            integration = try TileIntegration(log: log, folder: folder, signer: TestLog.signer)
            pruner = try LogPruner(log: log, directory: TestLog.directory, signer: TestLog.signer, files: files)
            try step()
        }

        func step() throws { try integration.step(now: 0) { false } }

        var size: UInt64 { integration.published?.checkpoint.size ?? 0 }

        func write(_ count: Int, daysAgo: Int64) throws {
            for start in stride(from: 0, to: count, by: 16) {
                _ = log.write((start..<min(count, start + 16)).map { LogPrunerTests.record($0, daysAgo) })
            }
            try step()
        }

        func plan(_ days: Int64 = 30) throws -> PrunePlan {
            let checkpoint = try #require(integration.published).checkpoint
            return try pruner.plan(
                RetentionPolicy(days: days),
                now: LogPrunerTests.now,
                checkpoint: checkpoint,
                needed: checkpoint.size
            )
        }

        /// Says it in the log, then does it, as far as the files let it.
        func prune(_ days: Int64 = 30) throws {
            let plan = try plan(days)
            guard plan.end > plan.from else { return }
            let said = #"{"action":"audit.prune","change":{"after":{"first_kept":\#(plan.end)}}}"#
            let record = log.write([Array(said.utf8)])[0]
            try step()
            // What cannot be said is not done.
            guard record.outcome == .sealed, record.index < size else { return }
            try pruner.mark(plan, record: record.index, covered: size)
            _ = try pruner.clean(atMost: 1000) { _, _ in }
        }

        func verify() -> LogReport { TestLog.verify(files) }
    }

    static func record(_ number: Int, _ daysAgo: Int64) -> [UInt8] {
        Array(#"{"n":\#(number),"tenant":"acme","time":"\#(now + -daysAgo * day)"}"#.utf8)
    }

    private static func old() throws -> Life {
        let life = try Life(MemoryFileSystem())
        try life.write(2000, daysAgo: 40)
        try life.write(1500, daysAgo: 1)
        return life
    }

    private func path(_ index: UInt64) -> String { "\(TestLog.directory)/\(TilePath(.entries, index).path)" }

    @Test func `what is old goes, the hashes stay, and the rest is proved`() throws {
        let life = try Self.old()
        let root = life.integration.published?.checkpoint.root
        var forgotten: [UInt64] = []
        let plan = try life.plan()
        #expect(plan.end == 1792 && plan.rule == .age)
        try life.prune()
        #expect(life.pruner.firstHeld == 1792)
        #expect(life.files[path(6)] == nil && life.files[path(7)] != nil)
        let report = life.verify()
        #expect(report.faults.isEmpty && report.pruned == 1792 && report.records == life.size - 1792)
        #expect(report.checkpoint?.root != root, "the record that says so came behind")

        // The tiles still give each record's proof.
        let published = try #require(life.integration.published)
        let tiles = TileReader(directory: TestLog.directory, files: life.files)
        let proof = try TreeProof(of: 5, in: published, from: tiles)
        let leaf = Self.record(5, 40).withUnsafeBytes { TreeHasher().leaf($0) }
        #expect(proof.verify(leaf: leaf, verifier: TestLog.signer.verifier) != nil)

        // The journal lost whole segments, and what is held can be read.
        #expect(life.log.reader().first > 1700 && life.log.reader().first <= 1792)
        #expect(try life.log.reader().record(at: 1792) != nil)
        _ = try life.pruner.clean(atMost: 10) { first, _ in forgotten.append(first) }
        #expect(forgotten.isEmpty, "what is gone is not forgotten twice")
    }

    @Test func `the next start goes on from whatever a kill left, at each call of the file system`() throws {
        let before = try Self.old()
        let start = before.files.calls
        try before.prune()
        let calls = before.files.calls - start
        for call in stride(from: 0, to: calls, by: calls / 40 + 1) {
            let life = try Self.old()
            life.files.fail(call..<Int.max / 2 - life.files.calls, with: .ioError)
            try? life.prune()
            // The process ends here.
            life.files.fail(0..<0, with: .ioError)
            let files = life.files.afterKill()
            let next = try Life(files)
            #expect(TestLog.verify(files).faults.isEmpty, "after call \(call)")
            _ = try next.pruner.clean(atMost: 1000) { _, _ in }
            try next.prune()
            try next.write(10, daysAgo: 0)
            let report = next.verify()
            #expect(report.faults.isEmpty && report.pruned == 1792, "after call \(call): \(report.faults)")
            #expect(files[path(0)] == nil && files[path(6)] == nil && files[path(7)] != nil)
        }
    }

    @Test func `the log is pruned again and again, and made anew from what is held`() throws {
        let life = try Self.old()
        try life.prune()
        try life.write(3000, daysAgo: 0)
        try life.prune(0)
        try life.pruner.mark(
            PrunePlan(from: 1792, RetentionPolicy(bytes: 1), now: Self.now, total: 1000) { () -> BundleSummary? in nil }
                .ending(at: 2560),
            record: 3500,
            covered: life.size
        )
        _ = try life.pruner.clean(atMost: 1000) { _, _ in }
        #expect(life.files[path(9)] == nil && life.files[path(10)] != nil)
        // A tile behind is damaged: all that is held is made again.
        let last = "\(TestLog.directory)/\(TilePath(.hashes(level: 0), (life.size - 1) / 256 - 1).path)"
        life.files[last] = nil
        let next = try Life(life.files.afterKill())
        #expect(next.files[last] != nil)
        #expect(next.size == life.size)
        #expect(next.verify().faults.map(\.check) == [.pruned], "record 3500 says nothing of a pruning")
    }

    @Test func `what somebody changed is evidence, and does not go`() throws {
        let hashes = "\(TestLog.directory)/\(TilePath(.hashes(level: 0), 3).path)"
        let changed = Self.record(-99, 40)
        let changes: [(MemoryFileSystem) -> Void] = [
            { $0[path(3)]?[60] ^= 1 },
            { $0[hashes]?[5] ^= 1 },
            // A record, and its hash with it: only the tree above contradicts.
            { files in
                let records = EntryBundle.records(in: files[path(3)] ?? [], count: 256) ?? []
                guard let range = records.first(where: { $0.count == changed.count }) else { return }
                files[path(3)]?.replaceSubrange(range, with: changed)
                let leaf = changed.withUnsafeBytes { TreeHasher().leaf($0) }
                let place = (records.firstIndex(of: range) ?? 0) * TreeHash.size
                files[hashes]?.replaceSubrange(place..<place + TreeHash.size, with: leaf.bytes)
            },
        ]
        for (number, change) in changes.enumerated() {
            let life = try Self.old()
            let before = life.files[path(3)]
            let hashesBefore = life.files[hashes]
            change(life.files)
            #expect(life.files[path(3)] != before || life.files[hashes] != hashesBefore)
            #expect(throws: AuditError.self, "change \(number)") { try life.prune() }
            #expect(life.pruner.firstHeld == 0 && life.files[path(0)] != nil)
            #expect(!life.verify().faults.isEmpty)
        }
    }

    @Test func `a log that is pruned between the looks at its note and its checkpoint verifies`() throws {
        let life = try Self.old()
        let before = life.files.afterKill()
        try life.prune()
        let after = life.files
        let files = HeldFileSystem(before) { path in
            guard path.hasSuffix("/checkpoint") else { return }
            let names = [before, after].flatMap { (try? $0.list(TestLog.directory)) ?? [] }
            for path in Set(names).map({ "\(TestLog.directory)/\($0)" }) { before[path] = after[path] }
        }
        let verifier = LogVerifier(directory: TestLog.directory, verifier: TestLog.signer.verifier, files: files)
        #expect(verifier.verify().faults.map(\.check) == [.gap], "what went meanwhile is missing, and nothing else")
        let report = verifier.verify()
        #expect(report.faults.isEmpty && report.pruned == 1792)
        // The note that was read is older than the checkpoint, and its record is covered.
        try life.write(100, daysAgo: 0)
        #expect(verifier.verify().faults.isEmpty)
    }

    @Test func `whoever removes, changes or forges is found out`() throws {
        let life = try Self.old()
        let early = life.files.afterKill()
        try life.prune()
        let note = "\(TestLog.directory)/pruned"
        func faults(_ change: (MemoryFileSystem) throws -> Void) throws -> LogReport {
            let files = life.files.afterKill()
            try change(files)
            return TestLog.verify(files)
        }
        let missing = try faults { $0[path(8)] = nil }
        #expect(missing.firstBadRecord == 8 * 256 && missing.faults.map(\.check) == [.gap])
        let silent = try faults { $0[note] = nil }
        #expect(silent.firstBadRecord == 0)
        let hashes = "\(TestLog.directory)/\(TilePath(.hashes(level: 0), 2).path)"
        #expect(try !faults { $0[hashes]?[5] ^= 1 }.faults.isEmpty)
        #expect(try faults { $0[note]?[30] ^= 1 }.faults.first?.check == .pruned)
        // Bundles that went though nothing was signed.
        for bundle: UInt64 in 0..<7 { early[path(bundle)] = nil }
        #expect(TestLog.verify(early).firstBadRecord == 0)
        // A note of another key.
        let key = try SigningKey.generate(.ed25519)
        let forger = try #require(NoteSigner(name: TestLog.signer.verifier.name, key: key))
        let text = try #require(SignedNote(life.files[note] ?? [])).text
        let forged = try forger.sign(text)
        #expect(try faults { $0[note] = forged.bytes }.faults.first?.check == .pruned)
        let files = life.files.afterKill()
        files[note] = forged.bytes
        #expect(throws: AuditError.self) { try Life(files) }
    }
}

extension PrunePlan {
    fileprivate func ending(at end: UInt64) -> PrunePlan {
        var plan = self
        plan.end = end
        return plan
    }
}
