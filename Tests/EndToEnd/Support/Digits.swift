// SPDX-License-Identifier: Apache-2.0

import Foundation

/// The held-out handwritten digits, as the texts that stand in the file.
struct Digit: Sendable {
    let label: Int
    /// A JSON array of 784 numbers.
    let instance: String

    static let all: [Digit] = {
        let file = "\(TestRun.repository)/examples/digits/heldout.ndjson"
        let text = String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
        return text.split(separator: "\n").compactMap { line in
            // {"label":8,"instance":[…]}
            guard let label = line.firstMatch(of: /"label": ?([0-9])/).flatMap({ Int($0.1) }),
                let start = line.firstIndex(of: "["), let end = line.lastIndex(of: "]")
            else { return nil }
            return Digit(label: label, instance: String(line[start...end]))
        }
    }()

    /// The body of a prediction for these digits.
    static func body(_ digits: some Sequence<Digit>) -> String {
        "{\"instances\":[\(digits.map(\.instance).joined(separator: ","))]}"
    }

    /// The body of a prediction for one of them.
    static func body(_ index: Int = 0) -> String { body([all[index % all.count]]) }
}

/// The index of the largest, which is the digit that a model sees.
func decision(_ probabilities: [Double]) -> Int? {
    probabilities.indices.max { probabilities[$0] < probabilities[$1] }
}

/// The largest difference of any two numbers in the same place; infinite where the forms differ.
func difference(_ a: [[Double]], _ b: [[Double]]) -> Double {
    guard a.map(\.count) == b.map(\.count) else { return .infinity }
    return zip(a, b).flatMap { zip($0, $1).map { abs($0 - $1) } }.max() ?? .infinity
}
