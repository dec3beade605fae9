// SPDX-License-Identifier: Apache-2.0

/// The pairs of a query or an `application/x-www-form-urlencoded` body (WHATWG URL, section 5), strictly: each name
/// once, valid escapes, valid UTF-8.
struct FormBody {
    private var fields: [String: String] = [:]

    /// More than any form here has.
    private static let maxPairs = 32

    /// nil when the text is not such a form, or has more than 32 pairs.
    init?(_ text: some Collection<UInt8>) {
        for pair in text.split(separator: UInt8(ascii: "&"), maxSplits: Self.maxPairs) {
            guard fields.count < Self.maxPairs else { return nil }
            let equals = pair.firstIndex(of: UInt8(ascii: "="))
            guard let name = Self.decode(pair[..<(equals ?? pair.endIndex)]),
                let value = Self.decode(equals.map { pair[pair.index(after: $0)...] } ?? pair[pair.endIndex...]),
                fields.updateValue(value, forKey: name) == nil
            else { return nil }
        }
    }

    /// A field's value; an empty one counts as absent (RFC 6749, section 3.2).
    subscript(_ name: String) -> String? {
        fields[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    var names: Dictionary<String, String>.Keys { fields.keys }

    static func decode(_ text: some Collection<UInt8>) -> String? {
        var out: [UInt8] = []
        var rest = Array(text)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "+"): out.append(UInt8(ascii: " "))
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(hexDigit), let low = rest.popFirst().flatMap(hexDigit) else {
                    return nil
                }
                out.append(high << 4 | low)
            default: out.append(byte)
            }
        }
        return String(validating: out, as: UTF8.self)
    }

    private static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 48...57: byte - 48
        case 65...70: byte - 55
        case 97...102: byte - 87
        default: nil
        }
    }
}
