// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

@testable import Audit

/// A witness's key.
struct TestWitness {
    let name: String
    let verifier: NoteVerifier
    private let key: SigningKey
    private let id: [UInt8]

    init(_ name: String) throws {
        self.name = name
        key = try SigningKey.generate(.ed25519)
        let x = try #require(Base64URL.decode(key.publicJWK["x"]?.string?.utf8 ?? "".utf8))
        id = Array(SHA256.hash(Array("\(name)\n".utf8) + [4] + x)[..<4])
        verifier = try #require(NoteVerifier("\(name)+\(Hexadecimal.text(id))+\(Base64.encode([4] + x))"))
    }

    /// A signature line with its end.
    func line(over text: String, at time: UInt64 = 1_679_315_147) throws -> [UInt8] {
        let signature = try key.sign(Array("cosignature/v1\ntime \(time)\n\(text)".utf8))
        let bigEndian = (0..<8).map { UInt8(truncatingIfNeeded: time >> UInt64(56 - 8 * $0)) }
        return Array("— \(name) \(Base64.encode(id + bigEndian + signature))\n".utf8)
    }
}

/// What a witness is asked and what it answers.
struct CosignatureTests {
    private static func records(_ count: Int) -> [[UInt8]] { (0..<count).map { payload($0) } }

    private func checkpoint(of log: TestLog) throws -> VerifiedCheckpoint {
        let bytes = try #require(log.files["\(TestLog.directory)/checkpoint"])
        return try VerifiedCheckpoint(bytes, verifier: TestLog.signer.verifier)
    }

    // MARK: - Requests

    @Test func `a request is the old size, the proof, an empty line and the checkpoint, byte for byte`() throws {
        let log = try TestLog(Self.records(5), checkpoints: [4])
        let new = try checkpoint(of: log)
        let tiles = TileReader(directory: TestLog.directory, files: log.files)
        let hasher = TreeHasher()
        let last = payload(4).withUnsafeBytes { hasher.leaf($0) }
        let note = String(decoding: new.note.bytes, as: UTF8.self)
        let request = try CosignatureRequest(from: 4, to: new, tiles)
        #expect(String(decoding: request.bytes, as: UTF8.self) == "old 4\n\(last)\n\n\(note)")
        let first = try CosignatureRequest(from: 0, to: new, tiles)
        #expect(String(decoding: first.bytes, as: UTF8.self) == "old 0\n\n\(note)")
        let same = try CosignatureRequest(from: 5, to: new, tiles)
        #expect(String(decoding: same.bytes, as: UTF8.self) == "old 5\n\n\(note)")
    }

    @Test func `every request between two sizes reads back and shows that the one continues the other`() throws {
        var random = SeededGenerator(seed: 41)
        let sizes = Set((0..<24).map { _ in Int.random(in: 1...700, using: &random) } + [1, 256, 257, 512, 700])
        let log = try TestLog(Self.records(700), checkpoints: sizes)
        let new = try checkpoint(of: log)
        let tiles = TileReader(directory: TestLog.directory, files: log.files)
        for saved in log.saved {
            let old = try VerifiedCheckpoint(saved.bytes, verifier: TestLog.signer.verifier).checkpoint
            let request = try CosignatureRequest(from: old.size, to: new, tiles)
            let read = try #require(CosignatureRequest(request.bytes))
            #expect(read == request)
            let proof = read.proof
            #expect(MerkleTree.isConsistent(old.size, old.root, size: 700, new.checkpoint.root, proof: proof))
            #expect(!MerkleTree.isConsistent(old.size, .empty, size: 700, new.checkpoint.root, proof: proof))
        }
    }

