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
    ///
    /// - Parameter isPaddingOptional: whether a text without padding counts too, so that there are two spellings.
    public static func decode(_ text: some Collection<UInt8>, isPaddingOptional: Bool = false) -> [UInt8]? {
        let isPadded = text.count % 4 == 0
        guard isPadded || isPaddingOptional else { return nil }
        var characters = Array(text)
        if isPadded {
            for _ in 0..<2 where characters.last == UInt8(ascii: "=") { characters.removeLast() }
        }
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
