// SPDX-License-Identifier: Apache-2.0

/// Elements of type ``ElementType/bytes``: each its length in four bytes, little-endian, and as many bytes.
enum ByteElements {
    /// Where each of `count` elements lies, its length left out; nil when the bytes are not exactly so many.
    static func ranges(in bytes: some RandomAccessCollection<UInt8>, count: Int) -> [Range<Int>]? {
        guard count >= 0, bytes.count / 4 >= count else { return nil }
        var ranges: [Range<Int>] = []
        ranges.reserveCapacity(count)
        var next = 0
        for _ in 0..<count {
            guard bytes.count - next >= 4 else { return nil }
            var length = 0
            for place in (0..<4).reversed() {
                length = length << 8 | Int(bytes[bytes.index(bytes.startIndex, offsetBy: next + place)])
            }
            next += 4
            guard length <= bytes.count - next else { return nil }
            ranges.append(next..<next + length)
            next += length
        }
        return next == bytes.count ? ranges : nil
    }

    /// Writes one element.
    static func append(_ element: some Collection<UInt8>, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: UInt32(truncatingIfNeeded: element.count).littleEndian) { bytes += $0 }
        bytes += element
    }
}

extension Tensor {
    /// The elements of a tensor of type ``ElementType/bytes``.
    var byteElements: [ArraySlice<UInt8>] {
        (ByteElements.ranges(in: bytes, count: count) ?? []).map { bytes[$0] }
    }

    /// Elements without a byte each.
    static func empty(_ shape: [Int]) -> Tensor {
        Tensor(elementType: .bytes, shape: shape, bytes: [UInt8](repeating: 0, count: 4 * shape.reduce(1, *)))
    }
}
