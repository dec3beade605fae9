// SPDX-License-Identifier: Apache-2.0

/// Requests that are known to make two servers on one way disagree about where a message ends, and variants of them.
/// Each must be refused, and `/smuggled` behind it never be seen.
public enum SmugglingCorpus {
    /// One of them, from the first byte of the request to the last of what is smuggled.
    public struct Payload: Sendable {
        /// What is wrong with it.
        public let name: String
        /// As sent.
        public let bytes: [UInt8]

        init(_ name: String, _ text: String) {
            self.name = name
            bytes = Array(text.utf8)
        }

        init(_ name: String, _ bytes: [UInt8]) {
            self.name = name
            self.bytes = bytes
        }
    }

    /// All of them.
    public static let all = framing + codings + lengths + lines + names + chunks + targets

    private static let post = "POST /predict HTTP/1.1\r\nHost: localhost\r\n"
    private static let smuggled = "GET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"

    /// CL.TE, TE.CL and CL.0: both fields, in either order, in either form.
    private static let framing: [Payload] = {
        let coded = "0\r\n\r\n\(smuggled)"
        let lengths = ["0", "3", "5", "\(coded.utf8.count)", "1000"]
        return lengths.flatMap { length in
            ["chunked", "Chunked", "CHUNKED"].flatMap { coding in
                [
                    Payload(
                        "CL \(length).TE \(coding)",
                        "\(post)Content-Length: \(length)\r\nTransfer-Encoding: \(coding)\r\n\r\n\(coded)"
                    ),
                    Payload(
                        "TE \(coding).CL \(length)",
                        "\(post)Transfer-Encoding: \(coding)\r\nContent-Length: \(length)\r\n\r\n\(coded)"
                    ),
                ]
            }
        }
            + ["GET", "HEAD", "DELETE", "OPTIONS"].flatMap { method in
                [
                    Payload(
                        "\(method) with a length",
                        "\(method) / HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(smuggled.utf8.count)\r\n\r\n\(smuggled)"
                    ),
                    Payload(
                        "\(method) in chunks",
                        "\(method) / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n\(coded)"
                    ),
                ]
            }
            + [
                Payload(
                    "chunks on HTTP/1.0",
                    "POST / HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n\(coded)"
                )
            ]
    }()

    /// TE.TE: a coding that one server reads as chunked and another does not.
    private static let codings: [Payload] =
        [
            "xchunked", "chunkedx", "chunked,", ",chunked", "chunked, chunked", "identity", "identity, chunked",
            "chunked, identity", "gzip, chunked", "chunked, gzip", "gzip", "cow", "chunked;q=1", "chunked; a=b",
            "\"chunked\"",
            "'chunked'", "chun ked", "chunked chunked", "chunked\tx", "chunked\t", "\tchunked", "", " ", "\u{b}chunked",
            "chunked\u{b}",
            "\u{c}chunked",
            "\0chunked", "chunked\0", "chunked\u{7f}", "\u{a0}chunked", "chunked\u{85}", "chu\u{ad}nked",
            "\u{17f}chunked",
            "\u{212a}chunked", "%63hunked", "chunk", "chunked\r\n\tx", "\r\n chunked", "\rchunked", "\nchunked",
            "chunked\rx",
            "x\r\nTransfer-Encoding: chunked", "chunked\r\nTransfer-Encoding: chunked",
            "chunked\r\nTransfer-encoding: cow",
            "chunked\r\nTransfer-Encoding:", "chunked, ", "chunked,,", "chunked\\", "trailers, chunked", "[chunked]",
            "deflate",
        ].map { Payload("TE.TE \($0.debugDescription)", "\(post)Transfer-Encoding: \($0)\r\n\r\n0\r\n\r\n\(smuggled)") }
        + [0xad, 0x80, 0xa0, 0xff, 0x1f, 0x00, 0x01, 0x08, 0x0e, 0x7f].flatMap { (byte: UInt8) in
            [
                Payload(
                    "TE with byte \(byte) behind",
                    Array("\(post)Transfer-Encoding: chunked".utf8) + [byte]
                        + Array("\r\n\r\n0\r\n\r\n\(smuggled)".utf8)
                ),
                Payload(
                    "TE with byte \(byte) before",
                    Array("\(post)Transfer-Encoding: ".utf8) + [byte]
                        + Array("chunked\r\n\r\n0\r\n\r\n\(smuggled)".utf8)
                ),
                Payload(
                    "a name with byte \(byte) in it",
                    Array("\(post)Transfer".utf8) + [byte] + Array("Encoding: chunked\r\n\r\n0\r\n\r\n\(smuggled)".utf8)
                ),
            ]
        }

