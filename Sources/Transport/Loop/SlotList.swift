// SPDX-License-Identifier: Apache-2.0

/// Slots of connections that wait for something, in the order they came; its storage is kept from turn to turn.
struct SlotList: ~Copyable {
    private var slots: [UInt32] = []
    private var taken: [UInt32] = []

    var isEmpty: Bool { slots.isEmpty }

    mutating func append(_ slot: UInt32) { slots.append(slot) }

    /// Takes all that wait now out.
    mutating func take() -> [UInt32] {
        var taken: [UInt32] = []
        swap(&taken, &self.taken)
        swap(&taken, &slots)
        return taken
    }

    /// Gives the storage of what ``take()`` gave back.
    mutating func giveBack(_ list: consuming [UInt32]) {
        var list = list
        list.removeAll(keepingCapacity: true)
        taken = list
    }
}
