// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto

/// Text of the 62 letters and digits of ASCII, in the order `0-9 A-Z a-z`.
enum Base62 {
    static func contains(_ character: UInt8) -> Bool {
        switch character {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default:
            false
        }
    }

    /// Characters drawn evenly from a generator fit for secrets: 5.95 bits each.
    static func random(_ count: Int) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(count)
        while out.count < count {
            // 248 is four times 62: above it, the first eight characters would come up more often.
            for byte in SecureRandom.bytes(count - out.count) where byte < 248 { out.append(alphabet[Int(byte) % 62]) }
        }
        return out
    }

    /// The number, most significant digit first, with leading zeros.
    static func encode(_ value: UInt64, length: Int) -> [UInt8] {
        var out = [UInt8](repeating: 0, count: length)
        var value = value
        for position in out.indices.reversed() {
            out[position] = alphabet[Int(value % 62)]
            value /= 62
        }
        return out
    }

    private static let alphabet = Array("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
}
