// SPDX-License-Identifier: Apache-2.0

/// Growing memory for a tensor's elements while they are read.
struct ElementBuffer: ~Copyable {
    private var base: UnsafeMutableRawPointer
    private var capacity: Int
    /// Bytes written.
    private(set) var count = 0

    init(capacity: Int) {
        self.capacity = max(capacity, 64)
        base = .allocate(byteCount: self.capacity, alignment: 16)
    }

    deinit { base.deallocate() }

    /// Makes room for that many bytes behind what is written.
    @inline(__always)
    mutating func reserve(_ bytes: Int) {
        if capacity - count < bytes { grow(bytes) }
    }

    /// Writes one element. There must be room for it.
    @inline(__always)
    mutating func append<Element: BitwiseCopyable>(_ element: Element) {
        base.storeBytes(of: element, toByteOffset: count, as: Element.self)
        count += MemoryLayout<Element>.size
    }

    /// Writes as many elements as `body` says it put into the memory it gets. There must be room for `limit`.
    @inline(__always)
    mutating func append<Element: BitwiseCopyable>(
        limit: Int,
        _ body: (UnsafeMutablePointer<Element>, _ limit: Int) -> Int
    ) -> Int {
        // Elements of one type follow each other from an aligned start.
        let written = body((base + count).assumingMemoryBound(to: Element.self), limit)
        count += written * MemoryLayout<Element>.size
        return written
    }

    /// Writes elements that lie behind one another. There must be room for them.
    mutating func append(_ bytes: UnsafeRawBufferPointer) {
        guard let source = bytes.baseAddress else { return }
        (base + count).copyMemory(from: source, byteCount: bytes.count)
        count += bytes.count
    }

    @inline(never)
    private mutating func grow(_ bytes: Int) {
        let larger = max(capacity * 2, count + bytes)
        let copy = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 16)
        copy.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = copy
        capacity = larger
    }

    /// What is written, until the next call that writes.
    var memory: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: count) }

    /// Forgets what is behind that many bytes.
    mutating func truncate(to bytes: Int) {
        precondition(bytes <= count, "a buffer can only be cut where it was written")
        count = bytes
    }

    /// Gives memory beyond that many bytes back. What is written must be no more.
    mutating func shrink(to bytes: Int) {
        guard capacity > bytes, count <= bytes else { return }
        let copy = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: 16)
        copy.copyMemory(from: base, byteCount: count)
        base.deallocate()
        base = copy
        capacity = bytes
    }
}
