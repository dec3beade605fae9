// SPDX-License-Identifier: Apache-2.0

/// Base64 with padding (RFC 4648, section 4), canonical spellings only.
public enum Base64 {
    /// Four characters for three bytes, the last group padded.
    public static func encode(_ bytes: some Collection<UInt8>) -> String {
        var text = Base64URL.encode(bytes).utf8.map { character in
            switch character {
            case UInt8(ascii: "-"): UInt8(ascii: "+")
            case UInt8(ascii: "_"): UInt8(ascii: "/")
            default: character
            }
        }
        while text.count % 4 != 0 { text.append(UInt8(ascii: "=")) }
        return String(decoding: text, as: UTF8.self)
    }

    /// nil for a character outside the alphabet, missing or needless padding, or unused bits that are not zero: each
    /// value has exactly one spelling.
    public static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var characters = Array(text)
        for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
        for place in characters.indices {
            switch characters[place] {
            case UInt8(ascii: "+"): characters[place] = UInt8(ascii: "-")
            case UInt8(ascii: "/"): characters[place] = UInt8(ascii: "_")
            case UInt8(ascii: "-"), UInt8(ascii: "_"): return nil
            default: continue
            }
        }
        return Base64URL.decode(characters)
    }
}
