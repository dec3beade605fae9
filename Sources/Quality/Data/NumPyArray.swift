// SPDX-License-Identifier: Apache-2.0

/// An array as NumPy saves it (`.npy`, format versions 1.0 to 3.0: numpy/lib/format.py, NEP 1): little-endian numbers in C
/// order.
public struct NumPyArray: Sendable {
    /// The types of elements that are read, by NumPy's names.
    public enum Element: String, Hashable, Sendable, CaseIterable {
        case bool = "b1"
        case int8 = "i1"
        case int16 = "i2"
        case int32 = "i4"
        case int64 = "i8"
        case uint8 = "u1"
        case uint16 = "u2"
        case uint32 = "u4"
        case uint64 = "u8"
        case float16 = "f2"
        case float32 = "f4"
        case float64 = "f8"

        /// Bytes.
        public var size: Int {
            switch self {
            case .bool, .int8, .uint8: 1
            case .int16, .uint16, .float16: 2
            case .int32, .uint32, .float32: 4
            case .int64, .uint64, .float64: 8
            }
        }
    }

    /// Of every element.
    public let element: Element
    /// None negative; none at all for a scalar.
    public let shape: [Int]
    private let bytes: [UInt8]
    private let start: Int

    /// The product of the shape.
    public let count: Int

    /// Reads a whole file.
    ///
    /// - Parameter file: its name, for the fault.
    /// - Throws: ``DataFault`` with the byte: no such file, a type or order that is not read, more or fewer elements than the
    ///   shape says.
    public init(_ bytes: [UInt8], file: String) throws(DataFault) {
        func fault(_ place: Int, _ reason: String) -> DataFault { DataFault(file, "byte \(place)", reason) }
        guard bytes.starts(with: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]) else {
            throw fault(0, "does not begin as a NumPy file does")
        }
        guard bytes.count >= 10, (1...3).contains(bytes[6]), bytes[7] == 0 else {
            throw fault(6, "is of a format version that is not read; 1.0, 2.0 and 3.0 are")
        }
        let lengthSize = bytes[6] == 1 ? 2 : 4
        guard bytes.count >= 8 + lengthSize else { throw fault(8, "ends within its header") }
        let length = (0..<lengthSize).reduce(0) { $0 | Int(bytes[8 + $1]) << (8 * $1) }
        let header = 8 + lengthSize
        guard length <= 1 << 20, bytes.count - header >= length else { throw fault(8, "ends within its header") }
        var reader = HeaderReader(bytes: bytes[header..<header + length])
        do throws(HeaderReader.Fault) {
            try reader.read()
        } catch {
            throw fault(error.offset, error.reason)
        }
        guard let descr = reader.descr, let order = reader.isFortran, let shape = reader.shape else {
            throw fault(header, "its header lacks one of descr, fortran_order, shape")
        }
        guard !order else {
            throw fault(header, "is in Fortran order; save numpy.ascontiguousarray(x)")
        }
        let kind = descr.dropFirst()
        guard let element = Element(rawValue: String(kind)),
            descr.first == "<" || descr.first == "|" && element.size == 1
        else {
            throw fault(
                header,
                "has elements '\(descr.prefix(20))'; little-endian numbers are read: save x.astype('<f4')"
            )
        }
        var size = element.size
        for dimension in shape {
            let (product, overflow) = size.multipliedReportingOverflow(by: dimension)
            guard !overflow else { throw fault(header, "its shape is larger than any file") }
            size = product
        }
        start = header + length
        guard bytes.count - start == size else {
            throw fault(start, "has \(bytes.count - start) bytes of elements; its shape \(shape) needs \(size)")
        }
        self.element = element
        self.shape = shape
        count = size / element.size
        self.bytes = bytes
    }

    /// An element by its place in C order, as a 64-bit float; integers beyond 2^53 are rounded.
    ///
    /// - Precondition: it is below ``count``.
    public subscript(_ index: Int) -> Double {
        precondition(index >= 0 && index < count, "an element of the array")
        return bytes.withUnsafeBytes { memory in
            func load<Number: BitwiseCopyable>(_ type: Number.Type) -> Number {
                memory.loadUnaligned(fromByteOffset: start + index * MemoryLayout<Number>.size, as: type)
            }
            switch element {
            case .bool: return load(UInt8.self) == 0 ? 0 : 1
            case .int8: return Double(load(Int8.self))
            case .int16: return Double(load(Int16.self))
            case .int32: return Double(load(Int32.self))
            case .int64: return Double(load(Int64.self))
            case .uint8: return Double(load(UInt8.self))
            case .uint16: return Double(load(UInt16.self))
            case .uint32: return Double(load(UInt32.self))
            case .uint64: return Double(load(UInt64.self))
            case .float16: return Double(load(Float16.self))
            case .float32: return Double(load(Float.self))
            case .float64: return load(Double.self)
            }
        }
    }
}

