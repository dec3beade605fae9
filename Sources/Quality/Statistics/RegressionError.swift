// SPDX-License-Identifier: Apache-2.0

/// How far a regression is off.
public struct RegressionError: Hashable, Sendable {
    /// Labelled values.
    public private(set) var count = 0
    private var absolute = 0.0
    private var squares = 0.0

    /// Of no value.
    public init() {}

    /// One more value.
    public mutating func add(predicted: Double, label: Double) {
        count += 1
        absolute += abs(predicted - label)
        squares += (predicted - label) * (predicted - label)
    }

    /// Takes the values of another in.
    public mutating func merge(_ other: RegressionError) {
        count += other.count
        absolute += other.absolute
        squares += other.squares
    }

    /// Σ |y′ − y| / n; nil without a value.
    public var meanAbsoluteError: Double? { count == 0 ? nil : absolute / Double(count) }
    /// √(Σ (y′ − y)² / n); nil without a value.
    public var rootMeanSquareError: Double? { count == 0 ? nil : (squares / Double(count)).squareRoot() }
}
