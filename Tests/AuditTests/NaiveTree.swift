// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCrypto

/// RFC 6962, section 2.1, word for word: slow, and with nothing of the code under test.
struct NaiveTree {
    let leaves: [[UInt8]]

    func root(_ range: Range<Int>? = nil) -> [UInt8] {
        let range = range ?? 0..<leaves.count
        switch range.count {
        case 0: return SHA256.hash([])
        case 1: return SHA256.hash([0] + leaves[range.lowerBound])
        default:
            let middle = range.lowerBound + Self.split(range.count)
            return SHA256.hash([1] + root(range.lowerBound..<middle) + root(middle..<range.upperBound))
        }
    }

    /// PATH(m, D[n]).
    func path(_ m: Int, _ range: Range<Int>) -> [[UInt8]] {
        guard range.count > 1 else { return [] }
        let k = Self.split(range.count)
        let (left, right) = (range.lowerBound..<range.lowerBound + k, range.lowerBound + k..<range.upperBound)
        return m < k ? path(m, left) + [root(right)] : path(m - k, right) + [root(left)]
    }

    /// SUBPROOF(m, D[n], b).
    func subproof(_ m: Int, _ range: Range<Int>, _ isWhole: Bool) -> [[UInt8]] {
        guard m < range.count else { return isWhole ? [] : [root(range)] }
        let k = Self.split(range.count)
        let (left, right) = (range.lowerBound..<range.lowerBound + k, range.lowerBound + k..<range.upperBound)
        return m <= k
            ? subproof(m, left, isWhole) + [root(right)] : subproof(m - k, right, false) + [root(left)]
    }

    private static func split(_ n: Int) -> Int {
        var k = 1
        while k * 2 < n { k *= 2 }
        return k
    }

    /// The hash of a complete subtree, as the code under test asks for it.
    func hash(_ node: TreeNode) -> TreeHash {
        let first = Int(node.index) << node.level
        return TreeHash(root(first..<first + 1 << node.level))!
    }
}
