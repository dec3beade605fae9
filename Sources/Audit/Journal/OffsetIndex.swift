// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// Where records are: for each segment the offset of every 64th one, as far as anybody has looked.
///
/// The writer and all readers share it. 64 MiB of records cost about 14 KB here.
final class OffsetIndex: Sendable {
    static let stride: UInt64 = 64

    struct Place {
        /// The first index of the segment.
        var segment: UInt64
        /// The record that is known, at or before the one asked for, and where it begins.
        var index: UInt64
        var offset: Int64
        /// The first index of the segment behind; nil when this is the last.
        var nextSegment: UInt64?
    }

    private struct Segment {
        var first: UInt64
        var offsets: [Int64]
    }

    private let segments: Mutex<[Segment]>

    /// - Parameter firsts: The first indices of the segments, ascending.
    init(firsts: [UInt64]) {
        segments = Mutex(firsts.map { Segment(first: $0, offsets: [SegmentFile.headerSize]) })
    }

    func addSegment(first: UInt64) {
        segments.withLock { $0.append(Segment(first: first, offsets: [SegmentFile.headerSize])) }
    }

    /// Notes where a record begins; one that is not next in its segment's row is passed over.
    func note(_ index: UInt64, at offset: Int64, segment: UInt64) {
        guard (index - segment) % Self.stride == 0 else { return }
        segments.withLock { segments in
            let i = Self.last(of: segments, notAfter: segment)
            guard let i, segments[i].first == segment,
                UInt64(segments[i].offsets.count) == (index - segment) / Self.stride
            else { return }
            segments[i].offsets.append(offset)
        }
    }

    /// The best known place for a record; nil when it lies before the first segment.
    func place(of index: UInt64) -> Place? {
        segments.withLock { segments in
            guard let i = Self.last(of: segments, notAfter: index) else { return nil }
            let segment = segments[i]
            let row = min(Int((index - segment.first) / Self.stride), segment.offsets.count - 1)
            return Place(
                segment: segment.first,
                index: segment.first + UInt64(row) * Self.stride,
                offset: segment.offsets[row],
                nextSegment: i + 1 < segments.count ? segments[i + 1].first : nil
            )
        }
    }

    /// The first index of the oldest segment.
    var first: UInt64 {
        segments.withLock { $0.first?.first ?? 0 }
    }

    /// The first index of the newest segment.
    var last: UInt64 {
        segments.withLock { $0.last?.first ?? 0 }
    }

    /// Forgets the segments that hold no record from `end` on, but for the newest, and gives their first indices.
    func removeSegments(before end: UInt64) -> [UInt64] {
        segments.withLock { segments in
            var count = 0
            while count + 1 < segments.count, segments[count + 1].first <= end { count += 1 }
            defer { segments.removeFirst(count) }
            return segments[..<count].map(\.first)
        }
    }

    private static func last(of segments: [Segment], notAfter index: UInt64) -> Int? {
        // Recent ones are asked for most.
        segments.lastIndex { $0.first <= index }
    }
}
