// SPDX-License-Identifier: Apache-2.0

/// Zeros to write ahead of the records, from one small piece of memory.
enum Zeros {
    // Never written after it was made, and never freed.
    private nonisolated(unsafe) static let page: UnsafeRawBufferPointer = {
        let page = UnsafeMutableRawBufferPointer.allocate(byteCount: 1 << 16, alignment: 8)
        page.initializeMemory(as: UInt8.self, repeating: 0)
        return UnsafeRawBufferPointer(page)
    }()

    /// Appends pieces that are `count` bytes together.
    static func append(_ count: Int, to pieces: inout [UnsafeRawBufferPointer]) {
        var rest = count
        while rest > 0 {
            let piece = min(rest, page.count)
            pieces.append(UnsafeRawBufferPointer(rebasing: page[..<piece]))
            rest -= piece
        }
    }
}
