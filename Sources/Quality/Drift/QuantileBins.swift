// SPDX-License-Identifier: Apache-2.0

/// Bins between the deciles of a sample, with the sample's own counts in them: what later values are compared with.
public struct QuantileBins: Hashable, Sendable {
    /// At most 9, ascending and distinct; bin i has the values in (edges[i−1], edges[i]].
    public let edges: [Double]
    /// One more than ``edges``.
    public let counts: [Int]

    /// - Returns: nil without a finite value.
    public init?(_ sample: [Double]) {
        let sorted = sample.filter(\.isFinite).sorted()
        guard !sorted.isEmpty else { return nil }
        var edges: [Double] = []
        for decile in 1...9 {
            let edge = sorted[(sorted.count - 1) * decile / 10]
            // Values that are mostly one have fewer bins; the last one must not be empty by construction.
            if edge != edges.last, edge < sorted[sorted.count - 1] { edges.append(edge) }
        }
        var counts = Array(repeating: 0, count: edges.count + 1)
        for value in sorted { counts[Self.bin(value, edges)] += 1 }
        self.edges = edges
        self.counts = counts
    }

    /// - Returns: nil for edges that do not ascend and counts that are not one more, or negative.
    init?(edges: [Double], counts: [Int]) {
        guard edges.count <= 9, counts.count == edges.count + 1, zip(edges, edges.dropFirst()).allSatisfy(<),
            edges.allSatisfy(\.isFinite), counts.allSatisfy({ (0...1_000_000_000).contains($0) })
        else { return nil }
        self.edges = edges
        self.counts = counts
    }

    /// The bin of a value; NaN lies in the last.
    public func bin(_ value: Double) -> Int { Self.bin(value, edges) }

    private static func bin(_ value: Double, _ edges: [Double]) -> Int {
        edges.firstIndex { value <= $0 } ?? edges.count
    }
}
