// SPDX-License-Identifier: Apache-2.0

/// Counts what a peer sends by its frame headers, before nghttp2 acts on it: nghttp2 reports no frame that it ignores,
/// and has no limit of its own for most floods.
struct FrameMeter {
    /// Where in the bytes the frame begins that is one too many, and of what.
    struct Excess {
        var reason: HTTP2EndReason
        var at: Int
    }

    private var prefaceLeft = 24
    private var payloadLeft = 0
    private var partial = InlineArray<9, UInt8>(repeating: 0)
    private var partialCount = 0

    private let maxHeaderBlockBytes: Int
    private let maxContinuations: Int
    private var blockBytes = 0
    private var continuations = 0
    private var newestStream: UInt32 = 0

    private var nuisances: EventBudget
    private var resets: EventBudget
    /// `WINDOW_UPDATE` and `PING` frames that the data sent gave cause for.
    private var courtesies = FrameMeter.courtesiesPerFrame

    private static let courtesiesPerFrame = 4
    private static let maxCourtesies = 4096

    init(limits: HTTP2Limits) {
        maxHeaderBlockBytes = limits.maxHeaderBlockBytes
        maxContinuations = limits.maxContinuations
        nuisances = EventBudget(burst: limits.nuisanceBurst, perSecond: limits.nuisancesPerSecond)
        resets = EventBudget(burst: limits.resetBurst, perSecond: limits.resetsPerSecond)
    }

    /// Whether a header block has begun and not ended.
    private(set) var isInHeaderBlock = false
    private var isInData = false
    /// Frames that have begun, those that go on with a header block not among them.
    private(set) var frames: UInt64 = 0

    /// Whether the preface, a header block or a frame other than `DATA` has come in part.
    var isInHead: Bool { !isBetweenFrames && !(isInData && payloadLeft > 0) }

    /// Whether no frame has begun that has not ended.
    var isBetweenFrames: Bool { payloadLeft == 0 && partialCount == 0 && prefaceLeft == 0 && !isInHeaderBlock }

    /// A frame of an answer's data was sent: clients make room, and measure the way, for each.
    mutating func sentData() { earn() }

    /// Charges for an event that shows on no frame header; false when it is one too many.
    mutating func charge(now: Int64) -> Bool { nuisances.take(now: now) }

    /// Takes what was received; nil when it is within the limits.
    mutating func scan(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Excess? {
        guard let base = bytes.baseAddress else { return nil }
        var at = min(prefaceLeft, bytes.count)
        prefaceLeft -= at
        while at < bytes.count {
            if payloadLeft > 0 {
                let skipped = min(payloadLeft, bytes.count - at)
                payloadLeft -= skipped
                at += skipped
                continue
            }
            let start = at
            let header: FrameHeader
            if partialCount == 0, bytes.count - at >= FrameHeader.size {
                header = FrameHeader(base + at)
                at += FrameHeader.size
            } else {
                while partialCount < FrameHeader.size, at < bytes.count {
                    partial[partialCount] = bytes[at]
                    partialCount += 1
                    at += 1
                }
                guard partialCount == FrameHeader.size else { return nil }
                partialCount = 0
                header = withUnsafeBytes(of: &partial) { FrameHeader($0.baseAddress!) }  // nine bytes: never empty
            }
            payloadLeft = header.length
            if let reason = excess(header, now: now) { return Excess(reason: reason, at: start) }
        }
        return nil
    }

    private mutating func excess(_ header: FrameHeader, now: Int64) -> HTTP2EndReason? {
        isInData = header.type == FrameHeader.Kind.data
        if header.type != FrameHeader.Kind.continuation { frames &+= 1 }
        switch header.type {
        case FrameHeader.Kind.data:
            guard header.flags & FrameHeader.Flag.endStream == 0 else { return nil }
            // How much of a short padded frame is padding is not known here; none has cause to be sent often.
            let isEmpty = header.length == 0 || header.flags & FrameHeader.Flag.padded != 0 && header.length <= 256
            return isEmpty && !nuisances.take(now: now) ? .emptyFrameFlood : nil
        case FrameHeader.Kind.headers:
            blockBytes = header.length
            continuations = 0
            isInHeaderBlock = header.flags & FrameHeader.Flag.endHeaders == 0
            if blockBytes > maxHeaderBlockBytes { return .continuationFlood }
            guard header.stream > newestStream else { return nuisances.take(now: now) ? nil : .malformedFlood }
            newestStream = header.stream
            earn()
            return nil
        case FrameHeader.Kind.continuation:
            blockBytes += header.length
            continuations += 1
            isInHeaderBlock = header.flags & FrameHeader.Flag.endHeaders == 0
            if blockBytes > maxHeaderBlockBytes || continuations > maxContinuations { return .continuationFlood }
            return header.length > 0 || nuisances.take(now: now) ? nil : .emptyFrameFlood
        case FrameHeader.Kind.resetStream:
            return resets.take(now: now) ? nil : .rapidReset
        case FrameHeader.Kind.settings:
            return nuisances.take(8, now: now) ? nil : .settingsFlood
        case FrameHeader.Kind.ping:
            return courtesy(now: now) ? nil : .pingFlood
        case FrameHeader.Kind.windowUpdate:
            return courtesy(now: now) ? nil : .windowUpdateFlood
        case FrameHeader.Kind.priority, FrameHeader.Kind.priorityUpdate:
            return nuisances.take(now: now) ? nil : .priorityFlood
        default:
            return nuisances.take(now: now) ? nil : .unknownFrameFlood
        }
    }

    private mutating func earn() { courtesies = min(courtesies + Self.courtesiesPerFrame, Self.maxCourtesies) }

    private mutating func courtesy(now: Int64) -> Bool {
        guard courtesies == 0 else {
            courtesies -= 1
            return true
        }
        return nuisances.take(now: now)
    }
}
