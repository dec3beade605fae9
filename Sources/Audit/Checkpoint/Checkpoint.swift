// SPDX-License-Identifier: Apache-2.0

/// A tree's size and root under the log's name: the text that a log signs (C2SP tlog-checkpoint).
public struct Checkpoint: Hashable, Sendable {
    /// The log's name.
    public var origin: String
    /// Records that it covers.
    public var size: UInt64
    /// The tree's hash.
    public var root: TreeHash
    /// Further lines, without meaning here.
    public var extensions: [String] = []

    /// A checkpoint without further lines.
    public init(origin: String, size: UInt64, root: TreeHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// Reads the text of a note; nil when it is no checkpoint.
    public init?(text: String) {
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        guard lines.count >= 4, lines.removeLast().isEmpty, lines.allSatisfy({ !$0.isEmpty }),
            let size = UInt64(lines[1]), String(size) == lines[1], let root = TreeHash(base64: lines[2].utf8)
        else { return nil }
        origin = lines[0]
        self.size = size
        self.root = root
        extensions = Array(lines[3...])
    }

    /// The text that is signed: each line with its end.
    public var text: String {
        ([origin, String(size), root.description] + extensions).map { $0 + "\n" }.joined()
    }
}
