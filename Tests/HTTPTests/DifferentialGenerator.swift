// SPDX-License-Identifier: Apache-2.0

import HTTP
import TestSupport

/// Makes requests from the grammar of RFC 9112 and then, more often than not, breaks them.
struct DifferentialGenerator {
    private var random: SeededGenerator

    init(seed: UInt64) { random = SeededGenerator(seed: seed) }

    mutating func pick<T>(_ choices: [T]) -> T { choices[Int.random(in: 0..<choices.count, using: &random)] }

    /// True once in `n`.
    mutating func once(in n: Int) -> Bool { Int.random(in: 0..<n, using: &random) == 0 }

    /// A connection's bytes: up to three requests.
    mutating func connection() -> [UInt8] {
        var bytes: [UInt8] = []
        if once(in: 10) { bytes += pick([[13, 10], [13, 10, 13, 10], [10], [13], [32]]) }
        for _ in 0..<pick([1, 1, 2, 3]) {
            bytes += request()
            if once(in: 20) { bytes += pick([[13, 10], [10], [0]]) }
        }
        for _ in 0..<pick([0, 0, 1, 1, 2, 3]) { mutate(&bytes) }
        return bytes
    }

    /// Offsets where deliveries end.
    mutating func cuts(_ count: Int) -> [Int] {
        guard count > 1 else { return [] }
        if once(in: 40) { return Array(1..<count) }
        return (0..<pick([1, 2, 5, 9])).map { _ in Int.random(in: 1..<count, using: &random) }.sorted()
    }

    /// A request that nothing is wrong with, and its body.
    mutating func wellFormed() -> (bytes: [UInt8], body: [UInt8]) {
        var lines = [
            "\(pick(["POST", "PUT", "PATCH", "PROPFIND"])) \(pick(["/", "/predict?a=1", "https://localhost:8443/a"])) HTTP/1.1"
        ]
        lines.append(
            "\(pick(["Host", "host", "hOsT"])):\(pick(["", " ", " \t "]))localhost:8443\(pick(["", " ", "\t"]))"
        )
        for _ in 0..<pick([0, 1, 3, 20]) {
            let name = String((0..<pick([1, 4, 13, 17])).map { _ in pick(Array("aZ09!#$%&'*+-.^_`|~")) })
            let value = String((0..<pick([0, 1, 15, 16, 31, 33, 100])).map { _ in pick(Array("aZ0 \t!~\"\\:\u{e9}")) })
            lines.append("X\(name):\(value)")
        }
        let body = (0..<pick([0, 1, 17, 300])).map { _ in UInt8.random(in: .min ... .max, using: &random) }
        let isChunked = once(in: 2)
        lines.append(isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(body.count)")
        let head = Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8)
        return (head + (isChunked ? chunked(body, wellFormed: true) : body), body)
    }

    /// Limits that many a request is at or over.
    mutating func tightLimits() -> HTTP1Limits {
        var limits = HTTP1Limits()
        limits.headBytes = Int.random(in: 20...200, using: &random)
        limits.fieldCount = pick([1, 2, 3, 64])
        limits.targetBytes = pick([1, 8, 12, 8192])
        limits.chunkExtensionBytes = pick([0, 2, 4, 8, 1000])
        return limits
    }

