// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto
import TestSupport
import Testing

@testable import Audit

/// A transparency log in memory, and the key that an operator has.
struct TestLog {
    static let signer: NoteSigner = {
        guard let key = try? SigningKey.generate(.ed25519),
            let signer = NoteSigner(name: "gateway.example/audit", key: key)
        else { preconditionFailure("libcrypto makes Ed25519 keys, and the name is a key's") }
        return signer
    }()
    static let directory = "audit/log"

    let files = MemoryFileSystem()

    /// Writes a log of these records and signs it, as whoever has the key can.
    init(_ records: [[UInt8]], checkpoints sizes: Set<Int> = []) throws {
        let folder = LogFolder(Self.directory, files: files)
        let writer = TileWriter(folder)
        var store = try CheckpointStore(folder, signer: Self.signer)
        var kept: [Int: [UInt8]] = [:]
        if sizes.contains(0) {
            try store.publish(size: 0, root: writer.root)
            kept[0] = files["\(Self.directory)/checkpoint"]
        }
        for (index, record) in records.enumerated() {
            try record.withUnsafeBytes { try writer.append($0) }
            guard index + 1 == records.count || sizes.contains(index + 1) else { continue }
            try writer.writePartials()
            try store.publish(size: writer.size, root: writer.root)
            kept[index + 1] = files["\(Self.directory)/checkpoint"]
        }
        if records.isEmpty { try store.publish(size: 0, root: writer.root) }
        saved = kept.sorted { $0.key < $1.key }.map { SavedCheckpoint(file: "saved-\($0.key)", bytes: $0.value) }
    }

    /// The checkpoints as they were published.
    let saved: [SavedCheckpoint]

    func verify(
        _ saved: [SavedCheckpoint] = [],
        check: @escaping (UInt64, UnsafeRawBufferPointer) -> LogFault? = { _, _ in nil }
    ) -> LogReport {
        Self.verify(files, saved, check: check)
    }

    static func verify(
        _ files: MemoryFileSystem,
        _ saved: [SavedCheckpoint] = [],
        check: @escaping (UInt64, UnsafeRawBufferPointer) -> LogFault? = { _, _ in nil }
    ) -> LogReport {
        LogVerifier(directory: directory, verifier: signer.verifier, files: files).verify(saved: saved, check: check)
    }
}

/// What an operator may do to records that are in the log already.
enum Rewrite: CaseIterable {
    case edit, delete, insert, swap, truncate, rollBack

    /// The records afterwards, of which one below `size` is another or missing.
    func applied(
        to records: [[UInt8]],
        below size: Int,
        _ random: inout SeededGenerator
    ) -> [[UInt8]] {
        var new = records
        let place = Int.random(in: 0..<size, using: &random)
        switch self {
        case .edit:
            let byte = Int.random(in: 0..<new[place].count, using: &random)
            new[place][byte] ^= UInt8.random(in: 1...255, using: &random)
        case .delete: new.remove(at: place)
        case .insert: new.insert(payload(-1 - place), at: place)
        case .swap:
            var other = place
            while other == place { other = Int.random(in: 0..<new.count, using: &random) }
            new.swapAt(place, other)
        case .truncate: new.removeLast(new.count - place)
        case .rollBack:
            new.removeLast(new.count - place)
            let count = Int.random(in: 1...2 * size, using: &random)
            new += (0..<count).map { payload(-1 - $0) }
        }
        return new
    }
}
