// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// What a witness is given to cosign a checkpoint: the checkpoint, and that it continues the one that the witness cosigned
/// last (C2SP tlog-witness, `add-checkpoint`).
public struct CosignatureRequest: Hashable, Sendable {
    /// The size of the tree that the witness knows; 0 when it knows none.
    public var old: UInt64
    /// That the old tree is the beginning of the checkpoint's (RFC 6962, section 2.1.2); empty when `old` is 0 or the
    /// checkpoint's own size.
    public var proof: [TreeHash]
    /// Signed by its log.
    public var note: SignedNote

    /// Makes the proof from the log's tiles.
    ///
    /// - Throws: ``AuditError`` when a tile is missing.
    /// - Precondition: `old` is at most the checkpoint's size.
    public init(from old: UInt64, to checkpoint: VerifiedCheckpoint, _ tiles: TileReader) throws(AuditError) {
        let size = checkpoint.checkpoint.size
        self.old = old
        note = checkpoint.note
        proof = try MerkleTree.consistencyProof(from: old, size: size) { (node) throws(AuditError) in
            try tiles.hash(of: node, size: size)
        }
    }

    /// Reads a request; nil when the bytes are none.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= SignedNote.maximumBytes else { return nil }
        var rest = Array(bytes)[...]
        func line() -> String? {
            guard let end = rest.firstIndex(of: 0x0a) else { return nil }
            defer { rest = rest[(end + 1)...] }
            return String(validating: rest[..<end], as: UTF8.self)
        }
        guard let first = line(), first.hasPrefix("old "), let old = UInt64(first.dropFirst(4)), first == "old \(old)"
        else { return nil }
        self.old = old
        proof = []
        while true {
            guard let line = line(), proof.count <= Self.maximumProof else { return nil }
            if line.isEmpty { break }
            guard let hash = TreeHash(base64: line.utf8) else { return nil }
            proof.append(hash)
        }
        guard proof.count <= Self.maximumProof, let note = SignedNote(rest) else { return nil }
        self.note = note
    }

    private static let maximumProof = 63

    /// The body of the request.
    public var bytes: [UInt8] {
        Array(("old \(old)\n" + proof.map { "\($0)\n" }.joined() + "\n").utf8) + note.bytes
    }
}
