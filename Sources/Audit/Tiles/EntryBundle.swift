// SPDX-License-Identifier: Apache-2.0

/// The records of one tile, one behind the other, each behind its length in two bytes, big-endian (C2SP tlog-tiles).
public enum EntryBundle {
    /// Appends a record of at most 65,535 bytes.
    static func append(_ record: UnsafeRawBufferPointer, to bundle: inout [UInt8]) {
        precondition(record.count <= Int(UInt16.max), "a record is longer than the length before it can say")
        bundle.append(UInt8(record.count >> 8))
        bundle.append(UInt8(record.count & 255))
        bundle.append(contentsOf: record)
    }

    /// Where in the bytes the first `count` records are; nil when there are not so many whole ones, or, unless it may be
    /// `longer`, more bytes behind them.
    public static func records(in bundle: some Collection<UInt8>, count: Int, longer: Bool = false) -> [Range<Int>]? {
        guard let ranges = bundle.withContiguousStorageIfAvailable({ find($0, count, longer) }) else {
            return Array(bundle).withUnsafeBufferPointer { find($0, count, longer) }
        }
        return ranges
    }

    private static func find(_ bundle: UnsafeBufferPointer<UInt8>, _ count: Int, _ longer: Bool) -> [Range<Int>]? {
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(count)
        var place = 0
        for _ in 0..<count {
            guard bundle.count - place >= 2 else { return nil }
            let length = Int(bundle[place]) << 8 | Int(bundle[place + 1])
            guard bundle.count - place - 2 >= length else { return nil }
            ranges.append(place + 2..<place + 2 + length)
            place += 2 + length
        }
        return longer || place == bundle.count ? ranges : nil
    }
}
