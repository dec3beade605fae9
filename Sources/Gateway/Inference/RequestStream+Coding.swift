// SPDX-License-Identifier: Apache-2.0

import ContentCoding
import GatewayCore
import HTTP

// Content codings of predictions' bodies, in and out.
extension RequestStream {
    /// What a loop may decode itself: about a millisecond.
    private static let decodedOnLoop = 256 * 1024
    /// What a loop may encode itself: about a millisecond.
    private static let encodedOnLoop = 64 * 1024
    /// Below this an answer is two packets or fewer anyway.
    private static let worthEncoding = 2048

    /// Looks at the head's codings.
    ///
    /// - Returns: why the body cannot be taken.
    func readCodings(_ head: RequestHead, in bytes: UnsafeRawBufferPointer, takesTensors: Bool) -> Refusal? {
        if takesTensors, let field = head[.acceptEncoding] {
            exchange.answerCoding = ContentCoding.accepted(by: field.of(bytes))
        }
        guard let field = head[.contentEncoding]?.of(bytes), !ContentCoding.isIdentity(field) else { return nil }
        guard takesTensors, let coding = ContentCoding(named: field) else {
            return Refusal(
                .mediaTypeUnsupported,
                takesTensors
                    ? "The only content codings understood here are gzip and deflate, one at a time."
                    : "A body of this path must come without a content coding."
            )
        }
        exchange.bodyCoding = coding
        return nil
    }

    /// Decodes the body and goes on with it: here when it is small, else off the loop.
    func decode(_ body: UnsafeRawBufferPointer, _ coding: ContentCoding) {
        let limit = bodyLimit
        do throws(ContentCodingError) {
            let decoded = try coding.decode(body, limit: min(limit, Self.decodedOnLoop))
            return decoded.withUnsafeBytes { performDecoded($0) }
        } catch {
            guard error == .tooLarge, limit > Self.decodedOnLoop else { return refuse(error, limit: limit) }
        }
        let encoded = Array(body)
        offLoop(on: services.bodyPool) { _ -> Result<[UInt8], ContentCodingError> in
            encoded.withUnsafeBytes { encoded in
                do throws(ContentCodingError) {
                    return .success(try coding.decode(encoded, limit: limit))
                } catch {
                    return .failure(error)
                }
            }
        } then: { stream, result in
            guard stream.isOpen else { return }
            switch result {
            case .success(let decoded): decoded.withUnsafeBytes { stream.performDecoded($0) }
            case .failure(let error): stream.refuse(error, limit: limit)
            }
        }
    }

    private func refuse(_ error: ContentCodingError, limit: Int) {
        switch error {
        case .tooLarge: refuseBody(limit: limit)
        case .malformed:
            refuse(
                Refusal(
                    .requestMalformed,
                    "The body is not \(exchange.bodyCoding?.rawValue ?? "encoded") as its Content-Encoding says, or is cut short."
                )
            )
        }
    }

    /// Answers a prediction, encoded when the client takes that and it is worth it.
    func replyEncoded(_ reply: consuming Reply) {
        guard let coding = exchange.answerCoding, reply.refusal == nil, reply.body.count >= Self.worthEncoding else {
            return self.reply(reply)
        }
        if reply.body.count <= Self.encodedOnLoop {
            if let encoded = coding.encode(reply.body) { reply.encode(encoded, coding) }
            return self.reply(reply)
        }
        let ticket = ticket
        let handle = loop.handle
        let plain = reply
        let isTaken = services.bodyPool.submit {
            var reply = plain
            if let encoded = coding.encode(reply.body) { reply.encode(encoded, coding) }
            let done = reply
            handle.execute { loop in
                guard let stream = loop.stream(ticket), stream.isOpen else { return }
                stream.reply(done)
            }
        }
        if !isTaken { self.reply(plain) }
    }
}

extension Reply {
    fileprivate mutating func encode(_ encoded: [UInt8], _ coding: ContentCoding) {
        body = encoded
        fields += [.init(.contentEncoding, coding.rawValue), .init(.vary, "Accept-Encoding")]
    }
}
