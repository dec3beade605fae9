// SPDX-License-Identifier: Apache-2.0

/// A secret on its way through the program: no description, dump, reflection or log shows it.
public struct Redacted<Value> {
    private let value: Value

    /// Takes the secret in.
    public init(_ value: Value) {
        self.value = value
    }

    /// The secret, for the one place that must have it.
    public func reveal() -> Value { value }
}

extension Redacted: Sendable where Value: Sendable {}

extension Redacted: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Always `[redacted]`.
    public var description: String { "[redacted]" }
    /// Always `[redacted]`.
    public var debugDescription: String { description }
    /// Without children, so that `dump` and failed expectations show nothing either.
    public var customMirror: Mirror { Mirror(self, children: [], displayStyle: .struct) }
}
