// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto
import TestSupport
import Testing

@testable import Audit

struct LogVerifierTests {
    private func records(_ count: Int) -> [[UInt8]] { (0..<count).map { payload($0, size: 12 + $0 % 50) } }

    @Test func `a log as it was written is whole, with each checkpoint of its past`() throws {
        for count in [0, 1, 2, 255, 256, 257, 300, 511, 512, 513, 700] {
            let log = try TestLog(records(count), checkpoints: [0, 1, 100, 255, 256, 257, 512, 600])
            let report = log.verify(log.saved)
            #expect(report.faults.isEmpty, "\(report.faults)")
            #expect(report.records == UInt64(count))
            #expect(report.agreeing == log.saved.count)
        }
    }

    @Test func `a log with inner tiles at the third level is whole`() throws {
        let log = try TestLog((0..<66_000).map { payload($0, size: 0) }, checkpoints: [65_535, 65_536, 65_800])
        let report = log.verify(log.saved)
        #expect(report.faults.isEmpty, "\(report.faults)")
        #expect(report.agreeing == 4)
        log.files["audit/log/tile/1/000"]?[40] ^= 1
        #expect(log.verify().firstBadRecord == 256)
    }

    @Test func `a thousand rewrites by who has the key are all seen against a saved checkpoint`() throws {
        var random = SeededGenerator(seed: 20_261_124)
        for round in 0..<1000 {
            let rewrite = Rewrite.allCases[round % Rewrite.allCases.count]
            // Few of them reach over a tile: those take long.
            let count = Int.random(in: 2...(round % 10 < 6 ? 60 : round % 10 < 9 ? 120 : 340), using: &random)
            let size = Int.random(in: 1...count, using: &random)
            let records = records(count)
            let before = try TestLog(records, checkpoints: [size])
            #expect(before.verify(before.saved).faults.isEmpty)
            let after = try TestLog(rewrite.applied(to: records, below: size, &random))
            #expect(after.verify().faults.isEmpty, "whole in itself: that is why a checkpoint is saved")
            let report = after.verify(before.saved.filter { $0.file == "saved-\(size)" })
            #expect(report.firstBadRecord != nil, "round \(round): \(rewrite) of \(count) records, saved at \(size)")
        }
    }

    @Test func `between two saved checkpoints the rewritten part is named`() throws {
        var records = records(600)
        let before = try TestLog(records, checkpoints: [200, 400])
        records[300] = payload(-1)
        let report = try TestLog(records).verify(before.saved)
        #expect(report.firstBadRecord == 200)
        #expect(report.agreeing == 1)
        #expect(report.faults.map(\.file) == ["saved-400", "saved-600"])
    }

    @Test func `a flipped bit anywhere in a record names the record`() throws {
        var random = SeededGenerator(seed: 5)
        let records = records(300)
        let log = try TestLog(records)
        for _ in 0..<100 {
            let index = Int.random(in: 0..<300, using: &random)
            let path = index < 256 ? "audit/log/tile/entries/000" : "audit/log/tile/entries/001.p/44"
            var place = 0
            for other in (index < 256 ? 0 : 256)..<index { place += 2 + records[other].count }
            place += 2 + Int.random(in: 0..<records[index].count, using: &random)
            log.files[path]?[place] ^= 4
            #expect(log.verify().faults.map(\.check) == [.tree])
            #expect(log.verify().firstBadRecord == UInt64(index))
            log.files[path]?[place] ^= 4
        }
        #expect(log.verify().faults.isEmpty)
    }

    @Test func `missing and damaged files are named`() throws {
        let paths = ["tile/entries/000", "tile/0/000", "tile/0/001.p/44", "tile/entries/001.p/44", "tile/1/000.p/1"]
        for path in paths {
            let log = try TestLog(records(300))
            log.files["audit/log/\(path)"] = nil
            #expect(log.verify().faults.map(\.check) == [.gap], "\(path)")
            #expect(log.verify().faults.first?.file == "audit/log/\(path)")
        }
        for path in paths + ["checkpoint"] {
            var random = SeededGenerator(seed: 9)
            let log = try TestLog(records(300))
            for _ in 0..<50 {
                let bytes = try #require(log.files["audit/log/\(path)"])
                log.files["audit/log/\(path)"]?[Int.random(in: 0..<bytes.count, using: &random)] ^= 1
                #expect(!log.verify().faults.isEmpty, "\(path)")
                log.files["audit/log/\(path)"] = bytes
            }
        }
    }

    @Test func `a checkpoint of another key or log is no witness`() throws {
        let log = try TestLog(records(10))
        let other = try #require(try NoteSigner(name: TestLog.signer.verifier.name, key: .generate(.ed25519)))
        let text = Checkpoint(origin: "gateway.example/audit", size: 5, root: .empty).text
        let foreign = SavedCheckpoint(file: "foreign", bytes: try other.sign(text).bytes)
        #expect(log.verify([foreign]).faults.map(\.check) == [.saved])
        let elsewhere = Checkpoint(origin: "other.example", size: 5, root: .empty).text
        let moved = SavedCheckpoint(file: "moved", bytes: try TestLog.signer.sign(elsewhere).bytes)
        #expect(log.verify([moved]).faults.map(\.check) == [.saved])
    }

    @Test func `what a check says of a record is a fault of it`() throws {
        let log = try TestLog(records(300))
        let report = log.verify { index, _ in
            index == 77 ? LogFault(.journal, record: index, file: "j", "differs") : nil
        }
        #expect(report.firstBadRecord == 77)
    }

    @Test func `each record has a proof that verifies with its leaf and key alone`() throws {
        let records = records(300)
        let log = try TestLog(records)
        let bytes = try #require(log.files["audit/log/checkpoint"])
        let checkpoint = try VerifiedCheckpoint(bytes, verifier: TestLog.signer.verifier)
        let hasher = TreeHasher()
        let tiles = TileReader(directory: "audit/log", files: log.files)
        for index in stride(from: 0, to: 300, by: 7) {
            let made = try TreeProof(of: UInt64(index), in: checkpoint, from: tiles)
            let proof = try #require(TreeProof(made.bytes))
            #expect(proof == made)
            let leaf = hasher.leaf(records[index])
            #expect(proof.verify(leaf: leaf, verifier: TestLog.signer.verifier) == checkpoint.checkpoint)
            let other = hasher.leaf(records[(index + 1) % 300])
            #expect(proof.verify(leaf: other, verifier: TestLog.signer.verifier) == nil)
            #expect(try tiles.record(UInt64(index), size: 300) == records[index])
        }
    }
}