    /// CL.CL: a length that is read in more than one way.
    private static let lengths: [Payload] = [
        "05", "+5", "-5", "-0", "5,5", "5, 5", "5,6", "5 5", "5;", "0x5", "5.0", "5e0", "", " ", "five", "5\u{b}",
        "\u{b}5",
        "5\0", "\0005", "5\u{a0}", "٥", "99999999999999999999", "18446744073709551621", "9223372036854775808",
        "1000000000000000", "5\r\nContent-Length: 5", "5\r\nContent-Length: 6", "0\r\nContent-Length: 5", "5_0", "'5'",
        "\"5\"",
        "5\r\n 0", "\r\n 5", "0\r\n5", "00", "000000000000000005", "5,", ",5", "5\u{7f}", "(5)", "5\tx", "5\t", "\t5",
        " 5 \t", "４", "1 0",
    ].map { Payload("CL \($0.debugDescription)", "\(post)Content-Length: \($0)\r\n\r\nhello\(smuggled)") }

    /// Ends of lines that one server sees and another does not.
    private static let lines: [Payload] = [
        ("LF alone everywhere", "POST / HTTP/1.1\nHost: localhost\n\nGET /smuggled HTTP/1.1\nHost: a\n\n"),
        ("LF behind the request line", "POST / HTTP/1.1\nHost: localhost\r\n\r\n\(smuggled)"),
        ("LF behind a field", "\(post)X: a\nContent-Length: 0\r\n\r\n\(smuggled)"),
        ("LF for the empty line", "\(post)X: a\r\n\n\(smuggled)"),
        ("CR alone behind a field", "\(post)X: a\rContent-Length: 5\r\n\r\nhello\(smuggled)"),
        ("CR for the empty line", "\(post)X: a\r\n\rX\(smuggled)"),
        ("CR CR LF", "\(post)X: a\r\r\n\r\n\(smuggled)"),
        ("LF CR", "\(post)X: a\n\r\n\(smuggled)"),
        ("CR in the request line", "POST /\r HTTP/1.1\r\nHost: localhost\r\n\r\n\(smuggled)"),
        ("a folded field", "\(post)X: a\r\n b\r\n\r\n\(smuggled)"),
        ("a field folded with a tab", "\(post)X: a\r\n\tTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n\(smuggled)"),
        ("a fold before the first field", "POST / HTTP/1.1\r\n Host: localhost\r\nHost: localhost\r\n\r\n\(smuggled)"),
        ("a fold of nothing", "\(post)X: a\r\n \r\n\r\n\(smuggled)"),
        ("a fold before the end", "\(post)Content-Length: 5\r\n \r\nhello\(smuggled)"),
        ("NUL in a value", "\(post)X: a\0b\r\n\r\n\(smuggled)"),
        ("NUL for an end of line", "\(post)X: a\0Content-Length: 5\r\n\r\nhello\(smuggled)"),
        ("VT in a value", "\(post)X: a\u{b}b\r\n\r\n\(smuggled)"),
        ("ESC in a value", "\(post)X: \u{1b}[2J\r\n\r\n\(smuggled)"),
        ("DEL in a value", "\(post)X: \u{7f}\r\n\r\n\(smuggled)"),
        ("two empty lines before", "\r\n\r\n\(post)\r\n\(smuggled)"),
        ("LF before", "\n\(post)\r\n\(smuggled)"),
        ("CR before", "\r\(post)\r\n\(smuggled)"),
        ("a space before", " \(post)\r\n\(smuggled)"),
        ("NEL for an end of line", "\(post)X: a\u{85}Y: b\r\n\u{85}\r\n\(smuggled)"),
        ("a line without a colon", "\(post)nonsense\r\n\r\n\(smuggled)"),
        ("a request line among the fields", "\(post)GET /smuggled HTTP/1.1\r\n\r\n\(smuggled)"),
    ].map { Payload($0.0, $0.1) }

