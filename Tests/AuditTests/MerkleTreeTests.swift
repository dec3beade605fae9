// SPDX-License-Identifier: Apache-2.0

import Audit
import TestSupport
import Testing

struct MerkleTreeTests {
    private static let tree = NaiveTree(leaves: (0..<70).map { payload($0, size: $0) })

    @Test func `the roots of growing trees are those of RFC 6962`() {
        var frontier = TreeFrontier()
        let hasher = TreeHasher()
        #expect(frontier.root(hasher) == .empty)
        for (count, leaf) in Self.tree.leaves.enumerated() {
            frontier.append(hasher.leaf(leaf), hasher)
            #expect(frontier.root(hasher).bytes == Self.tree.root(0..<count + 1))
        }
        for size in 0...Self.tree.leaves.count {
            let root = MerkleTree.root(size: UInt64(size)) { Self.tree.hash($0) }
            #expect(root.bytes == Self.tree.root(0..<size))
        }
    }

    @Test func `a hash is written as it is described`() {
        var random = SeededGenerator(seed: 4)
        for _ in 0..<200 {
            let hash = TreeHash((0..<32).map { _ in UInt8.random(in: 0...255, using: &random) })!
            let text = [UInt8](unsafeUninitializedCapacity: TreeHash.textSize) { out, count in
                hash.write(to: out.baseAddress!)
                count = TreeHash.textSize
            }
            #expect(String(decoding: text, as: UTF8.self) == hash.description)
            #expect(TreeHash(base64: text) == hash)
        }
    }

    @Test func `every inclusion proof is the one of RFC 6962 and leads to the root`() {
        let hasher = TreeHasher()
        for size in 1...Self.tree.leaves.count {
            let root = Self.tree.root(0..<size)
            for index in 0..<size {
                let path = MerkleTree.inclusionProof(of: UInt64(index), size: UInt64(size)) { Self.tree.hash($0) }
                #expect(path.map(\.bytes) == Self.tree.path(index, 0..<size))
                let leaf = hasher.leaf(Self.tree.leaves[index])
                let found = MerkleTree.root(including: leaf, at: UInt64(index), size: UInt64(size), path: path)
                #expect(found?.bytes == root)
            }
        }
    }

    @Test func `every consistency proof is the one of RFC 6962 and verifies`() {
        for size in 1...Self.tree.leaves.count {
            let root = TreeHash(Self.tree.root(0..<size))!
            for old in 0...size {
                let oldRoot = TreeHash(Self.tree.root(0..<old))!
                let proof = MerkleTree.consistencyProof(from: UInt64(old), size: UInt64(size)) { Self.tree.hash($0) }
                if old > 0 { #expect(proof.map(\.bytes) == Self.tree.subproof(old, 0..<size, true)) }
                #expect(MerkleTree.isConsistent(UInt64(old), oldRoot, size: UInt64(size), root, proof: proof))
            }
        }
    }

    @Test func `no proof with a changed hash, place, size or length verifies`() throws {
        var random = SeededGenerator(seed: 20_261_124)
        let hasher = TreeHasher()
        for _ in 0..<2000 {
            let size = Int.random(in: 1...70, using: &random)
            let index = Int.random(in: 0..<size, using: &random)
            let root = TreeHash(Self.tree.root(0..<size))!
            var path = MerkleTree.inclusionProof(of: UInt64(index), size: UInt64(size)) { Self.tree.hash($0) }
            var (leaf, at, of) = (hasher.leaf(Self.tree.leaves[index]), UInt64(index), UInt64(size))
            switch Int.random(in: 0..<5, using: &random) {
            case 0:
                guard !path.isEmpty else { continue }
                path[Int.random(in: 0..<path.count, using: &random)] = .empty
            case 1: path.append(.empty)
            case 2:
                guard !path.isEmpty else { continue }
                path.removeLast()
            case 3: leaf = hasher.leaf([0xff])
            default:
                at = UInt64.random(in: 0..<200, using: &random)
                of = UInt64.random(in: 0..<200, using: &random)
                // The way up may be the same from another place of another size, but never to the leaf's own sibling.
                guard at != UInt64(index), of == UInt64(size) else { continue }
            }
            #expect(MerkleTree.root(including: leaf, at: at, size: of, path: path) != root)
        }
    }

    @Test func `no rewritten beginning is consistent`() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<500 {
            let size = Int.random(in: 2...70, using: &random)
            let old = Int.random(in: 1..<size, using: &random)
            var leaves = Self.tree.leaves
            leaves[Int.random(in: 0..<old, using: &random)] = [1, 2, 3]
            let rewritten = NaiveTree(leaves: leaves)
            let proof = MerkleTree.consistencyProof(from: UInt64(old), size: UInt64(size)) { rewritten.hash($0) }
            let oldRoot = TreeHash(Self.tree.root(0..<old))!
            let root = TreeHash(rewritten.root(0..<size))!
            #expect(!MerkleTree.isConsistent(UInt64(old), oldRoot, size: UInt64(size), root, proof: proof))
        }
    }
}
