// SPDX-License-Identifier: Apache-2.0

/// Writes a body whose length is not known beforehand in chunks (RFC 9112, section 7.1).
public enum HTTP1ChunkedBody {
    /// Appends one chunk; of no bytes nothing, since an empty chunk would be the last one.
    public static func append<Output: HTTPOutput & ~Copyable>(_ bytes: UnsafeRawBufferPointer, to output: inout Output)
    {
        guard !bytes.isEmpty else { return }
        let count = bytes.count
        let digits = (Int.bitWidth - count.leadingZeroBitCount + 3) / 4
        output.appendUninitialised(minimum: count + digits + 4) { out in
            for at in 0..<digits {
                let nibble = UInt8(truncatingIfNeeded: count >> ((digits - 1 - at) * 4)) & 0xf
                out[at] = nibble < 10 ? 0x30 + nibble : 0x57 + nibble
            }
            out.storeBytes(of: UInt16(bigEndian: 0x0d0a), toByteOffset: digits, as: UInt16.self)
            out[(digits + 2)...].copyBytes(from: bytes)
            out.storeBytes(of: UInt16(bigEndian: 0x0d0a), toByteOffset: digits + 2 + count, as: UInt16.self)
            return count + digits + 4
        }
    }

    /// Appends the last chunk: the body is complete.
    public static func finish<Output: HTTPOutput & ~Copyable>(_ output: inout Output) {
        output.append(HTTP1Interim.bytes("0\r\n\r\n"))
    }
}
