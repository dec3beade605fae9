// SPDX-License-Identifier: Apache-2.0

/// Base64url without padding (RFC 4648, section 5; RFC 7515, section 2), canonical spellings only.
public enum Base64URL {
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count * 4 + 2) / 3)
        var bits: UInt32 = 0
        var count = 0
        for byte in bytes {
            bits = bits << 8 | UInt32(byte)
            count += 8
            while count >= 6 {
                count -= 6
                out.append(alphabet[Int(bits >> count & 63)])
            }
        }
        if count > 0 { out.append(alphabet[Int(bits << (6 - count) & 63)]) }
        return String(decoding: out, as: UTF8.self)
    }

    /// nil for a character outside the alphabet, an impossible length, or unused bits that are not zero: each value has
    /// exactly one spelling.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        // One generic call for the whole text, not one for each character: the loop itself is concrete.
        if let decoded = text.withContiguousStorageIfAvailable({ decode(contiguous: $0) }) { return decoded }
        return Array(text).withUnsafeBufferPointer { decode(contiguous: $0) }
    }

    private static func decode(contiguous text: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard text.count % 4 != 1 else { return nil }
        var isValid = true
        let out = [UInt8](unsafeUninitializedCapacity: text.count * 3 / 4) { out, written in
            values.withUnsafeBufferPointer { values in
                var bits: UInt32 = 0
                var count = 0
                for character in text {
                    let value = values[Int(character)]
                    isValid = isValid && value < 64
                    bits = bits << 6 | UInt32(value & 63)
                    count += 6
                    if count >= 8 {
                        count -= 8
                        out[written] = UInt8(truncatingIfNeeded: bits >> count)
                        written += 1
                    }
                }
                isValid = isValid && bits & (1 << count - 1) == 0
            }
        }
        return isValid ? out : nil
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    private static let values: [UInt8] = {
        var table = [UInt8](repeating: 255, count: 256)
        for (value, character) in alphabet.enumerated() { table[Int(character)] = UInt8(value) }
        return table
    }()
}
