// SPDX-License-Identifier: Apache-2.0

/// Where a message is written to: a queue of bytes that are to leave.
public protocol HTTPOutput: ~Copyable {
    /// Appends a copy of the bytes.
    mutating func append(_ bytes: UnsafeRawBufferPointer)

    /// Appends what `body` writes at the front of at least `minimum` bytes; it returns how many those are.
    mutating func appendUninitialised(minimum: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int)
}
