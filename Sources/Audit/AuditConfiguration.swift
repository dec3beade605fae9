// SPDX-License-Identifier: Apache-2.0

/// Where the audit log is and what its acknowledgement means.
public struct AuditConfiguration: Hashable, Sendable {
    /// The log's directory; the journal is in `journal` below it. Made when it is not there, for the owner alone.
    public var directory: String
    /// What an acknowledgement promises.
    public var durability: AuditDurability
    /// A segment that would grow over so many bytes is followed by a new one; at least 4096. With
    /// ``AuditDurability/written`` it may grow a quarter longer.
    public var segmentBytes: Int64
    /// The gateway's name in records.
    public var gateway: String
    /// Bytes of payload that may wait for the disk; submissions over it fail at once.
    public var maximumQueuedBytes: Int
    /// Records that are known to be in the log, from a checkpoint: a log with fewer is not opened.
    public var knownSize: UInt64

    /// A configuration with the usual bounds.
    public init(
        directory: String,
        durability: AuditDurability = .durable,
        segmentBytes: Int64 = 64 << 20,
        gateway: String,
        maximumQueuedBytes: Int = 64 << 20,
        knownSize: UInt64 = 0
    ) {
        self.directory = directory
        self.durability = durability
        self.segmentBytes = segmentBytes
        self.gateway = gateway
        self.maximumQueuedBytes = maximumQueuedBytes
        self.knownSize = knownSize
    }

    var journalDirectory: String { "\(directory)/journal" }
}
