// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Writes tensors as nested JSON arrays.
struct TensorWriter {
    var bytes: [UInt8]
    /// Every text is written as base64: for outputs whose names end in `_bytes`, as TensorFlow Serving does.
    var isBase64 = false

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
        if tensor.elementType == .bytes { return texts(tensor.byteElements, shape: tensor.shape, instance: instance) }
        tensor.bytes.withUnsafeBytes { value($0, tensor.elementType, shape: tensor.shape, instance: instance) }
    }

    /// One instance of a tensor whose elements lie in `memory`, of that shape with the batch first.
    mutating func value(_ memory: UnsafeRawBufferPointer, _ type: ElementType, shape: [Int], instance: Int) {
        switch type {
        case .float16: value(memory, shape, instance, of: Float16.self) { $0.number(Float($1)) }
        case .bfloat16: value(memory, shape, instance, of: BFloat16.self) { $0.number($1.float) }
        case .float32: value(memory, shape, instance, of: Float.self) { $0.number($1) }
        case .float64: value(memory, shape, instance, of: Double.self) { $0.number($1) }
        case .bool: value(memory, shape, instance, of: UInt8.self) { $0.literal($1 == 0 ? "false" : "true") }
        case .int8: value(memory, shape, instance, of: Int8.self) { $0.text($1.description) }
        case .int16: value(memory, shape, instance, of: Int16.self) { $0.text($1.description) }
        case .int32: value(memory, shape, instance, of: Int32.self) { $0.text($1.description) }
        case .int64: value(memory, shape, instance, of: Int64.self) { $0.text($1.description) }
        case .uint8: value(memory, shape, instance, of: UInt8.self) { $0.text($1.description) }
        case .uint16: value(memory, shape, instance, of: UInt16.self) { $0.text($1.description) }
        case .uint32: value(memory, shape, instance, of: UInt32.self) { $0.text($1.description) }
        case .uint64: value(memory, shape, instance, of: UInt64.self) { $0.text($1.description) }
        case .bytes: preconditionFailure("texts are not all of one size")
        }
    }

    /// All of a tensor: of rank 0 it is a plain value.
    mutating func whole(_ tensor: Tensor) {
        if tensor.elementType == .bytes {
            return texts(tensor.byteElements, shape: [1] + tensor.shape, instance: 0)
        }
        tensor.bytes.withUnsafeBytes { value($0, tensor.elementType, shape: [1] + tensor.shape, instance: 0) }
    }

    /// All of a tensor's elements in one array, row-major, as the Open Inference Protocol V2 answers.
    ///
    /// Bytes that are no text are to be refused before.
    mutating func flat(_ tensor: Tensor) {
        if tensor.elementType == .bytes {
            return texts(tensor.byteElements, shape: [1, tensor.count], instance: 0)
        }
        tensor.bytes.withUnsafeBytes { value($0, tensor.elementType, shape: [1, tensor.count], instance: 0) }
    }

    /// The shortest text that reads back the same. What is not finite comes here for lenient readers alone, and is written
    /// as TensorFlow Serving and Python do.
    @inline(__always)
    private mutating func number<Number: BinaryFloatingPoint & CustomStringConvertible>(_ number: Number) {
        if number.isFinite { return text(number.description) }
        text(number.isNaN ? "NaN" : number < 0 ? "-Infinity" : "Infinity")
    }

    @inline(__always)
    private mutating func value<Element: BitwiseCopyable>(
        _ memory: UnsafeRawBufferPointer,
        _ shape: [Int],
        _ instance: Int,
        of type: Element.Type,
        _ write: (inout Self, Element) -> Void
    ) {
        let size = shape.dropFirst().reduce(1, *)
        if size == 0 { return empty(shape.dropFirst()) }
        let stride = MemoryLayout<Element>.size
        let row = UnsafeRawBufferPointer(rebasing: memory[instance * size * stride..<(instance + 1) * size * stride])
        // A bracket opens or closes wherever a whole array of some dimension begins or ends.
        for index in 0..<size {
            if index > 0 { bytes.append(0x2c) }
            open(index, shape)
            write(&self, row.loadUnaligned(fromByteOffset: index * stride, as: type))
            close(index + 1, shape)
        }
    }

    /// Elements that are UTF-8 as strings, and others as `{"b64": string}`, which TensorFlow Serving's clients know.
    private mutating func texts(_ elements: [ArraySlice<UInt8>], shape: [Int], instance: Int) {
        let size = shape.dropFirst().reduce(1, *)
        if size == 0 { return empty(shape.dropFirst()) }
        for index in 0..<size {
            if index > 0 { bytes.append(0x2c) }
            open(index, shape)
            let element = elements[instance * size + index]
            var writer = JSONWriter(capacity: element.count + 16)
            if !isBase64, let text = String(validating: element, as: UTF8.self) {
                writer.string(text)
            } else {
                writer.beginObject()
                writer.name("b64")
                writer.string(Base64.encode(element))
                writer.endObject()
            }
            bytes += writer.bytes
            close(index + 1, shape)
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

    private mutating func text(_ text: String) { bytes.append(contentsOf: text.utf8) }
}

extension Tensor {
    /// Elements of one instance.
    var instanceCount: Int { shape.dropFirst().reduce(1, *) }
}