    /// Names that one server takes for a framing field and another does not.
    private static let names: [Payload] =
        ["Content-Length", "Transfer-Encoding", "Host", "Authorization", "X-Any"].flatMap {
            name in
            [
                "\(name) ", "\(name)\t", " \(name)", "\(name)\u{b}", "\(name)\0", "\0\(name)", "\(name)\r", "(\(name))",
                "\"\(name)\"", "\(name)\u{a0}", "[\(name)]", "\(name)@", "\(name)/", "\(name)\\", "{\(name)",
                "\(name)=",
                "\(name),", "\(name);", "\(name)?", "a b\(name)",
            ].map { Payload("the name \($0.debugDescription)", "\(post)\($0): 5\r\n\r\nhello\(smuggled)") }
        }
        + [
            Payload("an empty name", "\(post): a\r\n\r\n\(smuggled)"),
            Payload("two Hosts", "\(post)Host: localhost\r\n\r\n\(smuggled)"),
            Payload("two other Hosts", "\(post)Host: elsewhere\r\n\r\n\(smuggled)"),
            Payload("two Authorizations", "\(post)Authorization: a\r\nAuthorization: b\r\n\r\n\(smuggled)"),
            Payload("two Content-Types", "\(post)Content-Type: a/b\r\nContent-Type: a/b\r\n\r\n\(smuggled)"),
            Payload("two Expects", "\(post)Expect: 100-continue\r\nExpect: 100-continue\r\n\r\n\(smuggled)"),
            Payload("no Host", "POST / HTTP/1.1\r\n\r\n\(smuggled)"),
        ]

    /// Chunks that end elsewhere for another server. The head is taken; the fault is in the body.
    private static let chunks: [Payload] = [
        "5\nhello\r\n0\r\n\r\n", "5\r\nhello\n0\r\n\r\n", "5\r\nhello\r\n0\n\r\n", "5\r\nhello\r\n0\r\n\n",
        "5\rhello\r\n0\r\n\r\n",
        "5\r\nhello0\r\n\r\n", "4\r\nhello\r\n0\r\n\r\n", "6\r\nhello\r\n0\r\n\r\n", " 5\r\nhello\r\n0\r\n\r\n",
        "\t5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "5\t\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "+5\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n", ";a\r\nhello\r\n0\r\n\r\n",
        "5g\r\nhello\r\n0\r\n\r\n", "5_\r\nhello\r\n0\r\n\r\n", "5.\r\nhello\r\n0\r\n\r\n", "5,5\r\nhello\r\n0\r\n\r\n",
        "00000000000000005\r\nhello\r\n0\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n",
        "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        "8000000000000000\r\nhello\r\n0\r\n\r\n", "5;\nhello\r\n0\r\n\r\n", "5;a\nhello\r\n0\r\n\r\n",
        "5;a\rhello\r\n0\r\n\r\n",
        "5;\r\nhello\r\n0\r\n\r\n", "5;a=\r\nhello\r\n0\r\n\r\n", "5;=b\r\nhello\r\n0\r\n\r\n",
        "5; a=b\r\nhello\r\n0\r\n\r\n",
        "5;a =b\r\nhello\r\n0\r\n\r\n", "5;a= b\r\nhello\r\n0\r\n\r\n", "5;a=\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"\n\"\r\nhello\r\n0\r\n\r\n",
        "5;a=\"b\"c\r\nhello\r\n0\r\n\r\n", "5;a=\"\\\"\"\r\nhello\r\n0\r\n\r\n", "5;a\0\r\nhello\r\n0\r\n\r\n",
        "5;\u{b}\r\nhello\r\n0\r\n\r\n",
        "5;a=b=c\r\nhello\r\n0\r\n\r\n", "5\0\r\nhello\r\n0\r\n\r\n", "5\u{a0}\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n\r\n",
        "5\r\nhello\r\n0\r\nX: a\r\n\r\n", "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
        "5\r\nhello\r\n0\r\nAuthorization: a\r\n\r\n",
        "0\r\nTransfer-Encoding: chunked\r\n\r\n", "0\r\n \r\n\r\n", "0\r\n: a\r\n\r\n", "0\r\rX\r\n\r\n", "0\r\n\rX",
        "0\n\n", "0\rX",
        "5\r\nhello\r\r\n0\r\n\r\n", "5\r\nhello\r\n0 \r\n\r\n", "0;\(String(repeating: "a", count: 9000))\r\n\r\n",
        "٥\r\nhello\r\n0\r\n\r\n",
    ].map {
        Payload("chunks \($0.debugDescription.prefix(60))", "\(post)Transfer-Encoding: chunked\r\n\r\n\($0)\(smuggled)")
    }

