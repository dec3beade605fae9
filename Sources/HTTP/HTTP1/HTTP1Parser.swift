// SPDX-License-Identifier: Apache-2.0

/// Reads the requests of one connection (RFC 9112), refusing whatever another server could understand differently.
///
/// It does no I/O and keeps no bytes: each call looks at what has been received and not consumed yet, and says what
/// stands at its front. A fault or the last request of a connection is the end: nothing behind is ever read as another
/// request. What comes out does not depend on where the bytes were cut on their way.
///
/// ```swift
/// var parser = HTTP1Parser(limits: HTTP1Limits())
/// loop: while true {
///     switch parser.next(received) {
///     case .head(let head, let consumed): ...
///     case .needsMore(let consumed): ...; break loop
///     ...
///     }
/// }
/// ```
public struct HTTP1Parser: Sendable {
    /// What the next byte belongs to.
    enum State: UInt8 {
        /// Nothing of a request is here.
        case idle
        case head
        /// A body of a known length, and the data of a chunk.
        case content, chunk
        /// A chunk's size, its extensions and the ends of lines around them.
        case chunkSize, extensionName, extensionValue, extensionToken, extensionQuoted, extensionQuotedEnd
        case chunkLineEnd, chunkDataEnd, chunkDataLineEnd
        /// Behind the last chunk.
        case trailers, trailersLineEnd
        /// The request is complete and that has not been said yet.
        case complete
        /// The connection's last request is over.
        case over
        case failed
    }

    let limits: HTTP1Limits
    var state = State.idle
    var head = RequestHead()
    private var fault: HTTPFault?

    // Offsets into the unconsumed bytes, while a head is incomplete.
    var headStart = 0
    var lineStart = 0
    var scanned = 0
    var hasRequestLine = false
    /// The empty line that may stand before a request has been there.
    var hasBlankLine = false
    /// Options of `Connection` seen.
    var saysClose = false
    var saysKeepAlive = false

    /// Bytes of the body or chunk still to come; while a chunk's size is read, the size so far.
    var remaining = 0
    var sizeDigits = 0
    var extensionBytes = 0

    /// A parser for a new connection.
    public init(limits: HTTP1Limits) {
        self.limits = limits
    }

    /// Whether nothing of a request has been seen yet: the connection may be closed without harm.
    public var isIdle: Bool { state == .idle }

    /// Whether nothing is read any more, because of a fault or since the last request is over.
    public var isOver: Bool { state == .over || state == .failed }

    /// Says what stands at the front of `bytes`: all that has been received and not been consumed.
    ///
    /// After ``HTTP1Event/needsMore(consumed:)`` it is called again when there are more bytes; after a head, a part of a
    /// body or an end at once.
    public mutating func next(_ bytes: UnsafeRawBufferPointer) -> HTTP1Event {
        let found: Found
        do throws(HTTPFault) {
            found = try advance(bytes)
        } catch {
            state = .failed
            fault = error
            return .failed(error)
        }
        // A head is large: it is copied here, once, and nowhere else.
        switch found {
        case .needsMore(let consumed): return .needsMore(consumed: consumed)
        case .head(let consumed): return .head(head, consumed: consumed)
        case .body(let range, let consumed): return .body(range, consumed: consumed)
        case .end(let consumed): return .end(consumed: consumed)
        }
    }

    /// What stands at the front, without the head itself.
    enum Found {
        case needsMore(consumed: Int)
        case head(consumed: Int)
        case body(Range<Int>, consumed: Int)
        case end(consumed: Int)
    }

    private mutating func advance(_ bytes: UnsafeRawBufferPointer) throws(HTTPFault) -> Found {
        switch state {
        case .idle, .head: return try nextHead(bytes)
        case .content:
            guard !bytes.isEmpty else { return .needsMore(consumed: 0) }
            let count = min(bytes.count, remaining)
            remaining -= count
            if remaining == 0 { state = .complete }
            return .body(0..<count, consumed: count)
        case .complete: return end(consumed: 0)
        case .over: return .needsMore(consumed: bytes.count)
        case .failed: throw fault ?? .notARequest
        case .chunk, .chunkSize, .extensionName, .extensionValue, .extensionToken, .extensionQuoted,
            .extensionQuotedEnd, .chunkLineEnd, .chunkDataEnd, .chunkDataLineEnd, .trailers, .trailersLineEnd:
            return try nextChunk(bytes)
        }
    }

    /// Ends the request.
    mutating func end(consumed: Int) -> Found {
        state = head.keepsAlive ? .idle : .over
        return .end(consumed: consumed)
    }
}
