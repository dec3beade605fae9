// SPDX-License-Identifier: Apache-2.0

import TestSupport

extension SeededGenerator {
    /// Text from all of Unicode, heavy in what writers and readers get wrong.
    mutating func text(maxLength: Int = 20) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...maxLength, using: &self) {
            let limit: UInt32 = [0x20, 0x80, 0x800, 0x3000, 0x11_0000].randomElement(using: &self)!
            let marks: [Unicode.Scalar] = ["\"", "\\", "/", "\u{2028}", "\u{2029}", "\u{7f}", "\u{ffff}", "\u{feff}"]
            let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &self))
            text.append(scalar ?? marks.randomElement(using: &self)!)
        }
        return String(text)
    }
}
