// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import NIOHTTP1

extension RequestHead {
    /// Checks what NIO's decoder (llhttp) lets pass and a gateway must not: anything that another server on the way
    /// could frame, route or authorise differently (RFC 9112, sections 3.2, 6.1 and 6.3; RFC 9110, section 9.3.1).
    static func checked(_ head: HTTPRequestHead, configuration: Configuration.HTTP) -> Result<RequestHead, Refusal> {
        func malformed(_ sentence: String) -> Result<RequestHead, Refusal> {
            .failure(Refusal(.requestMalformed, sentence))
        }
        guard head.version == .http1_1 || head.version == .http1_0 else {
            return malformed("Only HTTP/1.1 and HTTP/1.0 are understood here.")
        }
        var result = RequestHead(
            method: Method(rawValue: head.method.rawValue) ?? .other,
            path: "",
            keepsAlive: head.version == .http1_1
        )
        result.isHTTP10 = head.version == .http1_0

        var host: String?
        var transferCodings = 0
        var size = 0
        for (name, value) in head.headers {
            size += name.utf8.count + value.utf8.count + 4
            switch name.lowercased() {
            case "host":
                guard host == nil else { return malformed("The request has more than one Host field.") }
                host = value
            case "authorization":
                guard result.authorization == nil else {
                    return malformed("The request has more than one Authorization field.")
                }
                result.authorization = value
            case "content-length":
                guard result.contentLength == nil, let length = Self.length(value) else {
                    return malformed("Content-Length must be one decimal number without sign or leading zero.")
                }
                result.contentLength = length
            case "transfer-encoding":
                transferCodings += 1
                guard transferCodings == 1, value.lowercased() == "chunked", head.version == .http1_1 else {
                    return malformed("The only transfer coding understood is chunked, once, with HTTP/1.1.")
                }
                result.isChunked = true
            case "content-type": result.contentType = value
            case "accept": result.accept = value
            case "connection":
                for option in value.lowercased().split(separator: ",") {
                    switch option.trimming(while: { $0 == " " || $0 == "\t" }) {
                    case "close": result.keepsAlive = false
                    case "keep-alive" where result.isHTTP10 && !head.headers.contains(name: "upgrade"):
                        result.keepsAlive = true
                    default: break
                    }
                }
            case "upgrade":
                // Nothing is upgraded here, but the decoder reads no further on such a connection.
                result.keepsAlive = false
            case "expect":
                guard value.lowercased() == "100-continue" else {
                    return .failure(Refusal(.expectationFailed, "The only expectation understood is 100-continue."))
                }
                result.expectsContinue = true
            default: break
            }
        }
        if head.method == .CONNECT { result.keepsAlive = false }
        guard size + head.uri.utf8.count <= configuration.maxHeaderBytes else {
            return .failure(
                Refusal(
                    .headersTooLarge,
                    "The head is over \(configuration.maxHeaderBytes) bytes; send fewer or shorter fields."
                )
            )
        }
        guard host != nil || result.isHTTP10 else { return malformed("The request has no Host field.") }
        guard !(result.isChunked && result.contentLength != nil) else {
            return malformed("The request has both Content-Length and Transfer-Encoding.")
        }
        switch result.method {
        case .get, .head, .delete, .options:
            guard !result.hasBody else {
                return malformed("A \(head.method.rawValue) request takes no body here.")
            }
        case .post, .put, .patch, .other: break
        }
        guard result.setTarget(head.uri, host: host) else {
            return malformed("The request target must be a path as /predict, or the absolute form with the same host.")
        }
        return .success(result)
    }

    /// Origin form, or absolute form whose authority is the Host field's (RFC 9112, section 3.2.2).
    private mutating func setTarget(_ target: String, host: String?) -> Bool {
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7f && $0 != UInt8(ascii: "#") }) else { return false }
        var target = target[...]
        if !target.hasPrefix("/") {
            guard let scheme = ["https://", "http://"].first(where: { target.lowercased().hasPrefix($0) }) else {
                return false
            }
            target = target.dropFirst(scheme.count)
            let authority = target.prefix { $0 != "/" && $0 != "?" }
            guard authority.lowercased() == host?.lowercased() else { return false }
            target = target.dropFirst(authority.count)
            if !target.hasPrefix("/") { target = "/" + target }
        }
        let question = target.firstIndex(of: "?")
        path = String(target[..<(question ?? target.endIndex)])
        query = question.map { String(target[target.index(after: $0)...]) }
        return true
    }

    private static func length(_ text: String) -> Int? {
        guard text == "0" || text.utf8.first.map({ (49...57).contains($0) }) == true,
            text.utf8.count <= 15, text.utf8.allSatisfy({ (48...57).contains($0) })
        else { return nil }
        return Int(text)
    }
}

extension Refusal {
    /// What NIO's decoder does not take.
    init(decoder error: HTTPParserError) {
        self =
            error == .headerOverflow
            ? Refusal(.headersTooLarge, "The head of the request is too large; send fewer or shorter fields.")
            : Refusal(.requestMalformed, "This is not a well-formed HTTP/1.1 request.", detail: "\(error)")
    }
}

extension Substring {
    fileprivate func trimming(while isBlank: (Character) -> Bool) -> Substring {
        var text = drop(while: isBlank)
        while let last = text.last, isBlank(last) { text.removeLast() }
        return text
    }
}
