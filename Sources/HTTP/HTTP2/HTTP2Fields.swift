// SPDX-License-Identifier: Apache-2.0

import CNGHTTP2

/// The fields of an answer, collected in memory that is kept from one answer to the next.
///
/// `:status` and `content-length` are no part of it: the session writes them.
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

    /// Keeps the memory.
    public mutating func removeAll() {
        end = 1
        byteCount = 0
    }

    /// Adds a field.
    ///
    /// - Parameters:
    ///   - name: in lower case (RFC 9113, section 8.2.1).
    ///   - value: visible ASCII, inner blanks; copied.
    ///   - varies: whether the value differs from answer to answer, so that the compression does not remember it.
    public mutating func add(_ name: StaticString, _ value: UnsafeRawBufferPointer, varies: Bool = false) {
        reserve(value.count)
        if let base = value.baseAddress { (bytes + byteCount).copyMemory(from: base, byteCount: value.count) }
        append(name, value.count, varies)
    }

    /// Adds a field whose value never changes.
    public mutating func add(_ name: StaticString, _ value: StaticString) {
        add(name, UnsafeRawBufferPointer(start: value.utf8Start, count: value.utf8CodeUnitCount))
    }

    /// Adds a field whose value is a number, which the compression does not remember.
    public mutating func add(_ name: StaticString, _ value: UInt64) {
        reserve(20)
        let count = Self.write(value, to: (bytes + byteCount).assumingMemoryBound(to: UInt8.self))
        append(name, count, true)
    }

    /// Calls `body` with the pairs as nghttp2 wants them, `:status` first.
    func withPairs<R>(
        status: Int,
        contentLength: Int?,
        _ body: (UnsafePointer<nghttp2_nv>, Int) -> R
    ) -> R {
        for digit in 0..<3 { numbers[2 - digit] = UInt8(truncatingIfNeeded: 0x30 + status / Self.powers[digit] % 10) }
        pairs[0] = Self.pair(":status", numbers, 3, NGHTTP2_NV_FLAG_NONE)
        for at in 1..<end { pairs[at].value = (bytes + offsets[at]).assumingMemoryBound(to: UInt8.self) }
        guard let contentLength else { return body(pairs, end) }
        let count = Self.write(UInt64(contentLength), to: numbers + 3)
        pairs[end] = Self.pair("content-length", numbers + 3, count, NGHTTP2_NV_FLAG_NO_INDEX)
        return body(pairs, end + 1)
    }

    private static let powers: InlineArray<3, Int> = [1, 10, 100]

    private mutating func append(_ name: StaticString, _ count: Int, _ varies: Bool) {
        // Behind this one there must be room for content-length.
        if end + 2 > capacity { grow() }
        offsets[end] = byteCount
        pairs[end] = Self.pair(name, nil, count, varies ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE)
        byteCount += count
        end += 1
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

    /// Writes a number in decimal digits; how many.
    private static func write(_ value: UInt64, to target: UnsafeMutablePointer<UInt8>) -> Int {
        var count = 1
        var rest = value
        while rest >= 10 {
            rest /= 10
            count += 1
        }
        rest = value
        var at = count
        repeat {
            at -= 1
            target[at] = UInt8(truncatingIfNeeded: 0x30 + rest % 10)
            rest /= 10
        } while at > 0
        return count
    }
}
