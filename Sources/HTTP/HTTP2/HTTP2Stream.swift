// SPDX-License-Identifier: Apache-2.0

/// One request and its answer on a connection.
public struct HTTP2Stream: Hashable, Sendable {
    /// The stream identifier (RFC 9113, section 5.1.1): odd, never used twice on a connection.
    public let id: Int32
    /// A number below ``HTTP2Limits/maxConcurrentStreams`` that no other stream has at the same time: an index for the
    /// owner's own records. It is free again when the owner was told of the end, and has itself said so where it must.
    public let slot: Int
}
