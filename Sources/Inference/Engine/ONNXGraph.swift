// SPDX-License-Identifier: Apache-2.0

/// What is told of an ONNX file by its wire format alone, without an engine: which operators it uses, and whether its
/// weights lie in files beside it.
///
/// ONNX, onnx.proto: ModelProto, GraphProto, NodeProto, AttributeProto, TensorProto, FunctionProto.
struct ONNXGraph {
    /// The types of all nodes, those of inner graphs included; names that are no plain words are left out.
    private(set) var operators: Set<String> = []
    /// Whether a weight is said to lie in another file.
    private(set) var hasExternalData = false

    private enum Kind { case model, graph, node, attribute, tensor, sparseTensor, function, entry }

    /// nil for what is no ONNX model with at least one node.
    init?(_ bytes: UnsafeRawBufferPointer) {
        // A list, not recursion: the file decides how deep it goes.
        var pending: [(kind: Kind, range: Range<Int>)] = [(.model, 0..<bytes.count)]
        while let message = pending.popLast() {
            var reader = WireReader(bytes, message.range)
            while !reader.isAtEnd {
                guard let field = reader.next() else { return nil }
                switch (message.kind, field.number) {
                case (.model, 7), (.attribute, 6), (.attribute, 11): pending.append((.graph, field.range))
                case (.model, 20): pending.append((.entry, field.range))
                case (.entry, 1), (.entry, 2): pending.append((.graph, field.range))
                case (.model, 25): pending.append((.function, field.range))
                case (.graph, 1), (.function, 7): pending.append((.node, field.range))
                case (.graph, 5), (.attribute, 5), (.attribute, 10), (.sparseTensor, 1), (.sparseTensor, 2):
                    pending.append((.tensor, field.range))
                case (.graph, 15), (.attribute, 22), (.attribute, 23): pending.append((.sparseTensor, field.range))
                case (.node, 4): note(bytes[field.range])
                case (.node, 5): pending.append((.attribute, field.range))
                // external_data; data_location, of which 1 is EXTERNAL.
                case (.tensor, 13): hasExternalData = true
                case (.tensor, 14): if field.value != 0 { hasExternalData = true }
                default: break
                }
            }
        }
        if operators.isEmpty { return nil }
    }

    private mutating func note(_ name: Slice<UnsafeRawBufferPointer>) {
        let isWord = name.allSatisfy {
            $0 == 0x5f
                || ($0 < 0x80 && (Character(Unicode.Scalar($0)).isLetter || Character(Unicode.Scalar($0)).isNumber))
        }
        guard (1...64).contains(name.count), isWord, operators.count < 1000 else { return }
        operators.insert(String(decoding: name, as: UTF8.self))
    }

    /// Those that hold graphs of their own, sorted.
    var controlFlow: [String] { operators.intersection(["If", "Loop", "Scan", "SequenceMap"]).sorted() }
}

/// The fields of one message in protobuf's wire format.
private struct WireReader {
    private let bytes: UnsafeRawBufferPointer
    private var place: Int
    private let end: Int

    struct Field {
        let number: UInt64
        /// Of a varint; else 0.
        let value: UInt64
        /// Of what has a length; else empty.
        let range: Range<Int>
    }

    init(_ bytes: UnsafeRawBufferPointer, _ range: Range<Int>) {
        self.bytes = bytes
        place = range.lowerBound
        end = range.upperBound
    }

    var isAtEnd: Bool { place == end }

    /// nil for bytes that are no field.
    mutating func next() -> Field? {
        guard let key = varint() else { return nil }
        var value: UInt64 = 0
        var range = place..<place
        switch key & 7 {
        case 0:
            guard let found = varint() else { return nil }
            value = found
        case 1:
            guard end - place >= 8 else { return nil }
            place += 8
        case 2:
            guard let length = varint(), length <= UInt64(end - place) else { return nil }
            range = place..<place + Int(length)
            place = range.upperBound
        case 5:
            guard end - place >= 4 else { return nil }
            place += 4
        default: return nil
        }
        return Field(number: key >> 3, value: value, range: range)
    }

    private mutating func varint() -> UInt64? {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), through: 63, by: 7) {
            guard place < end else { return nil }
            let byte = bytes[place]
            place += 1
            value |= UInt64(byte & 0x7f) << shift
            if byte < 0x80 { return value }
        }
        return nil
    }
}
