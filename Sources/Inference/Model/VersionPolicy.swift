// SPDX-License-Identifier: Apache-2.0

/// Which of a model's versions are loaded, as TensorFlow Serving's `model_version_policy`.
///
/// What takes traffic by a decision (``ServingChoice``) is loaded besides.
public enum VersionPolicy: Hashable, Sendable, CustomStringConvertible {
    case all
    /// The highest ones, at least 1.
    case latest(Int)
    case listed(Set<Int64>)

    /// Reads `all`, `latest 2` or `1, 3`; nil when the text is none of these.
    public init?(_ text: String) {
        let words = text.split(whereSeparator: { $0 == " " || $0 == "," })
        if words == ["all"] {
            self = .all
        } else if words.first == "latest" {
            guard words.count == 2, let count = Int(words[1]), count > 0 else { return nil }
            self = .latest(count)
        } else {
            let numbers = words.map { Int64($0) ?? 0 }
            guard !numbers.isEmpty, numbers.allSatisfy({ $0 > 0 }) else { return nil }
            self = .listed(Set(numbers))
        }
    }

    /// What ``init(_:)`` reads.
    public var description: String {
        switch self {
        case .all: "all"
        case .latest(let count): "latest \(count)"
        case .listed(let versions): versions.sorted().map(String.init).joined(separator: ", ")
        }
    }

    /// Those of these versions that the policy loads.
    func chosen(of versions: [Int64]) -> Set<Int64> {
        switch self {
        case .all: Set(versions)
        case .latest(let count): Set(versions.sorted().suffix(count))
        case .listed(let listed): listed.intersection(versions)
        }
    }
}
