// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Reads the instances of one input, one nested array each, into one row-major buffer.
struct TensorParser: ~Copyable {
    let info: TensorInfo
    /// The value is all of the tensor, not one instance of it; for messages.
    let isWhole: Bool
    /// The shape of one instance; open dimensions are fixed by the first array that has them.
    private(set) var shape: [Int]
    /// Instances read of the request.
    private(set) var count = 0
    private var elements: ElementBuffer
    /// Finished children of each open array around the innermost one.
    private var children: [Int]

    init(_ info: TensorInfo, isWhole: Bool = false) {
        self.info = info
        self.isWhole = isWhole
        shape = isWhole ? info.shape : info.instanceShape
        children = Array(repeating: 0, count: shape.count)
        elements = ElementBuffer(capacity: shape.reduce(info.elementType.size) { $0 * abs($1) })
    }

    /// The instances read, as one tensor.
    func tensor() -> Tensor { tensor(from: 0, count: count) }

    /// The value read, where it is all of the tensor.
    ///
    /// - Parameter other: a shape of as many elements; nil for the one it was read in.
    func whole(as other: [Int]? = nil) -> Tensor {
        precondition(isWhole && count == 1, "a whole tensor is one value")
        return Tensor(elementType: info.elementType, shape: other ?? shape, bytes: bytes(elements.memory))
    }

