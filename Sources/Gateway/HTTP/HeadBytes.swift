// SPDX-License-Identifier: Apache-2.0

import HTTP

extension UnsafeRawBufferPointer {
    /// The slice as text, for the routes that are not in a hurry.
    func text(_ range: ByteRange) -> String {
        String(decoding: range.of(self), as: UTF8.self)
    }

    /// Whether the bytes begin with `prefix`, which is lower case, whatever case they are in themselves (ASCII).
    func hasPrefix(_ prefix: StaticString) -> Bool {
        let length = prefix.utf8CodeUnitCount
        guard count >= length else { return false }
        for index in 0..<length {
            let byte = self[index]
            let lower = byte &- 0x41 < 26 ? byte | 0x20 : byte
            guard lower == prefix.utf8Start[index] else { return false }
        }
        return true
    }
}
