// SPDX-License-Identifier: Apache-2.0

internal import Glibc

/// A growable queue of bytes in one piece of memory: appended at the end, dropped from the front.
///
/// It keeps its memory when it runs empty, until ``release()``: who is busy allocates nothing, who is idle holds nothing.
public struct ByteQueue: ~Copyable {
    @usableFromInline var memory: UnsafeMutableRawPointer?
    @usableFromInline var capacity = 0
    @usableFromInline var lower = 0
    @usableFromInline var upper = 0

    /// An empty queue without memory.
    @inlinable
    public init() {}

    deinit { free(memory) }

    /// Bytes in the queue.
    @inlinable public var count: Int { upper - lower }
    /// Whether there is none.
    @inlinable public var isEmpty: Bool { upper == lower }

    /// Lends the bytes, first to last.
    @inlinable
    public borrowing func withUnsafeReadableBytes<Result: ~Copyable>(
        _ body: (UnsafeRawBufferPointer) -> Result
    ) -> Result {
        body(UnsafeRawBufferPointer(start: memory.map { UnsafeRawPointer($0 + lower) }, count: count))
    }

    /// Appends a copy of `bytes`.
    @inlinable
    public mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        reserve(bytes.count)
        (memory! + upper).copyMemory(from: base, byteCount: bytes.count)
        upper += bytes.count
    }

    /// Appends the text's bytes.
    @inlinable
    public mutating func append(_ text: StaticString) {
        append(UnsafeRawBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    /// Lends room for at least `minimum` bytes at the end; `body` returns how many it filled.
    @inlinable
    public mutating func appendUninitialised(minimum: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
        reserve(max(1, minimum))
        let filled = body(UnsafeMutableRawBufferPointer(start: memory! + upper, count: capacity - upper))
        precondition(filled >= 0 && filled <= capacity - upper, "more was filled than was lent")
        upper += filled
    }

    /// Drops bytes from the front.
    @inlinable
    public mutating func dropFirst(_ bytes: Int) {
        precondition(bytes <= count, "more is dropped than there is")
        lower += bytes
        if lower == upper { removeAll() }
    }

    /// Drops all bytes and keeps the memory.
    @inlinable
    public mutating func removeAll() {
        lower = 0
        upper = 0
    }

    /// Drops all bytes and gives the memory back.
    public mutating func release() {
        free(memory)
        memory = nil
        capacity = 0
        removeAll()
    }

    @inlinable
    mutating func reserve(_ bytes: Int) {
        if capacity - upper < bytes { grow(bytes) }
    }

    @usableFromInline
    mutating func grow(_ bytes: Int) {
        // Moved up only where that gives back half: a queue that is drained in small steps would be moved at each.
        if lower > 0, lower >= count {
            if let memory { memmove(memory, memory + lower, count) }
            upper -= lower
            lower = 0
        }
        guard capacity - upper < bytes else { return }
        let needed = max(1024, upper + bytes, min(2 * capacity, capacity + (1 << 20)))
        guard let grown = realloc(memory, needed) else {
            preconditionFailure("\(needed) bytes could not be allocated: out of memory")
        }
        memory = grown
        capacity = needed
    }
}

// A queue owns its memory alone; whoever has the queue has that.
extension ByteQueue: @unchecked Sendable {}