    /// Puts instances behind those read that come from elsewhere, as their elements.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        elements.reserve(bytes.count)
        elements.append(bytes)
    }

    // MARK: - Several requests behind one another

    /// The elements of all requests, until the next call that reads.
    var memory: UnsafeRawBufferPointer { elements.memory }

    /// The instances of one of the requests: `count` of them from that byte on.
    func tensor(from start: Int, count: Int) -> Tensor {
        let size = info.elementType == .bytes ? MemoryLayout<TextSpan>.size : info.elementType.size
        let end = start + count * shape.reduce(size, *)
        let memory = UnsafeRawBufferPointer(rebasing: elements.memory[start..<end])
        return Tensor(elementType: info.elementType, shape: [count] + shape, bytes: bytes(memory))
    }

    /// Elements as a tensor has them.
    private func bytes(_ memory: UnsafeRawBufferPointer) -> [UInt8] {
        guard info.elementType == .bytes else { return Array(memory) }
        var bytes: [UInt8] = []
        for place in stride(from: 0, to: memory.count, by: MemoryLayout<TextSpan>.size) {
            let span = memory.loadUnaligned(fromByteOffset: place, as: TextSpan.self)
            ByteElements.append(span.bytes ?? [], to: &bytes)
        }
        return bytes
    }

    /// Forgets what is behind that many bytes, and begins another request there. Only for a shape without open dimensions.
    mutating func truncate(to bytes: Int) {
        elements.truncate(to: bytes)
        count = 0
    }

    /// Forgets all requests, and gives memory beyond that many bytes back.
    mutating func removeAll(keeping bytes: Int) {
        truncate(to: 0)
        elements.shrink(to: bytes)
    }

    /// Reads the next instance at the cursor.
    ///
    /// - Throws: `shape_mismatch`, `type_mismatch`, `number_invalid` or `json_malformed`, with the place.
    mutating func instance(_ scanner: inout JSONScanner) throws(Refusal) {
        scanner.skipSpace()
        switch info.elementType {
        case .bool: try instance(&scanner, of: Bool.self)
        case .int8: try instance(&scanner, of: Int8.self)
        case .int16: try instance(&scanner, of: Int16.self)
        case .int32: try instance(&scanner, of: Int32.self)
        case .int64: try instance(&scanner, of: Int64.self)
        case .uint8: try instance(&scanner, of: UInt8.self)
        case .uint16: try instance(&scanner, of: UInt16.self)
        case .uint32: try instance(&scanner, of: UInt32.self)
        case .uint64: try instance(&scanner, of: UInt64.self)
        case .float16: try instance(&scanner, of: Float16.self)
        case .bfloat16: try instance(&scanner, of: BFloat16.self)
        case .float32: try instance(&scanner, of: Float.self)
        case .float64: try instance(&scanner, of: Double.self)
        case .bytes: try instance(&scanner, of: TextSpan.self)
        }
        count += 1
    }

    @inline(__always)
    private mutating func instance<Element: JSONElement & BitwiseCopyable & ExpressibleByZero>(
        _ scanner: inout JSONScanner,
        of type: Element.Type
    ) throws(Refusal) {
        let start = scanner.next
        let rank = shape.count
        if rank == 0 {
            elements.reserve(MemoryLayout<Element>.size)
            return try element(&scanner, of: type, start: start, column: nil)
        }
        var level = 0
        while true {
            scanner.skipSpace()
            guard scanner.peek == 0x5b else { throw notAnArray(scanner, start: start, level: level) }
            scanner.next += 1
            guard level == rank - 1 else {
                children[level] = 0
                level += 1
                continue
            }
            try row(&scanner, of: type, start: start)
            // The row is a child of the arrays around it, which may end with it.
            while level > 0 {
                children[level - 1] += 1
                if scanner.take(0x2c) {
                    if children[level - 1] == shape[level - 1] {
                        throw unequal(scanner, start: start, level: level - 1, got: "more")
                    }
                    break
                }
                guard scanner.take(0x5d) else { throw scanner.malformed("expected ',' or ']' in an array") }
                level -= 1
                if shape[level] < 0 { shape[level] = children[level] }
                guard children[level] == shape[level] else {
                    throw unequal(scanner, start: start, level: level, got: String(children[level]))
                }
            }
            if level == 0 { return }
        }
    }

    /// Reads the elements of an innermost array whose bracket was just read.
    @inline(__always)
    private mutating func row<Element: JSONElement & BitwiseCopyable & ExpressibleByZero>(
        _ scanner: inout JSONScanner,
        of type: Element.Type,
        start: Int
    ) throws(Refusal) {
        let expected = shape[shape.count - 1]
        var column = 0
        elements.reserve(max(expected, 1) * MemoryLayout<Element>.size)
        if scanner.take(0x5d) {
            throw unequal(scanner, start: start, level: shape.count - 1, got: "0")
        }
        while true {
            if expected < 0 {
                elements.reserve(MemoryLayout<Element>.size)
            } else {
                column += elements.append(limit: expected - 1 - column) { memory, limit in
                    Element.scanRun(&scanner, into: memory, limit: limit)
                }
            }
            scanner.skipSpace()
            try element(&scanner, of: type, start: start, column: column)
            column += 1
            scanner.skipSpace()
            let byte = scanner.peek
            if byte == 0x2c {
                if column == expected { throw unequal(scanner, start: start, level: shape.count - 1, got: "more") }
                scanner.next += 1
                continue
            }
            guard byte == 0x5d else { throw scanner.malformed("expected ',' or ']' in an array") }
            scanner.next += 1
            if column == expected { return }
            guard expected < 0 else {
                throw unequal(scanner, start: start, level: shape.count - 1, got: String(column))
            }
            shape[shape.count - 1] = column
            return
        }
    }

    @inline(__always)
    private mutating func element<Element: JSONElement & BitwiseCopyable & ExpressibleByZero>(
        _ scanner: inout JSONScanner,
        of type: Element.Type,
        start: Int,
        column: Int?
    ) throws(Refusal) {
        var element = Element.zero
        let fault = Element.scan(&scanner, into: &element)
        guard fault == .none else { throw notAnElement(scanner, fault, start: start, column: column) }
        elements.append(element)
    }
}

/// A type whose elements start as nothing.
protocol ExpressibleByZero {
    static var zero: Self { get }
}

extension Bool: ExpressibleByZero {
    static var zero: Bool { false }
}
extension Float16: ExpressibleByZero {}
extension BFloat16: ExpressibleByZero {}
extension Float: ExpressibleByZero {}
extension Double: ExpressibleByZero {}
extension Int8: ExpressibleByZero {}
extension Int16: ExpressibleByZero {}
extension Int32: ExpressibleByZero {}
extension Int64: ExpressibleByZero {}
extension UInt8: ExpressibleByZero {}
extension UInt16: ExpressibleByZero {}
extension UInt32: ExpressibleByZero {}
extension UInt64: ExpressibleByZero {}

// MARK: - Refusals

