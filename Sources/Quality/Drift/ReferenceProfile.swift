// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What a version's inputs and outputs were when it was known to be good; drift is measured from there.
public struct ReferenceProfile: Hashable, Sendable {
    /// The file in a version's folder that has it, as `tollgate model evaluate --save-reference` writes it.
    public static let fileName = "reference.json"
    /// Instances that make one where there is no file: the first that a version answers.
    public static let sampleSize = 500

    /// Instances.
    public let count: Int
    /// Of the predicted classes, in ``PredictionSample/categoryBins`` bins; nil for a regression.
    public let categories: [Int]?
    /// Of each measure that the instances have.
    public let measures: [PredictionSample.Measure: QuantileBins]

    /// - Returns: nil without an instance.
    public init?(_ samples: [PredictionSample]) {
        guard !samples.isEmpty else { return nil }
        count = samples.count
        var categories = Array(repeating: 0, count: PredictionSample.categoryBins)
        for category in samples.compactMap(\.category) { categories[category % categories.count] += 1 }
        self.categories = samples.contains { $0.category != nil } ? categories : nil
        var measures: [PredictionSample.Measure: QuantileBins] = [:]
        for measure in PredictionSample.Measure.allCases {
            measures[measure] = QuantileBins(samples.compactMap { $0[measure] })
        }
        self.measures = measures
    }

    /// `{"count": 360, "classes": [36, …], "measures": {"output": {"edges": […], "counts": […]}, …}}`.
    public var json: JSON {
        func list(_ counts: [Int]) -> JSON { .array(counts.map { .integer(Int64($0)) }) }
        let known = PredictionSample.Measure.allCases.compactMap { measure in
            measures[measure].map { bins in
                JSON.Member(
                    measure.rawValue,
                    ["edges": .array(bins.edges.map(JSON.double)), "counts": list(bins.counts)]
                )
            }
        }
        return [
            "count": .integer(Int64(count)), "classes": categories.map(list) ?? .null, "measures": .object(known),
        ]
    }

    /// What ``json`` wrote; nil for anything else.
    public init?(json: JSON) {
        func list(_ json: JSON?) -> [Int]? {
            let numbers = json?.array?.map { $0.integer.flatMap { (0...1_000_000_000).contains($0) ? Int($0) : nil } }
            guard let numbers, !numbers.contains(nil) else { return nil }
            return numbers.compactMap(\.self)
        }
        guard let count = json["count"]?.integer, (1...1_000_000_000).contains(count),
            let members = json["measures"]?.members
        else { return nil }
        self.count = Int(count)
        if let value = json["classes"], value != .null {
            guard let counts = list(value), counts.count == PredictionSample.categoryBins else { return nil }
            categories = counts
        } else {
            categories = nil
        }
        var measures: [PredictionSample.Measure: QuantileBins] = [:]
        for member in members {
            guard let measure = PredictionSample.Measure(rawValue: member.name),
                let edges = member.value["edges"]?.array?.map(\.number), !edges.contains(nil),
                let counts = list(member.value["counts"]),
                let bins = QuantileBins(edges: edges.compactMap(\.self), counts: counts)
            else { return nil }
            measures[measure] = bins
        }
        self.measures = measures
    }
}
