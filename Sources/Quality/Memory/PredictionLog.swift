// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What one event loop remembers of its predictions, so that labels which come later can be joined to them.
///
/// The newest `capacity` instances lie in a ring; a table with linear probing leads from a request's id to its first
/// instance. All memory is taken at the start, and remembering a prediction takes no more. Nothing outlives the process.
public final class PredictionLog {
    /// 48 bytes, without references.
    private struct Slot {
        var high: UInt64 = 0
        var low: UInt64 = 0
        var output = 0.0
        /// NaN without one.
        var label = Double.nan
        var category: Int32 = -1
        var series: Int32 = -1
        /// Of the request's instances, which lie behind one another.
        var instance: Int32 = 0
        var count: Int32 = 0
    }

    private struct Series {
        var key: QualityKey
        let task: PredictionTask
        var sketch: SeriesSketch
        /// Instances in the ring.
        var remembered = 0
    }

    /// Tenants and versions of which one loop keeps account at a time.
    public static let maxSeries = 4096

    private let slots: UnsafeMutableBufferPointer<Slot>
    /// Places in the ring, plus 1; 0 is free. Twice as many as slots, so that probes are short.
    private let table: UnsafeMutableBufferPointer<UInt32>
    private var head = 0
    private var series: [Series] = []
    private var places: [QualityKey: Int] = [:]
    private var seed: UInt64
    /// Counts the series that had to give their number to another: numbers of before may be another's since.
    public private(set) var replaced = 0

    /// - Parameter capacity: instances remembered; 0 for none, which leaves the account of drift.
    public init(capacity: Int, seed: UInt64 = .random(in: .min ... .max)) {
        precondition(capacity >= 0 && capacity < 1 << 30, "a ring has from 0 to 2^30 slots")
        slots = .allocate(capacity: capacity)
        slots.initialize(repeating: Slot())
        var size = 2
        while size < 2 * capacity { size *= 2 }
        table = .allocate(capacity: size)
        table.initialize(repeating: 0)
        self.seed = seed
    }

    deinit {
        slots.deallocate()
        table.deallocate()
    }

    // MARK: - Predictions

    /// The number of a series, for ``record(_:series:count:_:input:)``; nil when there are ``maxSeries`` of them, all with
    /// predictions in memory. It stays the same until ``replaced`` changes.
    public func series(of key: QualityKey, task: PredictionTask) -> Int? {
        if let place = places[key], series[place].task == task { return place }
        seed &+= 1
        let new = Series(key: key, task: task, sketch: SeriesSketch(seed: seed))
        if series.count < Self.maxSeries {
            series.append(new)
            places[key] = series.count - 1
            return series.count - 1
        }
        guard let free = series.firstIndex(where: { $0.remembered == 0 && $0.sketch.isEmpty }) else { return nil }
        if places[series[free].key] == free { places[series[free].key] = nil }
        series[free] = new
        replaced += 1
        places[key] = free
        return free
    }

    /// Remembers a request's predictions.
    ///
    /// A request with more instances than there is room for counts for drift, and cannot be labelled.
    ///
    /// - Parameters:
    ///   - prediction: the one for each instance.
    ///   - input: mean and standard deviation of an instance's numbers; asked for those that are sampled alone.
    public func record(
        _ request: RequestID,
        series number: Int,
        count: Int,
        _ prediction: (Int) -> Prediction,
        input: (Int) -> (mean: Double, deviation: Double)?
    ) {
        let isRemembered = count <= slots.count
        if isRemembered { makeRoom(count) }
        let first = head
        for instance in 0..<count {
            let place = series[number].sketch.place()
            guard isRemembered || place != nil else { continue }
            let found = prediction(instance)
            if let place {
                series[number].sketch.put(
                    PredictionSample(
                        category: found.category < 0 ? nil : Int(found.category),
                        output: found.output,
                        input: input(instance)
                    ),
                    at: place
                )
            }
            guard isRemembered else { continue }
            slots[head] = Slot(
                high: request.high,
                low: request.low,
                output: found.output,
                category: found.category,
                series: Int32(number),
                instance: Int32(instance),
                count: Int32(count)
            )
            head = head + 1 == slots.count ? 0 : head + 1
        }
        series[number].sketch.countRequest()
        guard isRemembered, count > 0 else { return }
        series[number].remembered += count
        insert(first)
    }

    /// A request whose inference failed.
    public func recordFailure(series number: Int) { series[number].sketch.countFailure() }

    // MARK: - Labels

