// SPDX-License-Identifier: Apache-2.0

/// Something that has records on the disk before it says so.
protocol Sink: AnyObject {
    var name: String { get }
    /// Bytes of files that it made, after ``close()``.
    var fileBytes: Int64 { get }
    /// Takes records for so long, from callers of whom `outstanding` wait at any time; each hands the next one over as soon
    /// as it hears of its last.
    func run(outstanding: Int, nanoseconds: Int64) throws -> Latencies
    func close() throws
}

/// From handing a record over to hearing that it is on the disk, nanoseconds each.
struct Latencies {
    var values: [Int64] = []
    var nanoseconds: Int64 = 0

    var perSecond: Double { Double(values.count) / Double(max(1, nanoseconds)) * 1e9 }

    /// Microseconds below which that part of the callers waited.
    func quantile(_ part: Double) -> Double {
        guard !values.isEmpty else { return .nan }
        let sorted = values.sorted()
        return Double(sorted[min(sorted.count - 1, Int(part * Double(sorted.count)))]) / 1000
    }
}
