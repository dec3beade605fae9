// SPDX-License-Identifier: Apache-2.0

import HTTP
import TestSupport

/// What the parser makes of a connection's bytes, delivered in pieces as a caller would have them.
struct Reading: Equatable {
    /// Where a head or a request ends, counted from the connection's first byte.
    struct Mark: Equatable, CustomStringConvertible {
        enum Kind { case head, end }

        let kind: Kind
        var offset: Int
        let method: String
        let target: String
        var bodyBytes = 0

        var description: String { "the \(kind) of \(method) \(target) at \(offset) with \(bodyBytes) bytes of body" }
    }

    private(set) var marks: [Mark] = []
    private(set) var fault: HTTPFault?
    /// The body of the last request that has one.
    private(set) var body: [UInt8] = []
    /// Bytes of the body that is under way.
    private(set) var openBodyBytes = 0
    private(set) var isOver = false

    /// - Parameter cuts: ascending offsets within `bytes` where a delivery ends and the next begins.
    init(_ bytes: [UInt8], cuts: [Int] = [], limits: HTTP1Limits = HTTP1Limits()) {
        var parser = HTTP1Parser(limits: limits)
        var consumed = 0
        for end in cuts + [bytes.count] {
            // A copy of exactly these bytes: the address sanitizer sees whoever reads behind them.
            let received = Array(bytes[consumed..<end])
            consumed += received.withUnsafeBytes { take($0, at: consumed, from: &parser) }
            if fault != nil { break }
        }
        isOver = parser.isOver
    }

    private mutating func take(
        _ received: UnsafeRawBufferPointer,
        at origin: Int,
        from parser: inout HTTP1Parser
    ) -> Int {
        var front = 0
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: received[front...])
            switch parser.next(rest) {
            case .needsMore(let consumed): return front + consumed
            case .head(let head, let consumed):
                let mark = Mark(
                    kind: .head,
                    offset: origin + front + consumed,
                    method: String(decoding: head.methodRange.of(rest), as: UTF8.self),
                    target: String(decoding: head.targetRange.of(rest), as: UTF8.self)
                )
                marks.append(mark)
                front += consumed
                body = []
                openBodyBytes = 0
            case .body(let range, let consumed):
                body += rest[range]
                openBodyBytes += range.count
                front += consumed
            case .end(let consumed):
                front += consumed
                let head = marks[marks.count - 1]
                marks.append(
                    Mark(
                        kind: .end,
                        offset: origin + front,
                        method: head.method,
                        target: head.target,
                        bodyBytes: openBodyBytes
                    )
                )
                openBodyBytes = 0
            case .failed(let fault):
                self.fault = fault
                return front
            }
        }
    }

    /// Targets of the requests whose heads were taken.
    var targets: [String] { marks.filter { $0.kind == .head }.map(\.target) }
}

/// Takes the one head at the front of `text` and hands it over with its bytes.
func withHead<R>(
    _ text: String,
    limits: HTTP1Limits = HTTP1Limits(),
    _ body: (RequestHead, UnsafeRawBufferPointer) throws -> R
) throws -> R {
    try Array(text.utf8).withUnsafeBytes { bytes in
        var parser = HTTP1Parser(limits: limits)
        switch parser.next(bytes) {
        case .head(let head, _): return try body(head, bytes)
        case .failed(let fault): throw fault
        case .needsMore, .body, .end: throw HTTPFault(.malformed, "There is no whole head.")
        }
    }
}

func text(_ range: ByteRange?, _ bytes: UnsafeRawBufferPointer) -> String? {
    range.map { String(decoding: $0.of(bytes), as: UTF8.self) }
}
