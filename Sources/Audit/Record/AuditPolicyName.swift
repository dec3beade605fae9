// SPDX-License-Identifier: Apache-2.0

/// The name of a limit's policy in a record; one that the program knows beforehand is copied without a count.
public struct AuditPolicyName: Sendable {
    private enum Source: Sendable {
        case known(StaticString)
        case text(String)
    }

    private let source: Source

    /// A name that stands in the program.
    public init(_ name: StaticString) { source = .known(name) }

    /// A name from elsewhere.
    public init(_ name: String) { source = .text(name) }

    /// Lends the name's bytes, in UTF-8.
    func withUTF8<Value>(_ body: (UnsafeBufferPointer<UInt8>) -> Value) -> Value {
        switch source {
        case .known(let name): name.withUTF8Buffer(body)
        case .text(var name): name.withUTF8(body)
        }
    }
}

extension AuditPolicyName: CustomStringConvertible, ExpressibleByStringLiteral, Hashable {
    /// The name itself.
    public var description: String {
        switch source {
        case .known(let name): name.description
        case .text(let name): name
        }
    }

    /// A name that stands in the program.
    public init(stringLiteral name: StaticString) { self.init(name) }

    /// Compares the names, wherever they come from.
    public static func == (a: Self, b: Self) -> Bool { a.description == b.description }

    /// Hashes the name.
    public func hash(into hasher: inout Hasher) { hasher.combine(description) }
}