// Never inlined: the fast path carries no message.
extension TensorParser {
    /// Something that is no array where the shape asks for one.
    @inline(never)
    private func notAnArray(_ scanner: borrowing JSONScanner, start: Int, level: Int) -> Refusal {
        if level > 0, scanner.peek == 0x5d {
            return unequal(scanner, start: start, level: level - 1, got: "0")
        }
        switch JSONKind(scanner.peek) {
        case .number:
            if level == 0 { return mismatch(got: "a number") }
            return mismatch(got: shapeOfValue(scanner, at: start))
        case .array: return mismatch(got: shapeOfValue(scanner, at: start))
        case nil: return scanner.malformed("expected an array")
        case let kind?:
            return Refusal(
                .typeMismatch,
                "expected an array of \(info.elementType.rawValue) \(inPlace), got \(kind.rawValue)"
            )
        }
    }

    /// Something that is no element where one must stand.
    @inline(never)
    private func notAnElement(
        _ scanner: borrowing JSONScanner,
        _ fault: NumberFault,
        start: Int,
        column: Int?
    ) -> Refusal {
        let place = "\(position(column)) \(ofPlace)"
        let expected = info.elementType.jsonNoun
        switch fault {
        case .none, .notANumber:
            switch JSONKind(scanner.peek) {
            case .array: return mismatch(got: shapeOfValue(scanner, at: start))
            case nil: return scanner.malformed("expected \(expected)")
            case .string where info.elementType == .bytes: return scanner.malformed("expected \(expected)")
            case let kind?: return Refusal(.typeMismatch, "expected \(expected), got \(kind.rawValue) at \(place)")
            }
        case .notAnInteger:
            return Refusal(.typeMismatch, "expected \(expected), got a number with fraction or exponent at \(place)")
        case .outOfRange:
            return Refusal(.numberInvalid, "a number is out of range for \(info.elementType.rawValue) at \(place)")
        case .leadingZero, .digitMissing, .notFinite, .tooLong, .notBase64:
            return Refusal(.numberInvalid, "\(fault.sentence) at \(place) (byte \(scanner.next))")
        }
    }

    /// An array that is longer or shorter than its dimension.
    @inline(never)
    private func unequal(_ scanner: borrowing JSONScanner, start: Int, level: Int, got: String) -> Refusal {
        let whole = shapeOfValue(scanner, at: start)
        // When the first arrays are as expected, only the place tells what is wrong.
        if whole == describe(shape: shape) || level > 0 {
            let place = children[..<level].map { "[\($0)]" }.joined()
            return Refusal(
                .shapeMismatch,
                "expected \(shape[level]) elements at \(place) \(ofPlace), got \(got): "
                    + "the \(noun) is \(describe(shape: shape))"
            )
        }
        return mismatch(got: whole)
    }

    private func mismatch(got: String) -> Refusal {
        Refusal(
            .shapeMismatch,
            "expected \(noun) \(describe(shape: shape)), got \(got) \(inPlace)"
        )
    }

    private func position(_ column: Int?) -> String {
        guard let column else { return "the value" }
        return "position " + (children.dropLast() + [column]).map { "[\($0)]" }.joined()
    }

    private var noun: String { isWhole ? "shape" : "instance shape" }
    private var ofPlace: String { "of " + place }
    private var inPlace: String { "in " + place }
    private var place: String { (isWhole ? "" : "instance \(count) of ") + "input '\(info.name)'" }

    /// The shape of the array at `offset`, along the first element of each level.
    private func shapeOfValue(_ scanner: borrowing JSONScanner, at offset: Int) -> String {
        var probe = copy scanner
        probe.next = offset
        var shape: [Int] = []
        while shape.count < 9 {
            guard probe.take(0x5b) else { break }
            var inside = probe
            var length = 0
            if !inside.take(0x5d) {
                repeat {
                    do throws(Refusal) { try inside.skipValue() } catch { return "an array that is not valid JSON" }
                    length += 1
                } while inside.take(0x2c)
                guard inside.take(0x5d) else { return "an array that is not valid JSON" }
            }
            shape.append(length)
        }
        return shape.count == 9 ? "more than 8 dimensions" : describe(shape: shape)
    }
}
