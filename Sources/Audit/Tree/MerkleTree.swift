// SPDX-License-Identifier: Apache-2.0

/// Proofs of a Merkle tree (RFC 6962, section 2.1), made from its complete subtrees' hashes.
public enum MerkleTree {
    /// The hash of the tree's first `size` leaves.
    ///
    /// - Parameter node: the hash of a complete subtree of the tree.
    public static func root<Failure: Error>(
        size: UInt64,
        node: (TreeNode) throws(Failure) -> TreeHash
    ) throws(Failure) -> TreeHash {
        try hash(of: 0..<size, TreeHasher(), node)
    }

    /// The hashes beside the way from a leaf to the root, the leaf's sibling first (section 2.1.1).
    ///
    /// - Precondition: `index` is below `size`.
    public static func inclusionProof<Failure: Error>(
        of index: UInt64,
        size: UInt64,
        node: (TreeNode) throws(Failure) -> TreeHash
    ) throws(Failure) -> [TreeHash] {
        precondition(index < size, "a proof is of a leaf in the tree")
        let hasher = TreeHasher()
        var path: [TreeHash] = []
        var range = 0..<size
        while range.count > 1 {
            let middle = split(range)
            if index < middle {
                path.append(try hash(of: middle..<range.upperBound, hasher, node))
                range = range.lowerBound..<middle
            } else {
                path.append(try hash(of: range.lowerBound..<middle, hasher, node))
                range = middle..<range.upperBound
            }
        }
        return path.reversed()
    }

    /// The hashes that show a tree of `old` leaves to be the beginning of one of `size` (section 2.1.2).
    ///
    /// - Precondition: `old` is at most `size`.
    public static func consistencyProof<Failure: Error>(
        from old: UInt64,
        size: UInt64,
        node: (TreeNode) throws(Failure) -> TreeHash
    ) throws(Failure) -> [TreeHash] {
        precondition(old <= size, "a tree does not shrink")
        guard old > 0, old < size else { return [] }
        let hasher = TreeHasher()
        var proof: [TreeHash] = []
        var range = 0..<size
        while old != range.upperBound {
            let middle = split(range)
            if old <= middle {
                proof.append(try hash(of: middle..<range.upperBound, hasher, node))
                range = range.lowerBound..<middle
            } else {
                proof.append(try hash(of: range.lowerBound..<middle, hasher, node))
                range = middle..<range.upperBound
            }
        }
        // Who checks knows the old root already, where it is a subtree.
        if range.lowerBound > 0 { proof.append(try hash(of: range, hasher, node)) }
        return proof.reversed()
    }

    // MARK: - Parts

    /// Where a range of more than one leaf is split: behind the largest power of two below its length.
    private static func split(_ range: Range<UInt64>) -> UInt64 {
        let length = range.upperBound - range.lowerBound
        return range.lowerBound + (1 << UInt64(63 - (length - 1).leadingZeroBitCount))
    }

    private static func hash<Failure: Error>(
        of range: Range<UInt64>,
        _ hasher: TreeHasher,
        _ node: (TreeNode) throws(Failure) -> TreeHash
    ) throws(Failure) -> TreeHash {
        var hashes: [TreeHash] = []
        for part in TreeNode.cover(range) { hashes.append(try node(part)) }
        return join(hashes, hasher)
    }

    /// The hash over complete subtrees, the largest first.
    static func join(_ subtrees: [TreeHash], _ hasher: TreeHasher) -> TreeHash {
        guard var hash = subtrees.last else { return .empty }
        for left in subtrees.dropLast().reversed() { hash = hasher.node(left, hash) }
        return hash
    }
}
