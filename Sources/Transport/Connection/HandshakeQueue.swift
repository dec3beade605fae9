// SPDX-License-Identifier: Apache-2.0

/// A loop's connections in the order in which their handshakes began, those that are done since included.
struct HandshakeQueue {
    private struct Entry {
        let id: ConnectionID
        /// Of the monotonic clock, nanoseconds.
        let begun: Int64
    }

    private var entries: [Entry] = []
    private var first = 0

    /// A handshake begins.
    ///
    /// - Parameter isUnderWay: whether an earlier one is still; what is over at the front is forgotten.
    mutating func append(_ id: ConnectionID, now: Int64, isUnderWay: (ConnectionID) -> Bool) {
        skip(isUnderWay)
        // Half of it is behind already: moved up, so that it does not grow for ever.
        if first > 64, first > entries.count / 2 {
            entries.removeFirst(first)
            first = 0
        }
        entries.append(Entry(id: id, begun: now))
    }

    /// Takes out the oldest that is still under way; nil when that began after `limit`.
    mutating func popOldest(begunBefore limit: Int64, isUnderWay: (ConnectionID) -> Bool) -> ConnectionID? {
        skip(isUnderWay)
        guard first < entries.count, entries[first].begun < limit else { return nil }
        first += 1
        return entries[first - 1].id
    }

    private mutating func skip(_ isUnderWay: (ConnectionID) -> Bool) {
        while first < entries.count, !isUnderWay(entries[first].id) { first += 1 }
    }
}
