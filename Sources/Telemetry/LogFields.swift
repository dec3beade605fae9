// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The value of a log line's field.
public enum LogValue: Hashable, Sendable {
    case string(String)
    case integer(Int64)
    case double(Double)
    case bool(Bool)
    case time(UnixTime)
    case list([String])
    /// Says that there is a value and not what it is.
    case redacted

    /// The description of any value, such as a tenant, model or request.
    public static func of(_ value: some CustomStringConvertible) -> LogValue { .string(value.description) }

    /// A secret becomes ``redacted``; more specific than ``of(_:)``, so it wins wherever both fit.
    public static func of<Secret>(_ value: Redacted<Secret>) -> LogValue { .redacted }
}

extension LogValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// A truth value.
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

/// The fields of a log line, in the order in which they were given: `["address": .string(text), "attempt": 2]`.
public struct LogFields: ExpressibleByDictionaryLiteral, Sendable {
    private(set) var pairs: [(name: String, value: LogValue)]

    /// The fields in the order of the literal.
    public init(dictionaryLiteral elements: (String, LogValue)...) {
        pairs = []
        for (name, value) in elements { self[name] = value }
    }

    /// The field of that name; a second value for a name replaces the first, so that no line has a name twice.
    public subscript(name: String) -> LogValue? {
        get { pairs.first { $0.name == name }?.value }
        set {
            // Those three are the line's own.
            let name = ["time", "level", "message"].contains(name) ? name + "_" : name
            let index = pairs.firstIndex { $0.name == name }
            switch (index, newValue) {
            case (let index?, let value?): pairs[index].value = value
            case (let index?, nil): pairs.remove(at: index)
            case (nil, let value?): pairs.append((name, value))
            case (nil, nil): break
            }
        }
    }

    func merging(_ other: LogFields) -> LogFields {
        guard !pairs.isEmpty else { return other }
        var merged = self
        for (name, value) in other.pairs { merged[name] = value }
        return merged
    }
}
