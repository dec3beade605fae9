// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// That a log has a record: the way from its leaf to a checkpoint's root, to be verified without the log
/// (C2SP tlog-proof).
public struct TreeProof: Hashable, Sendable {
    /// The first line.
    private static let header = "c2sp.org/tlog-proof@v1"

    /// The record's index.
    public var index: UInt64
    /// The hashes beside the way, the leaf's sibling first.
    public var path: [TreeHash]
    /// The signed checkpoint.
    public var note: SignedNote
    /// Not covered by anything; empty when there is none.
    public var extra: [UInt8] = []

    /// Makes the proof from the log's tiles.
    ///
    /// - Throws: ``AuditError`` when a tile is missing.
    /// - Precondition: the checkpoint covers the record.
    public init(of index: UInt64, in checkpoint: VerifiedCheckpoint, from tiles: TileReader) throws(AuditError) {
        let size = checkpoint.checkpoint.size
        self.index = index
        note = checkpoint.note
        path = try MerkleTree.inclusionProof(of: index, size: size) { (node) throws(AuditError) in
            try tiles.hash(of: node, size: size)
        }
    }

    /// Reads a proof; nil when the bytes are none.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= 1 << 18 else { return nil }
        var rest = Array(bytes)[...]
        func line() -> String? {
            guard let end = rest.firstIndex(of: 0x0a) else { return nil }
            defer { rest = rest[(end + 1)...] }
            return String(validating: rest[..<end], as: UTF8.self)
        }
        guard line() == Self.header, var next = line() else { return nil }
        if next.hasPrefix("extra ") {
            guard let extra = Base64.decode(next.utf8.dropFirst(6)), !extra.isEmpty, let line = line() else {
                return nil
            }
            self.extra = extra
            next = line
        }
        guard next.hasPrefix("index "), let index = UInt64(next.dropFirst(6)), next == "index \(index)" else {
            return nil
        }
        self.index = index
        path = []
        while true {
            guard let line = line(), path.count <= 64 else { return nil }
            if line.isEmpty { break }
            guard let hash = TreeHash(base64: line.utf8) else { return nil }
            path.append(hash)
        }
        guard let note = SignedNote(rest) else { return nil }
        self.note = note
    }

    /// The proof as it is kept and sent.
    public var bytes: [UInt8] {
        var text = Self.header + "\n"
        if !extra.isEmpty { text += "extra \(Base64.encode(extra))\n" }
        text += "index \(index)\n" + path.map { "\($0)\n" }.joined() + "\n"
        return Array(text.utf8) + note.bytes
    }

    /// The checkpoint that the proof leads to; nil unless the log of that key signed it and it holds the leaf at the
    /// index.
    public func verify(leaf: TreeHash, verifier: NoteVerifier) -> Checkpoint? {
        guard let signed = try? VerifiedCheckpoint(note.bytes, verifier: verifier) else { return nil }
        let checkpoint = signed.checkpoint
        let root = MerkleTree.root(including: leaf, at: index, size: checkpoint.size, path: path)
        return root == checkpoint.root ? checkpoint : nil
    }
}