/// Reads the header: a literal of Python's, a dictionary with three known names.
private struct HeaderReader {
    struct Fault: Error {
        let offset: Int
        let reason: String
    }

    let bytes: ArraySlice<UInt8>
    private var next: Int
    private(set) var descr: String?
    private(set) var isFortran: Bool?
    private(set) var shape: [Int]?

    init(bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        next = bytes.startIndex
    }

    mutating func read() throws(Fault) {
        try expect("{")
        while !take("}") {
            let place = next
            switch try text() {
            case "descr" where descr == nil:
                try expect(":")
                guard peek == "'" || peek == "\"" else { throw fault("has structured elements, which are not read") }
                descr = try text()
            case "fortran_order" where isFortran == nil:
                try expect(":")
                isFortran = try boolean()
            case "shape" where shape == nil:
                try expect(":")
                shape = try tuple()
            case let name:
                throw Fault(offset: place, reason: "has the name '\(name.prefix(20))' in its header, or has it twice")
            }
            guard take(",") || peek == "}" else { throw fault("expected ',' or '}' in its header") }
        }
        skipSpace()
        guard next == bytes.endIndex else { throw fault("has more behind its header's dictionary") }
    }

    private func fault(_ reason: String) -> Fault { Fault(offset: next, reason: reason) }

    private mutating func skipSpace() {
        while next < bytes.endIndex, [0x20, 0x0a, 0x09, 0x0d].contains(bytes[next]) { next += 1 }
    }

    private var peek: Character? {
        mutating get {
            skipSpace()
            return next < bytes.endIndex ? Character(UnicodeScalar(bytes[next])) : nil
        }
    }

    private mutating func take(_ character: Character) -> Bool {
        guard peek == character else { return false }
        next += 1
        return true
    }

    private mutating func expect(_ character: Character) throws(Fault) {
        guard take(character) else { throw fault("expected '\(character)' in its header") }
    }

    private mutating func text() throws(Fault) -> String {
        guard let quote = peek, quote == "'" || quote == "\"" else { throw fault("expected a text in its header") }
        let end = bytes[(next + 1)...].firstIndex(of: quote.asciiValue ?? 0)
        guard let end, !bytes[next..<end].contains(0x5c) else { throw fault("has a text without an end in its header") }
        defer { next = end + 1 }
        return String(decoding: bytes[(next + 1)..<end], as: UTF8.self)
    }

    private mutating func boolean() throws(Fault) -> Bool {
        skipSpace()
        for (word, value) in [("True", true), ("False", false)] where bytes[next...].starts(with: word.utf8) {
            next += word.utf8.count
            return value
        }
        throw fault("expected True or False in its header")
    }

    private mutating func tuple() throws(Fault) -> [Int] {
        try expect("(")
        var numbers: [Int] = []
        while !take(")") {
            skipSpace()
            let digits = bytes[next...].prefix { $0 >= 0x30 && $0 <= 0x39 }
            guard let number = Int(String(decoding: digits, as: UTF8.self)), numbers.count < 32 else {
                throw fault("expected a whole number in its shape")
            }
            next += digits.count
            // Python 2 wrote long integers so.
            _ = take("L")
            numbers.append(number)
            let hasComma = take(",")
            guard hasComma || peek == ")" else { throw fault("expected ',' or ')' in its shape") }
            guard hasComma || numbers.count > 1 else { throw fault("has a shape that is no tuple") }
        }
        return numbers
    }
}
