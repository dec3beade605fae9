// SPDX-License-Identifier: Apache-2.0

/// Elements of one type in row-major order, with their shape.
public struct Tensor: Hashable, Sendable {
    /// The type of every element.
    public let elementType: ElementType
    /// Dimensions, none for a scalar; none is negative.
    public let shape: [Int]
    /// `count` elements of `elementType.size` bytes each, little-endian; a bool is a byte of 0 or 1. Of type
    /// ``ElementType/bytes`` each element is its length in four bytes, little-endian, and as many bytes.
    public let bytes: [UInt8]

    /// - Precondition: there are as many bytes as the shape asks for.
    public init(elementType: ElementType, shape: [Int], bytes: [UInt8]) {
        self.elementType = elementType
        self.shape = shape
        self.bytes = bytes
        precondition(
            elementType == .bytes
                ? ByteElements.ranges(in: bytes, count: count) != nil
                : bytes.count == shape.reduce(elementType.size, *),
            "a tensor's bytes must be as many as its shape says"
        )
    }

    /// A tensor of 32-bit floats.
    public init(_ elements: [Float], shape: [Int]) {
        self.init(elementType: .float32, shape: shape, bytes: elements.withUnsafeBytes { Array($0) })
    }

    /// The number of elements.
    public var count: Int { shape.reduce(1, *) }

    /// The elements as 32-bit floats; nil for another type.
    public var floats: [Float]? {
        guard elementType == .float32 else { return nil }
        return bytes.withUnsafeBytes { raw in raw.withMemoryRebound(to: Float.self) { Array($0) } }
    }
}

/// A dimension list as people write it: `[28, 28]`.
func describe(shape: some Sequence<Int>) -> String {
    "[\(shape.map { $0 < 0 ? "any" : String($0) }.joined(separator: ", "))]"
}
