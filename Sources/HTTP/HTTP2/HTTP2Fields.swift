// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2
import GatewayCore

/// The fields of an answer, put together with the verbs of ``HTTP1ResponseWriter`` in memory that is kept from one
/// answer to the next. One serves all connections of a thread.
///
/// Names may be in either case: they leave in lower case (RFC 9113, section 8.2.1). `:status` and `content-length` are
/// written by the session. Values that differ from answer to answer are kept out of the compression's memory, where they
/// would only displace others.
public struct HTTP2Fields: ~Copyable {
    private var pairs: UnsafeMutablePointer<nghttp2_nv>
    private var offsets: UnsafeMutablePointer<Int>
    private var capacity = 16
    private var bytes: UnsafeMutableRawPointer
    private var byteCapacity = 512
    private var byteCount = 0
    /// Before the fields there is room for `:status`, behind them for `content-length`.
    private var end = 1

    /// `:status`'s three digits and `content-length`'s up to twenty.
    private let numbers = UnsafeMutablePointer<UInt8>.allocate(capacity: 23)

    /// No fields.
    public init() {
        pairs = .allocate(capacity: capacity)
        offsets = .allocate(capacity: capacity)
        bytes = .allocate(byteCount: byteCapacity, alignment: 1)
    }

    deinit {
        pairs.deallocate()
        offsets.deallocate()
        bytes.deallocate()
        numbers.deallocate()
    }

    /// How many there are.
    public var count: Int { end - 1 }

    /// Begins anew, without fields.
    public mutating func begin() {
        end = 1
        byteCount = 0
    }

    /// A field whose value is fixed.
    public mutating func field(_ name: StaticString, _ value: StaticString) {
        beginField(name, varies: false)
        append(value)
        endField()
    }

    /// A field whose value may come from outside: control characters are left out.
    public mutating func field(_ name: StaticString, bytes value: UnsafeRawBufferPointer, varies: Bool = true) {
        beginField(name, varies: varies)
        append(bytes: value)
        endField()
    }

    /// As with bytes; the text is written in UTF-8.
    public mutating func field(_ name: StaticString, text value: String, varies: Bool = true) {
        beginField(name, varies: varies)
        append(text: value)
        endField()
    }

    /// A field with a number.
    public mutating func field(_ name: StaticString, decimal value: UInt64) {
        beginField(name)
        append(decimal: value)
        endField()
    }

    /// The `date` field, which is the same for all answers of a second.
    public mutating func field(date: borrowing HTTPDate) {
        beginField("date", varies: false)
        date.withBytes { append(copy: $0) }
        endField()
    }

    // MARK: - Fields of several parts

    /// Begins a field; its value is what is appended up to ``endField()``.
    public mutating func beginField(_ name: StaticString, varies: Bool = true) {
        // Behind this one there must be room for content-length.
        if end + 2 > capacity { grow() }
        offsets[end] = byteCount
        pairs[end] = Self.pair(name, nil, 0, varies ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)
    }

    /// Ends a field.
    public mutating func endField() {
        pairs[end].valuelen = byteCount - offsets[end]
        end += 1
    }

    /// A part of a value that is fixed.
    public mutating func append(_ text: StaticString) {
        append(copy: UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// A part of a value that may come from outside; control characters are left out.
    public mutating func append(bytes value: UnsafeRawBufferPointer) {
        guard let base = value.baseAddress else { return }
        guard ControlScan.first(base, from: 0, to: value.count) < value.count else { return append(copy: value) }
        reserve(value.count)
        for byte in value where !ByteClass.isControl(byte) {
            bytes.storeBytes(of: byte, toByteOffset: byteCount, as: UInt8.self)
            byteCount += 1
        }
    }

    /// As with bytes; the text is written in UTF-8.
    public mutating func append(text: String) {
        var text = text
        text.withUTF8 { append(bytes: UnsafeRawBufferPointer($0)) }
    }

    /// A number in decimal.
    public mutating func append(decimal value: UInt64) {
        reserve(20)
        byteCount += Digits.write(value, to: bytes + byteCount)
    }

    // MARK: -

    /// Calls `body` with the pairs as nghttp2 wants them, `:status` first.
    func withPairs<R>(status: Int, contentLength: Int?, _ body: (UnsafePointer<nghttp2_nv>, Int) -> R) -> R {
        precondition(100...999 ~= status, "a status has three digits")
        _ = Digits.write(UInt64(status), to: numbers)
        pairs[0] = Self.pair(":status", numbers, 3, NGHTTP2_NV_FLAG_NONE)
        for at in 1..<end { pairs[at].value = (bytes + offsets[at]).assumingMemoryBound(to: UInt8.self) }
        guard let contentLength else { return body(pairs, end) }
        let count = Digits.write(UInt64(contentLength), to: numbers + 3)
        pairs[end] = Self.pair("content-length", numbers + 3, count, NGHTTP2_NV_FLAG_NO_INDEX)
        return body(pairs, end + 1)
    }

    private static func pair(
        _ name: StaticString,
        _ value: UnsafeMutablePointer<UInt8>?,
        _ count: Int,
        _ flag: nghttp2_nv_flag
    ) -> nghttp2_nv {
        nghttp2_nv(
            name: UnsafeMutablePointer(mutating: name.utf8Start),
            value: value,
            namelen: name.utf8CodeUnitCount,
            valuelen: count,
            flags: UInt8(truncatingIfNeeded: flag.rawValue)
        )
    }

    private mutating func append(copy value: UnsafeRawBufferPointer) {
        reserve(value.count)
        if let base = value.baseAddress { (bytes + byteCount).copyMemory(from: base, byteCount: value.count) }
        byteCount += value.count
    }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<nghttp2_nv>.allocate(capacity: capacity * 2)
        larger.moveInitialize(from: pairs, count: end)
        pairs.deallocate()
        pairs = larger
        let largerOffsets = UnsafeMutablePointer<Int>.allocate(capacity: capacity * 2)
        largerOffsets.moveInitialize(from: offsets, count: end)
        offsets.deallocate()
        offsets = largerOffsets
        capacity *= 2
    }

    private mutating func reserve(_ count: Int) {
        guard byteCount + count > byteCapacity else { return }
        byteCapacity = max(byteCapacity * 2, byteCount + count)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: byteCapacity, alignment: 1)
        larger.copyMemory(from: bytes, byteCount: byteCount)
        bytes.deallocate()
        bytes = larger
    }
}

@available(*, unavailable)
extension HTTP2Fields: Sendable {}