    /// Addressed to one host by the target and to another by the field, or not addressed at all.
    private static let targets: [Payload] =
        [
            "GET https://elsewhere/ HTTP/1.1", "GET http://localhost.elsewhere/ HTTP/1.1",
            "GET https://localhost:1/ HTTP/1.1",
            "GET https://localhost@elsewhere/ HTTP/1.1", "GET https://u@localhost/ HTTP/1.1",
            "GET ftp://localhost/ HTTP/1.1",
            "GET https:///a HTTP/1.1", "GET https:/localhost/ HTTP/1.1", "GET //", "GET /", "GET / ", "GET  / HTTP/1.1",
            "GET /  HTTP/1.1", "GET / HTTP/1.1 ", "GET\t/\tHTTP/1.1", "GET / HTTP/1.1\t", "GET /a b HTTP/1.1",
            "GET /a#b HTTP/1.1",
            "GET /\u{e9} HTTP/1.1", "GET /\0 HTTP/1.1", "GET /\u{7f} HTTP/1.1", "GET * HTTP/1.1", "OPTIONS * HTTP/1.1",
            "GET localhost HTTP/1.1", "GET ?a HTTP/1.1", "CONNECT localhost:443 HTTP/1.1", "CONNECT / HTTP/1.1",
            "get / HTTP/1.1",
            "Get / HTTP/1.1", "GET\u{a0}/ HTTP/1.1", "BREW / HTTP/1.1", "G@T / HTTP/1.1", "GET / HTTP/1.2",
            "GET / HTTP/2.0",
            "GET / HTTP/0.9", "GET / HTTP/1", "GET / HTTP/1.", "GET / HTTP/1.10", "GET / HTTP/11", "GET / HTTP/01.1",
            "GET / http/1.1", "GET / HTTP 1.1", "GET / HTTPS/1.1", "GET / ICE/1.0", "GET / RTSP/1.0", "PRI * HTTP/2.0",
            "\(String(repeating: "A", count: 25)) / HTTP/1.1", " / HTTP/1.1", "/ HTTP/1.1", "HTTP/1.1 200 OK",
            "GET http:// HTTP/1.1", "GET https://? HTTP/1.1", "GET https://localhost?#a HTTP/1.1",
        ].map { Payload("line \($0.debugDescription.prefix(60))", "\($0)\r\nHost: localhost\r\n\r\n\(smuggled)") }
        + [
            "a b", "a/b", "a,b", "a@b", "a:b", "a:1:2", "a:123456", "", "[::1", "::1", "[]", "[g]", "a\"", "a\\b",
            "a?b", "a#b", "\u{e9}", "a;b", "a%00", "<a>", "http://a", "a:-1", "[::1]a",
        ]
        .map { Payload("Host \($0.debugDescription)", "GET / HTTP/1.1\r\nHost: \($0)\r\n\r\n\(smuggled)") }
}
