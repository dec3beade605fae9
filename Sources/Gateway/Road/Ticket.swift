// SPDX-License-Identifier: Apache-2.0

/// Names an exchange to what works for it elsewhere: the connection's slot and the exchange's serial.
struct Ticket: Sendable {
    let slot: UInt32
    let serial: UInt32

    init(slot: Int, serial: UInt32) {
        self.slot = UInt32(slot)
        self.serial = serial
    }

    init(rawValue: UInt64) {
        slot = UInt32(rawValue >> 32)
        serial = UInt32(truncatingIfNeeded: rawValue)
    }

    var rawValue: UInt64 { UInt64(slot) << 32 | UInt64(serial) }
}
