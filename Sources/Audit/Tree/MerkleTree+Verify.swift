// SPDX-License-Identifier: Apache-2.0

/// Checking proofs (RFC 9162, sections 2.1.3.2 and 2.1.4.2, for the same trees as RFC 6962).
extension MerkleTree {
    /// The root that an inclusion proof leads to; nil when the proof is too short or too long to be one.
    public static func root(
        including leaf: TreeHash,
        at index: UInt64,
        size: UInt64,
        path: [TreeHash]
    ) -> TreeHash? {
        guard index < size else { return nil }
        let hasher = TreeHasher()
        var (place, last) = (index, size - 1)
        var hash = leaf
        for sibling in path {
            guard last > 0 else { return nil }
            if place & 1 == 1 || place == last {
                hash = hasher.node(sibling, hash)
                while place & 1 == 0, place > 0 {
                    place >>= 1
                    last >>= 1
                }
            } else {
                hash = hasher.node(hash, sibling)
            }
            place >>= 1
            last >>= 1
        }
        return last == 0 ? hash : nil
    }

    /// Whether the proof shows that the tree of `old` leaves with `oldRoot` is the beginning of the one of `size` leaves
    /// with `root`.
    public static func isConsistent(
        _ old: UInt64,
        _ oldRoot: TreeHash,
        size: UInt64,
        _ root: TreeHash,
        proof: [TreeHash]
    ) -> Bool {
        guard old < size else { return old == size && oldRoot == root && proof.isEmpty }
        guard old > 0 else { return oldRoot == .empty && proof.isEmpty }
        // A complete subtree is its own first step.
        var steps = (old & (old - 1) == 0 ? [oldRoot] : []) + proof
        guard !steps.isEmpty else { return false }
        let hasher = TreeHasher()
        var (place, last) = (old - 1, size - 1)
        while place & 1 == 1 {
            place >>= 1
            last >>= 1
        }
        let first = steps.removeFirst()
        var (before, now) = (first, first)
        for step in steps {
            guard last > 0 else { return false }
            if place & 1 == 1 || place == last {
                before = hasher.node(step, before)
                now = hasher.node(step, now)
                while place & 1 == 0, place > 0 {
                    place >>= 1
                    last >>= 1
                }
            } else {
                now = hasher.node(now, step)
            }
            place >>= 1
            last >>= 1
        }
        return last == 0 && before == oldRoot && now == root
    }
}
