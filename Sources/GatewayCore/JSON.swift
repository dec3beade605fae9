// SPDX-License-Identifier: Apache-2.0

/// A JSON value (RFC 8259) for small documents: claims, admin bodies, records. Tensors never pass through it.
public enum JSON: Hashable, Sendable {
    case null
    case bool(Bool)
    /// A number without fraction or exponent that fits 64 bits.
    case integer(Int64)
    case double(Double)
    case string(String)
    case array([JSON])
    /// Members in the order of the text; names are distinct.
    case object([Member])

    /// One name and value of an object.
    public struct Member: Hashable, Sendable {
        /// Unescaped; ``JSON/subscript(_:)`` looks it up byte for byte.
        public var name: String
        /// May be ``JSON/null``, which is not the same as no member.
        public var value: JSON

        /// Does not look whether an object has that name already.
        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    /// The member of that name, byte for byte; nil when there is none or this is no object.
    public subscript(_ name: String) -> JSON? {
        guard case .object(let members) = self else { return nil }
        // Not `==`: to Swift's Strings the Kelvin sign is a K.
        return members.first { $0.name.utf8.elementsEqual(name.utf8) }?.value
    }

    /// Unescaped; nil for any other kind.
    public var string: String? { if case .string(let text) = self { text } else { nil } }
    /// nil for any other kind, and for numbers written with a fraction or exponent, even `1.0`.
    public var integer: Int64? { if case .integer(let number) = self { number } else { nil } }
    /// nil for any other kind; 0 and 1 are not booleans.
    public var bool: Bool? { if case .bool(let flag) = self { flag } else { nil } }
    /// nil for any other kind; empty for `[]`.
    public var array: [JSON]? { if case .array(let elements) = self { elements } else { nil } }
    /// In the order of the text; nil for any other kind, empty for `{}`.
    public var members: [Member]? { if case .object(let members) = self { members } else { nil } }

    /// A number of either kind.
    public var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .double(let number): number
        default: nil
        }
    }
}

extension JSON: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral, ExpressibleByNilLiteral, ExpressibleByFloatLiteral
{
    /// Text as it is; it is escaped when written.
    public init(stringLiteral value: String) { self = .string(value) }
    /// Always ``integer(_:)``, where a float literal is a ``double(_:)``.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    /// Always ``double(_:)``, even for `1.0`.
    public init(floatLiteral value: Double) { self = .double(value) }
    /// Elements in their order.
    public init(arrayLiteral elements: JSON...) { self = .array(elements) }
    /// ``null``, not an absent value.
    public init(nilLiteral: ()) { self = .null }
    /// Members in the order written; that the names are distinct is up to the writer.
    public init(dictionaryLiteral elements: (String, JSON)...) { self = .object(elements.map(Member.init)) }
}

extension JSON {
    /// The document on one line, members in their order.
    public func serialized() -> String {
        var writer = JSONWriter()
        writer.value(self)
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
