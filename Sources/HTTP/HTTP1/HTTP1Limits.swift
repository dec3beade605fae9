// SPDX-License-Identifier: Apache-2.0

/// The most that a request may ask of the parser; how large a body may be is for the caller to say.
public struct HTTP1Limits: Sendable, Equatable {
    /// Bytes of a head: request line, fields and the empty line. The caller's buffer must hold them.
    public var headBytes = 16 * 1024
    /// Fields of a head.
    public var fieldCount = 64
    /// Bytes of a request target.
    public var targetBytes = 8 * 1024
    /// Bytes of chunk extensions in all of a body: they cost work and mean nothing here.
    public var chunkExtensionBytes = 8 * 1024

    /// The defaults above.
    public init() {}
}
