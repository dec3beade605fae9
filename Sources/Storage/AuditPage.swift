// SPDX-License-Identifier: Apache-2.0

/// Part of what meets a query.
public struct AuditPage: Hashable, Sendable {
    /// The records' indices, in the query's order.
    public var indices: [UInt64] = []
    /// Where to go on: the next page's records are before this index (oldest first: at or behind it). nil when all were
    /// found. A page that ended early has it too, whatever it holds.
    public var next: UInt64?
}
