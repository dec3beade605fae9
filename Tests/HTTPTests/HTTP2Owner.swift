// SPDX-License-Identifier: Apache-2.0

@testable import HTTP

/// A session with an owner that writes down what it is told, and answers as the test says.
final class HTTP2Owner: HTTP2SessionDelegate {
    enum Event: Equatable {
        case request(Int32, method: HTTPMethod, target: String, authority: String)
        case end(Int32)
        case malformed(Int32, HTTPFault.Kind)
        case answered(Int32)
        case reset(Int32, UInt32)
        case refused(UInt32)
    }

    private(set) var session: HTTP2Session!  // needs its delegate when it is made
    var events: [Event] = []
    var heads: [Int32: RequestHead] = [:]
    var headBytes: [Int32: [UInt8]] = [:]
    var bodies: [Int32: [UInt8]] = [:]
    var streams: [Int32: HTTP2Stream] = [:]
    /// Whether bodies are consumed when they come.
    var consumes = true
    /// Called for every request that is whole, and for those that are not taken.
    var onEnd: ((HTTP2Owner, HTTP2Stream) -> Void)?
    var onMalformed: ((HTTP2Owner, HTTP2Stream) -> Void)?
    var onReset: ((HTTP2Owner, HTTP2Stream) -> Void)?
    /// The most that was held of bodies, in bytes.
    var now: Int64 = 1_000_000_000
    var fields = HTTP2Fields()

    init(_ limits: HTTP2Limits = HTTP2Limits()) {
        session = HTTP2Session(limits: limits, delegate: self)
    }

    func receive(_ bytes: [UInt8]) { bytes.withUnsafeBytes { session.receive($0, now: now) } }

    func output(limit: Int = .max) -> [UInt8] {
        var all: [UInt8] = []
        session.takeOutput(limit: limit, now: now) { all += $0 }
        return all
    }

    @discardableResult
    func answer(_ id: Int32, _ status: Int = 200, _ body: [UInt8] = Array("ok".utf8)) -> Bool {
        fields.begin()
        fields.field("Content-Type", "text/plain")
        guard let stream = streams[id] else { return false }
        return body.withUnsafeBytes { session.respond(stream, status: status, fields: fields, body: $0) }
    }

    func text(_ id: Int32, _ field: KnownField) -> String? {
        guard let range = heads[id]?[field], let bytes = headBytes[id] else { return nil }
        return String(decoding: bytes[range.range], as: UTF8.self)
    }

    /// Lets both sides talk until neither has anything to say.
    func talk(with client: HTTP2Client, bytewise: Bool = false) {
        while true {
            let request = client.output()
            if bytewise { for byte in request { receive([byte]) } } else { receive(request) }
            let response = output()
            client.receive(response)
            if request.isEmpty, response.isEmpty { return }
        }
    }

    func request(
        _ session: HTTP2Session,
        _ stream: HTTP2Stream,
        _ head: RequestHead,
        _ bytes: UnsafeRawBufferPointer
    ) {
        heads[stream.id] = head
        headBytes[stream.id] = Array(bytes)
        streams[stream.id] = stream
        events.append(
            .request(
                stream.id,
                method: head.method,
                target: String(decoding: head.targetRange.of(bytes), as: UTF8.self),
                authority: String(decoding: head.authorityRange.of(bytes), as: UTF8.self)
            )
        )
    }

    func data(_ session: HTTP2Session, _ stream: HTTP2Stream, _ bytes: UnsafeRawBufferPointer) {
        bodies[stream.id, default: []] += bytes
        if consumes { session.consumed(stream, bytes.count) }
    }

    func end(_ session: HTTP2Session, _ stream: HTTP2Stream) {
        events.append(.end(stream.id))
        onEnd?(self, stream)
    }

    func malformed(_ session: HTTP2Session, _ stream: HTTP2Stream, _ fault: HTTPFault) {
        streams[stream.id] = stream
        events.append(.malformed(stream.id, fault.kind))
        onMalformed?(self, stream)
    }

    func answered(_ session: HTTP2Session, _ stream: HTTP2Stream) { events.append(.answered(stream.id)) }

    func reset(_ session: HTTP2Session, _ stream: HTTP2Stream, _ code: HTTP2ErrorCode) {
        events.append(.reset(stream.id, code.rawValue))
        onReset?(self, stream)
    }

    func refused(_ session: HTTP2Session, _ code: HTTP2ErrorCode) { events.append(.refused(code.rawValue)) }
}