    @Test func `bytes that are no request are refused`() throws {
        let log = try TestLog(Self.records(9))
        let tiles = TileReader(directory: TestLog.directory, files: log.files)
        let good = try CosignatureRequest(from: 3, to: checkpoint(of: log), tiles).bytes
        #expect(CosignatureRequest(good) != nil)
        let text = String(decoding: good, as: UTF8.self)
        for wrong in [
            text.replacing("old 3", with: "old 03"), text.replacing("old 3", with: "old -3"),
            text.replacing("old 3", with: "Old 3"), String(text.dropFirst(6)), "old 3\n", "",
            text.replacing("old 3\n", with: "old 3\n" + String(repeating: "\(TreeHash.empty)\n", count: 64)),
            text.replacing("old 3\n", with: "old 3\nAAAA\n"),
        ] {
            #expect(CosignatureRequest(Array(wrong.utf8)) == nil, "\(wrong)")
        }
        var random = SeededGenerator(seed: 42)
        for _ in 0..<3000 {
            var bytes = good
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: bytes[place] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: place)
                default: bytes.insert(bytes[place], at: place)
                }
            }
            // What is read is exactly what was there: no two spellings of one request.
            if let read = CosignatureRequest(bytes) { #expect(read.bytes == bytes) }
        }
    }

    // MARK: - Answers

    @Test func `of many lines only the witness's own counts, wherever it stands`() throws {
        var random = SeededGenerator(seed: 43)
        let log = try checkpoint(of: TestLog(Self.records(3)))
        let witnesses = try (0..<12).map { try TestWitness("witness.example/\($0)") }
        for _ in 0..<30 {
            let asked = witnesses.shuffled(using: &random).prefix(Int.random(in: 1...12, using: &random))
            let times = asked.map { _ in UInt64.random(in: 1...UInt64(Int64.max), using: &random) }
            let lines = try zip(asked, times).flatMap { try $0.line(over: log.note.text, at: $1) }
            for witness in witnesses {
                if let place = asked.firstIndex(where: { $0.name == witness.name }) {
                    let cosignature = try Cosignature(lines, over: log, by: witness.verifier)
                    #expect(cosignature.time == times[place - asked.startIndex])
                } else {
                    #expect(throws: Cosignature.Fault.absent) {
                        _ = try Cosignature(lines, over: log, by: witness.verifier)
                    }
                }
            }
        }
    }

    @Test func `a line over another text, with a changed byte or without its end is not kept`() throws {
        let log = try checkpoint(of: TestLog(Self.records(3)))
        let witness = try TestWitness("witness.example/w1")
        let other = log.note.text.replacing("\n3\n", with: "\n4\n")
        #expect(throws: Cosignature.Fault.invalid) {
            _ = try Cosignature(witness.line(over: other), over: log, by: witness.verifier)
        }
        let good = try witness.line(over: log.note.text)
        for place in good.indices {
            var bytes = good
            bytes[place] ^= 1
            #expect((try? Cosignature(bytes, over: log, by: witness.verifier)) == nil, "\(place)")
        }
        let rogue = Array("\n".utf8) + good
        for wrong in [[], Array(good.dropLast()), rogue, Array("text\n\n".utf8) + good, good + Array("\n".utf8)] {
            #expect(throws: Cosignature.Fault.malformed) {
                _ = try Cosignature(wrong, over: log, by: witness.verifier)
            }
        }
    }

    // MARK: - The file

    private func store(
        _ files: MemoryFileSystem,
        _ witnesses: [TestWitness],
        quorum: Int
    ) throws -> CosignedCheckpoints {
        try CosignedCheckpoints(
            LogFolder(TestLog.directory, files: files),
            verifier: TestLog.signer.verifier,
            witnesses: witnesses.map(\.verifier),
            quorum: quorum
        )
    }

    @Test func `a checkpoint is kept once enough have cosigned the same, and never goes back`() throws {
        let log = try TestLog(Self.records(30), checkpoints: [10, 20])
        let checkpoints = try log.saved.map { try VerifiedCheckpoint($0.bytes, verifier: TestLog.signer.verifier) }
        let witnesses = try (0..<3).map { try TestWitness("witness.example/\($0)") }
        let file = "\(TestLog.directory)/checkpoint.cosigned"
        let store = try store(log.files, witnesses, quorum: 2)
        func add(_ witness: Int, _ place: Int) throws {
            let (witness, checkpoint) = (witnesses[witness], checkpoints[place])
            let lines = try witness.line(over: checkpoint.note.text)
            try store.add(Cosignature(lines, over: checkpoint, by: witness.verifier), to: checkpoint)
        }
        try add(2, 0)
        try add(2, 0)
        try add(0, 1)
        #expect(store.newest == nil && log.files[file] == nil)
        // A slow witness makes the quorum of the earlier one.
        try add(0, 0)
        #expect(store.newest?.checkpoint.size == 10)
        try add(1, 1)
        #expect(store.newest?.checkpoint.size == 20)
        try add(1, 0)
        #expect(store.newest?.checkpoint.size == 20)
        // More cosignatures are added, in the order of the configuration.
        try add(2, 1)
        let bytes = try #require(log.files[file])
        let note = try #require(SignedNote(bytes))
        let names = [TestLog.signer.verifier.name] + witnesses.map(\.name)
        #expect(note.signatures.map(\.name) == names)
        for witness in witnesses { #expect(witness.verifier.verify(note) == .valid(at: 1_679_315_147)) }

        let again = try self.store(log.files, witnesses, quorum: 3)
        #expect(again.newest?.checkpoint.size == 20)
        #expect(again.size(cosignedBy: witnesses[1].verifier) == 20)
        // By the witnesses that are configured now.
        let others = try [TestWitness("witness.example/9")]
        #expect(try self.store(log.files, others, quorum: 1).newest == nil)
        store.close()
        try add(0, 2)
        try add(1, 2)
        #expect(store.newest?.checkpoint.size == 20)
    }

    @Test func `a file that cannot be written is told of and tried again`() throws {
        let log = try TestLog(Self.records(3))
        let checkpoint = try checkpoint(of: log)
        let witness = try TestWitness("witness.example/w1")
        let store = try store(log.files, [witness], quorum: 0)
        let lines = try witness.line(over: checkpoint.note.text)
        let cosignature = try Cosignature(lines, over: checkpoint, by: witness.verifier)
        log.files.fail(0..<1_000_000, with: .ioError, operations: ["fdatasync"])
        #expect(throws: AuditError.self) { try store.add(cosignature, to: checkpoint) }
        #expect(store.newest == nil)
        log.files.fail(0..<0, with: .ioError)
        try store.add(cosignature, to: checkpoint)
        #expect(store.newest?.checkpoint.size == 3)
    }
}
