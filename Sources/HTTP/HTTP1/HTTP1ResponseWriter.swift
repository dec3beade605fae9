// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Writes the heads of HTTP/1.1 responses (RFC 9112, sections 4 and 5).
///
/// A head is put together in memory of the writer's own, which is kept from response to response, and leaves in one
/// piece. One writer serves all connections of a thread.
///
/// ```swift
/// writer.begin(200)
/// writer.line("Content-Type: application/json\r\n")
/// writer.field("Content-Length", decimal: UInt64(body.count))
/// writer.finish(into: &connection.output)
/// connection.output.append(body)
/// ```
public struct HTTP1ResponseWriter: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes of the head so far.
    public private(set) var count = 0

    /// - Parameter capacity: bytes to begin with; a longer head makes it grow for good.
    public init(capacity: Int = 1024) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    // MARK: - Heads

    /// Begins a head with the status line of `status`, a code of three digits.
    public mutating func begin(_ status: Int) {
        count = 0
        if let line = HTTPStatus.line(status) {
            append(line)
        } else {
            append("HTTP/1.1 ")
            append(decimal: UInt64(min(max(status, 100), 999)))
            append(" Unknown\r\n")
        }
    }

    /// Begins a head with lines that were written before: see ``withHead(_:)``.
    public mutating func begin(head: UnsafeRawBufferPointer) {
        count = 0
        guard let base = head.baseAddress else { return }
        reserve(head.count)
        self.base.copyMemory(from: base, byteCount: head.count)
        count = head.count
    }

    /// Lends the lines of the head so far.
    public func withHead<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        body(UnsafeRawBufferPointer(start: base, count: count))
    }

    /// Whole field lines, each with its CR and LF.
    public mutating func line(_ lines: StaticString) { append(lines) }

    /// A field whose value is fixed.
    public mutating func field(_ name: StaticString, _ value: StaticString) {
        beginField(name)
        append(value)
        endField()
    }

    /// A field whose value may come from outside: control characters are left out, since a response must never be
    /// split by what a client sent.
    public mutating func field(_ name: StaticString, bytes value: UnsafeRawBufferPointer) {
        beginField(name)
        append(bytes: value)
        endField()
    }

    /// As with bytes; the text is written in UTF-8.
    public mutating func field(_ name: StaticString, text value: String) {
        beginField(name)
        append(text: value)
        endField()
    }

    /// A field with a number.
    public mutating func field(_ name: StaticString, decimal value: UInt64) {
        beginField(name)
        append(decimal: value)
        endField()
    }

    /// The `Date` field.
    public mutating func field(date: borrowing HTTPDate) {
        append("Date: ")
        reserve(HTTPDate.count)
        date.withBytes { (base + count).copyMemory(from: $0.baseAddress!, byteCount: HTTPDate.count) }
        count += HTTPDate.count
        endField()
    }

    /// Ends the head and appends it to `output`.
    public mutating func finish<Output: HTTPOutput & ~Copyable>(into output: inout Output) {
        endField()
        output.append(UnsafeRawBufferPointer(start: base, count: count))
        count = 0
    }

    // MARK: - Fields of several parts

    /// Begins a field; its value is what is appended up to ``endField()``.
    public mutating func beginField(_ name: StaticString) {
        let size = name.utf8CodeUnitCount
        reserve(size + 2)
        (base + count).copyMemory(from: name.utf8Start, byteCount: size)
        (base + count + size).storeBytes(of: UInt16(bigEndian: 0x3a20), as: UInt16.self)
        count += size + 2
    }

    /// Ends a field's line.
    public mutating func endField() {
        reserve(2)
        (base + count).storeBytes(of: UInt16(bigEndian: 0x0d0a), as: UInt16.self)
        count += 2
    }

    /// A part of a value that is fixed.
    public mutating func append(_ text: StaticString) {
        let size = text.utf8CodeUnitCount
        reserve(size)
        (base + count).copyMemory(from: text.utf8Start, byteCount: size)
        count += size
    }

    /// A part of a value that may come from outside; control characters are left out.
    public mutating func append(bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        let size = bytes.count
        reserve(size)
        if ControlScan.first(source, from: 0, to: size) == size {
            (base + count).copyMemory(from: source, byteCount: size)
            count += size
        } else {
            for byte in bytes where !ByteClass.isControl(byte) {
                base.storeBytes(of: byte, toByteOffset: count, as: UInt8.self)
                count += 1
            }
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
        count += Digits.write(value, to: base + count)
    }

    /// Makes room for `size` bytes more.
    @inline(__always)
    private mutating func reserve(_ size: Int) {
        if count + size > capacity { grow(size) }
    }

    @inline(never)
    private mutating func grow(_ size: Int) {
        capacity = max(capacity * 2, count + size)
        let larger = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 16)
        larger.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = larger
    }
}

@available(*, unavailable)
extension HTTP1ResponseWriter: Sendable {}
