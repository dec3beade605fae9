// SPDX-License-Identifier: Apache-2.0

/// A complete subtree: 2^level leaves, the `index`-th of that size from the left.
public struct TreeNode: Hashable, Sendable {
    /// 0 for leaves.
    public var level: Int
    /// From 0.
    public var index: UInt64

    /// Does not look whether a tree has it.
    public init(level: Int, index: UInt64) {
        self.level = level
        self.index = index
    }

    /// The largest complete subtrees that make up a range which RFC 6962, section 2.1, splits off a tree, from the left.
    static func cover(_ range: Range<UInt64>) -> [TreeNode] {
        var nodes: [TreeNode] = []
        var start = range.lowerBound
        while start < range.upperBound {
            let level = 63 - (range.upperBound - start).leadingZeroBitCount
            nodes.append(TreeNode(level: level, index: start >> UInt64(level)))
            start += 1 << UInt64(level)
        }
        return nodes
    }
}
