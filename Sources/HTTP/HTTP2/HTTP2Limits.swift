// SPDX-License-Identifier: Apache-2.0

/// What one HTTP/2 connection may hold and cause.
///
/// Its memory is bounded by `connectionWindow` for requests, by the answers that wait, at most `maxConcurrentStreams`,
/// and by some 20 KiB for nghttp2 and the head being read.
public struct HTTP2Limits: Sendable {
    /// Requests at once (`SETTINGS_MAX_CONCURRENT_STREAMS`); one that was reset counts until the work on it ended.
    public var maxConcurrentStreams = 128
    /// Bytes of one body that may be sent before they are consumed (`SETTINGS_INITIAL_WINDOW_SIZE`); below 2^31.
    public var streamWindow = 256 << 10
    /// Bytes of all bodies together; 65,535 at least (RFC 9113, section 6.9.2), below 2^31.
    public var connectionWindow = 1 << 20
    /// Bytes of a head: names, values and 32 for each field (`SETTINGS_MAX_HEADER_LIST_SIZE`). More is answered.
    public var headBytes = 16 << 10
    /// Fields of a head. More is answered.
    public var fieldCount = 64
    /// Bytes of a request target. More is answered.
    public var targetBytes = 8 << 10
    /// Bytes of a header block as packed; more ends the connection, as does an unpacked head over four times its limit.
    public var maxHeaderBlockBytes = 64 << 10
    /// `CONTINUATION` frames of a header block; more ends the connection.
    public var maxContinuations = 8
    /// Frames that do nothing for a request, all at once. The answers' data earns leave for more of some.
    public var nuisanceBurst = 1000
    /// Frames that do nothing for a request, a second.
    public var nuisancesPerSecond = 100
    /// `RST_STREAM` frames all at once.
    public var resetBurst = 256
    /// `RST_STREAM` frames a second.
    public var resetsPerSecond = 32
    /// Frames that wait until the peer reads.
    public var maxQueuedFrames = 1024

    /// The defaults.
    public init() {}
}
