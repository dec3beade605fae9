// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// A column of exported records as the buffers of an Apache Arrow array (Arrow Columnar Format 1.5): a bit for each
/// cell that has a value, then numbers of 64 bits, or the texts' ends and their bytes; all little-endian.
///
/// Numbers are `int64`, times `timestamp[us]` in UTC, texts `large_string`. What is written can be taken again and
/// again, each time behind what was taken before.
public struct ColumnBuffers: Sendable {
    /// The column that it holds.
    public let column: AuditColumn
    /// The bits of cells with a value, least significant first; the last byte may not be full yet.
    private var validity: [UInt8] = []
    private var bits = 0
    private var offsets: [UInt8] = []
    private var data: [UInt8] = []
    private var end: Int64 = 0

    /// Without cells.
    public init(_ column: AuditColumn) {
        self.column = column
        if column.kind == .text { Self.put(0, to: &offsets) }
    }

    /// Arrow's name of the type.
    public var type: String {
        switch column.kind {
        case .text: "large_string"
        case .integer: "int64"
        case .time: "timestamp[us]"
        }
    }

    /// What the buffers are, in Arrow's order; each is a file of its own.
    public var names: [String] { column.kind == .text ? ["validity", "offsets", "data"] : ["validity", "data"] }

    /// Adds a record's cell.
    public mutating func append(_ record: JSON, at index: UInt64) {
        let value = column.value(of: record, at: index)
        var isValid = value != nil
        switch column.kind {
        case .text:
            let text = value?.string ?? ""
            data += text.utf8
            end += Int64(text.utf8.count)
            Self.put(end, to: &offsets)
        case .integer: Self.put(value?.integer ?? 0, to: &data)
        case .time:
            let time = value?.string.flatMap { UnixTime($0) }
            isValid = time != nil
            Self.put((time?.nanoseconds ?? 0) / 1000, to: &data)
        }
        if bits % 8 == 0 { validity.append(0) }
        if isValid { validity[validity.count - 1] |= 1 << UInt8(bits % 8) }
        bits += 1
    }

    /// Takes the bytes that are complete, in the order of ``names``.
    public mutating func take() -> [[UInt8]] {
        let full = bits % 8 == 0 ? validity.count : validity.count - 1
        let valid = Array(validity[..<full])
        validity.removeFirst(full)
        let taken = column.kind == .text ? [valid, offsets, data] : [valid, data]
        offsets.removeAll(keepingCapacity: true)
        data.removeAll(keepingCapacity: true)
        return taken
    }

    /// Takes the rest; the column is complete.
    public mutating func finish() -> [[UInt8]] {
        var taken = take()
        taken[0] += validity
        validity = []
        return taken
    }

    private static func put(_ number: Int64, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
