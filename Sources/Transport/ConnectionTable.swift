// SPDX-License-Identifier: Apache-2.0

/// A loop's connections by slot, and beside them, close together in memory, the times at which each is due.
final class ConnectionTable {
    private var connections: [Connection?] = []
    private var generations: [UInt32] = []
    /// Of the monotonic clock; `.max` where nothing is due. Looking through 10,000 of them takes some microseconds.
    private var deadlines: [Int64] = []
    private var stalls: [Int64] = []
    private var free: [Int] = []
    private(set) var count = 0

    /// Gives the connection a slot.
    ///
    /// - Returns: the token that names it; a token of the same slot differs after ``remove(_:)``.
    func add(_ connection: Connection) -> UInt64 {
        count += 1
        let slot: Int
        if let known = free.popLast() {
            slot = known
            connections[slot] = connection
        } else {
            slot = connections.count
            connections.append(connection)
            generations.append(0)
            deadlines.append(.max)
            stalls.append(.max)
        }
        return UInt64(generations[slot]) << 32 | UInt64(slot)
    }

    func remove(_ token: UInt64) {
        let slot = Self.slot(token)
        connections[slot] = nil
        // Bit 31 stays clear: the loop's own tokens have it set.
        generations[slot] = (generations[slot] &+ 1) & 0x7fff_ffff
        deadlines[slot] = .max
        stalls[slot] = .max
        free.append(slot)
        count -= 1
    }

    /// nil when the connection has gone, or the token is none of a connection.
    func connection(_ token: UInt64) -> Connection? {
        let slot = Self.slot(token)
        guard slot < connections.count, generations[slot] == UInt32(token >> 32) else { return nil }
        return connections[slot]
    }

    func setDeadline(_ token: UInt64, _ time: Int64) { deadlines[Self.slot(token)] = time }
    func setStall(_ token: UInt64, _ time: Int64) { stalls[Self.slot(token)] = time }

    func forEach(_ body: (Connection) -> Void) {
        for slot in connections.indices {
            if let connection = connections[slot] { body(connection) }
        }
    }

    /// Tells the connections whose time has come.
    func expire(_ now: Int64) {
        for slot in deadlines.indices {
            if deadlines[slot] <= now {
                deadlines[slot] = .max
                connections[slot]?.deadlinePassed()
            }
            if stalls[slot] <= now {
                stalls[slot] = .max
                connections[slot]?.stalled()
            }
        }
    }

    func giveBackMemory() {
        forEach { $0.giveBackMemory() }
    }

    private static func slot(_ token: UInt64) -> Int { Int(token & 0xffff_ffff) }
}
