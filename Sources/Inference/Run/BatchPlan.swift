// SPDX-License-Identifier: Apache-2.0

/// Which batch sizes a model was compiled for, and how a number of instances is cut into them.
///
/// A session of one fixed batch takes about half the time of one that takes any, and changing the batch of such a
/// session costs more than a small inference. So small models are compiled for a few sizes, and the rest of a batch is
/// padded with zeros.
struct BatchPlan: Hashable, Sendable {
    /// Ascending; empty when the model runs any batch as it comes.
    let sizes: [Int]
    /// `first[n]` is the size to run first when n instances wait, for n up to the largest size.
    private let first: [Int]
    /// `total[n]` is what n instances cost then.
    private let total: [Int64]

    /// No fixed sizes.
    static let open = BatchPlan(costs: [])

    /// The cheapest cut for every number of instances.
    ///
    /// - Parameter costs: sizes, ascending, and what an inference of each costs.
    init(costs: [(size: Int, nanoseconds: Int64)]) {
        sizes = costs.map(\.size)
        var first = [0]
        var total: [Int64] = [0]
        for count in 1..<(sizes.last ?? 0) + 1 {
            let choices = costs.map { (size: $0.size, total: $0.nanoseconds + total[max(0, count - $0.size)]) }
            // Of equals the larger: it is over sooner.
            guard let best = choices.reversed().min(by: { $0.total < $1.total }) else { break }
            first.append(best.size)
            total.append(best.total)
        }
        self.first = first
        self.total = total
    }

    /// What `count` instances are expected to cost; only for a plan with sizes.
    func nanoseconds(instances count: Int) -> Int64 {
        let largest = total.count - 1
        return Int64(count / largest) * total[largest] + total[count % largest]
    }

    /// The size to run first when `count` instances wait; `limit` at most when there are no fixed sizes.
    func size(for count: Int, limit: Int) -> Int {
        guard let largest = sizes.last else { return min(count, limit) }
        return count >= largest ? largest : first[count]
    }
}