    private mutating func request() -> [UInt8] {
        var lines: [String] = []
        let method = once(in: 6) ? pick(Self.methods) : pick(["GET", "POST", "POST", "PUT"])
        let version = once(in: 8) ? pick(Self.versions) : "HTTP/1.1"
        lines.append("\(method) \(once(in: 4) ? pick(Self.targets) : "/predict") \(version)")
        if !once(in: 30) {
            lines.append("\(pick(["Host", "host", "HOST"])): \(once(in: 8) ? pick(Self.hosts) : "localhost")")
        }
        for _ in 0..<pick([0, 1, 2, 4]) { lines.append(pick(Self.fields)) }
        var body: [UInt8] = []
        if Self.withBody.contains(method) || once(in: 20) {
            let content = (0..<pick([0, 1, 5, 16, 40])).map { _ in pick(Array("abc 0\r\nGET".utf8)) }
            if once(in: 2) {
                lines.append("\(pick(["Content-Length", "content-length"])):\(blank())\(content.count)\(blank())")
                body = content
            } else {
                lines.append(
                    "\(pick(["Transfer-Encoding", "transfer-encoding"])):\(blank())\(pick(["chunked", "Chunked"]))\(blank())"
                )
                body = chunked(content)
            }
        }
        if lines.count > 3 { lines.swapAt(lines.count - 1, lines.count - pick([1, 2, 3])) }
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    private mutating func blank() -> String { once(in: 10) ? pick(["", "\t", "  ", " \t", "\u{b}"]) : " " }

    private mutating func chunked(_ content: [UInt8], wellFormed: Bool = false) -> [UInt8] {
        let extensions = wellFormed ? ["", ";a", ";a=b", ";a=\"b c\"", ";a;b=c"] : Self.extensions
        var bytes: [UInt8] = []
        var at = 0
        while at < content.count {
            let count = min(content.count - at, pick([1, 3, 17, 200]))
            bytes += Array("\(pick(["", "", "0", "00"]))\(String(count, radix: 16, uppercase: once(in: 2)))".utf8)
            bytes += Array("\(pick(extensions))\r\n".utf8)
            bytes += content[at..<at + count] + [13, 10]
            at += count
        }
        return bytes
            + Array("0\(pick(extensions))\r\n\(!wellFormed && once(in: 12) ? "X-Trailer: a\r\n" : "")\r\n".utf8)
    }

    private mutating func mutate(_ bytes: inout [UInt8]) {
        guard bytes.count > 2 else { return }
        let at = Int.random(in: 0..<bytes.count, using: &random)
        switch Int.random(in: 0..<8, using: &random) {
        case 0: bytes[at] = UInt8.random(in: .min ... .max, using: &random)
        case 1: bytes.insert(pick(Self.bytes), at: at)
        case 2: bytes.remove(at: at)
        case 3: bytes[at] = pick(Self.bytes)
        case 4: bytes.insert(contentsOf: Array(pick(Self.pieces).utf8), at: at)
        case 5: bytes.insert(contentsOf: bytes[at..<min(bytes.count, at + pick([1, 8, 30]))], at: at)
        case 6: bytes.removeSubrange(at..<min(bytes.count, at + pick([1, 2, 12])))
        default:
            // At the place where it hurts most: right behind a line's end.
            let ends = bytes.indices.filter { bytes[$0] == 10 }
            if !ends.isEmpty { bytes.insert(contentsOf: Array(pick(Self.pieces).utf8), at: pick(ends) + 1) }
        }
    }

    private static let methods = [
        "GET", "POST", "POST", "POST", "PUT", "PATCH", "HEAD", "DELETE", "OPTIONS", "TRACE", "CONNECT", "PROPFIND",
        "M-SEARCH", "QUERY", "get", "BREW", "SOURCE", "PURGE", "PRI", "DESCRIBE", "LINK", "MKCALENDAR", "SEARCH",
    ]
    private static let withBody: Set = ["POST", "PUT", "PATCH", "PROPFIND", "BREW", "QUERY"]
    private static let versions = ["HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0", "HTTP/1.2", "HTTP/2.0"]
    private static let targets = [
        "/", "/predict", "/predict?a=1&b=2", "/a%20b", "/a?b?c", "https://localhost/predict", "http://localhost?x",
        "http://elsewhere/", "*", "localhost:80", "/~a/b;c=d", "//x", "/a#b", "/\"<>\\^`{|}", "/.../%zz",
        "HTTPS://localhost",
        "https://localhost:8443/a", "http:/localhost", "https://", "https://u@localhost/",
    ]
    private static let hosts = ["localhost", "localhost", "localhost:8443", "[::1]:80", "127.0.0.1", "a b", "a/b", ""]
    private static let fields = [
        "Authorization: Bearer abc", "Content-Type: application/json", "Accept: */*", "Expect: 100-continue",
        "Connection: close", "Connection: keep-alive", "Connection: upgrade", "Upgrade: websocket", "Upgrade: h2c",
        "Connection: Upgrade, HTTP2-Settings", "Connection: keep-alive, close", "Connection: ,close ,",
        "Connection:\tclose\t", "Connection: close\t,a", "X-Empty:",
        "X-Blanks: \t a b \t", "TE: trailers", "X-Latin: \u{e9}", "Content-Encoding: gzip", "Trailer: X-Trailer",
        "User-Agent: a (b; c)", "x-tab:\ta\tb", "Cookie: a=b", "Content-Length: 0", "Proxy-Connection: close",
    ]
    private static let extensions = [
        "", "", "", ";a", ";a=b", ";a=\"b c\"", ";a;b=c", ";", ";=", ";a=", "; a=b", ";a =b", ";a=\"b\\\"c\"", " ",
        ";a=\"",
        ";a=\"b\"c", ";a=b=c",
    ]
    private static let bytes: [UInt8] = [
        0, 9, 10, 11, 12, 13, 32, 34, 35, 43, 44, 45, 47, 48, 49, 58, 59, 61, 63, 127, 0x85, 0xa0, 0xad, 0xff,
    ]
    private static let pieces = [
        "\r\n", "\n", "\r", "\r\n\r\n", "\n\n", " ", "\t", " \r\n", "\r\n ", "\r\n\t", ":", "::", "\0", ",", ";", "0",
        "1",
        "Transfer-Encoding: chunked\r\n", "Transfer-Encoding: identity\r\n", "Transfer-Encoding:\u{b}chunked\r\n",
        "Content-Length: 5\r\n", "Content-Length: 0\r\n", "Content-Length : 5\r\n", "Content-Length: 05\r\n",
        "Content-Length: 5, 5\r\n", "Content-Length: +5\r\n", "Content-Length:\r\n", "Host: b\r\n", " folded\r\n",
        "Connection: close\r\n", "Authorization: a\r\n", "GET / HTTP/1.1\r\n", "HTTP/1.1", "HTTP/1.0", "0\r\n\r\n",
        "chunked",
        "Expect: tea\r\n", "Upgrade: a\r\nConnection: upgrade\r\n", "-1", "0x", "ffffffffffffffff", ": ", "=", "\"",
    ]
}
