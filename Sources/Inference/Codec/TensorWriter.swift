// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Writes tensors as nested JSON arrays.
struct TensorWriter {
    var bytes: [UInt8]

    mutating func literal(_ text: StaticString) {
        bytes.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// An object member's name and colon.
    mutating func name(_ name: String, isFirst: Bool) {
        if !isFirst { literal(",") }
        var writer = JSONWriter(capacity: name.utf8.count + 8)
        writer.string(name)
        bytes.append(contentsOf: writer.bytes)
        literal(":")
    }

    /// One instance of a tensor.
    mutating func value(_ tensor: Tensor, instance: Int) {
        switch tensor.elementType {
        case .float32: value(tensor, instance, of: Float.self) { $0.float($1) }
        case .float64: value(tensor, instance, of: Double.self) { $0.text($1.description) }
        case .bool: value(tensor, instance, of: UInt8.self) { $0.literal($1 == 0 ? "false" : "true") }
        case .int8: value(tensor, instance, of: Int8.self) { $0.text($1.description) }
        case .int16: value(tensor, instance, of: Int16.self) { $0.text($1.description) }
        case .int32: value(tensor, instance, of: Int32.self) { $0.text($1.description) }
        case .int64: value(tensor, instance, of: Int64.self) { $0.text($1.description) }
        case .uint8: value(tensor, instance, of: UInt8.self) { $0.text($1.description) }
        case .uint16: value(tensor, instance, of: UInt16.self) { $0.text($1.description) }
        case .uint32: value(tensor, instance, of: UInt32.self) { $0.text($1.description) }
        case .uint64: value(tensor, instance, of: UInt64.self) { $0.text($1.description) }
        }
    }

    @inline(__always)
    private mutating func value<Element: BitwiseCopyable>(
        _ tensor: Tensor,
        _ instance: Int,
        of type: Element.Type,
        _ write: (inout Self, Element) -> Void
    ) {
        let size = tensor.instanceCount
        if size == 0 { return empty(tensor.shape.dropFirst()) }
        tensor.elements(type, in: instance * size..<(instance + 1) * size) { elements in
            // A bracket opens or closes wherever a whole array of some dimension begins or ends.
            for index in elements.indices {
                if index > 0 { bytes.append(0x2c) }
                open(index, tensor.shape)
                write(&self, elements[index])
                close(index + 1, tensor.shape)
            }
        }
    }

    private mutating func open(_ index: Int, _ shape: [Int]) {
        var size = 1
        for dimension in shape.dropFirst().reversed() {
            size *= dimension
            guard index % size == 0 else { return }
            bytes.append(0x5b)
        }
    }

    private mutating func close(_ index: Int, _ shape: [Int]) {
        var size = 1
        for dimension in shape.dropFirst().reversed() {
            size *= dimension
            guard index % size == 0 else { return }
            bytes.append(0x5d)
        }
    }

    /// An array without elements still has those of its dimensions that are not 0.
    private mutating func empty(_ shape: ArraySlice<Int>) {
        bytes.append(0x5b)
        for index in 0..<(shape.first ?? 0) {
            if index > 0 { bytes.append(0x2c) }
            empty(shape.dropFirst())
        }
        bytes.append(0x5d)
    }

    private mutating func float(_ value: Float) { text(value.description) }

    private mutating func text(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

extension Tensor {
    /// Elements of one instance.
    var instanceCount: Int { shape.dropFirst().reduce(1, *) }

    /// Calls with the elements of a range, which must be of that type.
    @inline(__always)
    func elements<Element: BitwiseCopyable, Result>(
        _ type: Element.Type,
        in range: Range<Int>,
        _ body: (UnsafeBufferPointer<Element>) -> Result
    ) -> Result {
        bytes.withUnsafeBytes { raw in
            let size = MemoryLayout<Element>.size
            return UnsafeRawBufferPointer(rebasing: raw[range.lowerBound * size..<range.upperBound * size])
                .withMemoryRebound(to: type, body)
        }
    }
}