    /// Joins labels to a request's predictions: all of them, or none.
    ///
    /// - Parameters:
    ///   - version: nil for any.
    ///   - labels: one for each instance, in the request's order; classes as whole numbers from 0.
    public func label(
        _ request: RequestID,
        tenant: TenantID,
        model: ModelName,
        version: Int64?,
        labels: [Double]
    ) -> LabelOutcome {
        guard let first = find(request) else { return .unknown }
        let owner = series[Int(slots[first].series)]
        // What is another's looks like what is not there.
        guard owner.key.tenant == tenant, owner.key.model == model, version == nil || version == owner.key.version
        else {
            return .unknown
        }
        let count = Int(slots[first].count)
        guard labels.count == count else { return .wrongCount(count) }
        if case .classification(let classes) = owner.task {
            for label in labels where label < 0 || label >= Double(classes) || label != label.rounded() {
                return .noClass(classes)
            }
        }
        // A request's instances are labelled together.
        if !slots[first].label.isNaN {
            return labels.indices.allSatisfy { slots[(first + $0) % slots.count].label == labels[$0] }
                ? .repeated : .conflicting
        }
        let joined = labels.indices.map { instance in
            let place = (first + instance) % slots.count
            slots[place].label = labels[instance]
            return LabelledPrediction(
                category: slots[place].category < 0 ? nil : Int(slots[place].category),
                output: slots[place].output,
                label: labels[instance]
            )
        }
        return .accepted(owner.key, joined)
    }

    /// What came of each series since the last time.
    public func collect() -> [(key: QualityKey, delta: SketchDelta)] {
        var deltas: [(QualityKey, SketchDelta)] = []
        for place in series.indices {
            if series[place].sketch.isEmpty {
                // Its version may have gone: it may not keep room for samples that never come.
                series[place].sketch.release()
            } else {
                deltas.append((series[place].key, series[place].sketch.take()))
            }
        }
        return deltas
    }

    // MARK: - Ring

    /// Forgets requests until there are so many free slots at the head: whole requests, of which all instances are there or
    /// none.
    private func makeRoom(_ count: Int) {
        for step in 0..<count {
            let place = head + step < slots.count ? head + step : head + step - slots.count
            guard slots[place].count > 0 else { continue }
            forget(place)
        }
    }

    private func forget(_ place: Int) {
        let count = Int(slots[place].count)
        remove(place)
        series[Int(slots[place].series)].remembered -= count
        for instance in 0..<count {
            slots[place + instance < slots.count ? place + instance : place + instance - slots.count].count = 0
        }
    }

    // MARK: - Table

    private var mask: Int { table.count - 1 }
    /// Its 62 random bits; the request's id is the gateway's own, so nobody can choose it.
    private func home(_ low: UInt64) -> Int { Int(truncatingIfNeeded: low) & mask }

    private func find(_ request: RequestID) -> Int? {
        var index = home(request.low)
        while table[index] != 0 {
            let place = Int(table[index]) - 1
            if slots[place].low == request.low, slots[place].high == request.high { return place }
            index = (index + 1) & mask
        }
        return nil
    }

    private func insert(_ place: Int) {
        var index = home(slots[place].low)
        while table[index] != 0 { index = (index + 1) & mask }
        table[index] = UInt32(place + 1)
    }

    /// Closes the gap, so that no probe ends early (Knuth, TAOCP 3, 6.4, algorithm R).
    private func remove(_ place: Int) {
        var hole = home(slots[place].low)
        while table[hole] != UInt32(place + 1) { hole = (hole + 1) & mask }
        var index = hole
        while true {
            index = (index + 1) & mask
            guard table[index] != 0 else { break }
            let home = home(slots[Int(table[index]) - 1].low)
            if (index &- home) & mask >= (index &- hole) & mask {
                table[hole] = table[index]
                hole = index
            }
        }
        table[hole] = 0
    }
}

@available(*, unavailable)
extension PredictionLog: Sendable {}

/// What came of a request's labels.
public enum LabelOutcome: Hashable, Sendable {
    /// They are joined, for the first time.
    case accepted(QualityKey, [LabelledPrediction])
    /// The same came before; nothing changed.
    case repeated
    /// Others came before, and stay.
    case conflicting
    /// There is no such request in memory: never, not any more, of another model, or of another tenant.
    case unknown
    /// As many labels must come as there are instances.
    case wrongCount(Int)
    /// A label is none of so many classes.
    case noClass(Int)

    /// The word for programs.
    public var name: String {
        switch self {
        case .accepted: "accepted"
        case .repeated: "repeated"
        case .conflicting: "conflicting"
        case .unknown: "unknown"
        case .wrongCount, .noClass: "invalid"
        }
    }
}
