// SPDX-License-Identifier: Apache-2.0

/// The right edge of a growing tree: what is needed of it to append leaves and to know its root.
public struct TreeFrontier: Sendable {
    /// Leaves.
    public private(set) var size: UInt64
    /// Hashes of the complete subtrees that make up the tree, the largest first: one for each bit of `size`.
    private var subtrees: [TreeHash]

    /// The empty tree's.
    public init() {
        size = 0
        subtrees = []
    }

    /// - Precondition: there are as many hashes as ``TreeNode/cover(_:)`` has nodes for that size.
    init(size: UInt64, subtrees: [TreeHash]) {
        precondition(subtrees.count == size.nonzeroBitCount, "a frontier has one hash for each bit of its size")
        self.size = size
        self.subtrees = subtrees
    }

    /// Appends a leaf.
    ///
    /// - Parameter completed: is given each subtree that the leaf completes, itself first: its level and its hash.
    public mutating func append(
        _ leaf: TreeHash,
        _ hasher: TreeHasher,
        completed: (_ level: Int, _ hash: TreeHash) -> Void = { _, _ in }
    ) {
        var hash = leaf
        completed(0, hash)
        for level in 0..<size.trailingOnes {
            hash = hasher.node(subtrees.removeLast(), hash)
            completed(level + 1, hash)
        }
        subtrees.append(hash)
        size += 1
    }

    /// The tree's hash.
    public func root(_ hasher: TreeHasher) -> TreeHash {
        MerkleTree.join(subtrees, hasher)
    }
}

extension UInt64 {
    fileprivate var trailingOnes: Int { (~self).trailingZeroBitCount }
}
