// SPDX-License-Identifier: Apache-2.0

/// What is wrong with a log.
public struct LogFault: Error, Hashable, Sendable, CustomStringConvertible {
    /// Which of the checks found it.
    public enum Check: String, Hashable, Sendable {
        /// The newest checkpoint and its signature.
        case checkpoint
        /// Records against their hashes, and hashes against the checkpoint's root.
        case tree
        /// A checkpoint that was saved before, against the tree.
        case saved
        /// Tiles and bundles that must be there.
        case gap
        /// The note of what was pruned, against the tree and the record that says so.
        case pruned
        /// The journal against the log.
        case journal
        /// The search index against the log.
        case index
    }

    /// The check that found it.
    public var check: Check
    /// The first record that is not as it was, or the first that may not be; nil when it is not about one.
    public var record: UInt64?
    /// The file at fault.
    public var file: String
    /// Reads on from the file's name.
    public var reason: String

    /// A fault of that check.
    public init(_ check: Check, record: UInt64? = nil, file: String, _ reason: String) {
        self.check = check
        self.record = record
        self.file = file
        self.reason = reason
    }

    /// `record 42: audit/log/tile/entries/000 …`.
    public var description: String { (record.map { "record \($0): " } ?? "") + "\(file) \(reason)" }
}

/// What verifying a log came to.
public struct LogReport: Sendable {
    /// The newest checkpoint; nil when there is none that its key signed.
    public internal(set) var checkpoint: Checkpoint?
    /// Records that were pruned, as a signed note says: all before the one of this index. Of them the tree's hashes were
    /// verified.
    public internal(set) var pruned: UInt64 = 0
    /// Records whose hashes were computed.
    public internal(set) var records: UInt64 = 0
    /// Their bytes.
    public internal(set) var bytes: UInt64 = 0
    /// Saved checkpoints that agree with the log.
    public internal(set) var agreeing = 0
    /// What is wrong, in the order in which it was found; empty for a log that is whole.
    public internal(set) var faults: [LogFault] = []

    /// The record nearest to the log's beginning that a fault names.
    public var firstBadRecord: UInt64? { faults.compactMap(\.record).min() }
}

/// A checkpoint that somebody kept.
public struct SavedCheckpoint: Sendable {
    /// The file's name, for messages.
    public var file: String
    /// As it was kept.
    public var bytes: [UInt8]

    /// Bytes from that file, not looked at yet.
    public init(file: String, bytes: [UInt8]) {
        self.file = file
        self.bytes = bytes
    }
}
