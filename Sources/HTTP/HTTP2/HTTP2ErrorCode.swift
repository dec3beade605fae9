// SPDX-License-Identifier: Apache-2.0

/// Why a stream was reset or a connection ended, as the frames say it (RFC 9113, section 7).
public struct HTTP2ErrorCode: RawRepresentable, Hashable, Sendable {
    /// The number in `RST_STREAM` and `GOAWAY`; any 32 bits are legal.
    public let rawValue: UInt32

    /// - Parameter rawValue: the number in the frame.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Not an error.
    public static let noError = HTTP2ErrorCode(rawValue: 0)
    /// The protocol was broken.
    public static let protocolError = HTTP2ErrorCode(rawValue: 1)
    /// Our own fault.
    public static let internalError = HTTP2ErrorCode(rawValue: 2)
    /// More data than the window allowed.
    public static let flowControlError = HTTP2ErrorCode(rawValue: 3)
    /// A frame for a stream that is closed.
    public static let streamClosed = HTTP2ErrorCode(rawValue: 5)
    /// A frame of a size that its type does not have.
    public static let frameSizeError = HTTP2ErrorCode(rawValue: 6)
    /// Nothing was done yet: the request can be sent again.
    public static let refusedStream = HTTP2ErrorCode(rawValue: 7)
    /// The answer is not wanted any more.
    public static let cancel = HTTP2ErrorCode(rawValue: 8)
    /// The header compression is out of step.
    public static let compressionError = HTTP2ErrorCode(rawValue: 9)
    /// The peer causes more work than it may.
    public static let enhanceYourCalm = HTTP2ErrorCode(rawValue: 11)
}
