// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Testing

@Suite struct MessageTests {
    private func field(_ name: String) -> KnownField? {
        Array(name.utf8).withUnsafeBytes { KnownField(name: $0) }
    }

    private func method(_ name: String) -> HTTPMethod? {
        Array(name.utf8).withUnsafeBytes { HTTPMethod($0) }
    }

    @Test(arguments: KnownField.allCases)
    func `a known field is found in any case, and none by a name that differs in one byte`(known: KnownField) {
        let name = known.name.description
        #expect(field(name) == known)
        #expect(field(name.uppercased()) == known)
        #expect(field(name.prefix(1).uppercased() + name.dropFirst()) == known)
        for at in 0..<name.utf8.count {
            for byte in UInt8(0x21)...0x7e {
                var bytes = Array(name.utf8)
                guard byte | 0x20 != bytes[at] else { continue }
                bytes[at] = byte
                #expect(field(String(decoding: bytes, as: UTF8.self)) == nil)
            }
        }
        #expect(field(name + "s") == nil && field(String(name.dropLast())) == nil)
    }

    @Test func `a head has room for every known field`() {
        var head = RequestHead()
        for known in KnownField.allCases {
            #expect(head[known] == nil)
            head.note(known, ByteRange(Int(known.rawValue)..<100))
        }
        for known in KnownField.allCases { #expect(head[known]?.lower == UInt32(known.rawValue)) }
    }

    @Test func `methods are told by their exact names`() {
        for known in HTTPMethod.allCases where known != .other { #expect(method(known.name.description) == known) }
        for name in ["PROPFIND", "TRACE", "M-SEARCH", "MKCALENDAR", "ACL"] { #expect(method(name) == .other) }
        for name in ["", "G", "get", "GETS", "POTS", "OTHER", "CONNECT", "DELETES", "PRI"] {
            #expect(method(name) == nil)
        }
    }

    @Test func `a status has its line and its name`() {
        #expect(HTTPStatus.line(404)?.description == "HTTP/1.1 404 Not Found\r\n")
        #expect(HTTPStatus.reason(404) == "Not Found")
        #expect(HTTPStatus.line(799) == nil && HTTPStatus.reason(799) == "Unknown")
        for status in 100..<600 {
            guard let line = HTTPStatus.line(status) else { continue }
            #expect(line.description == "HTTP/1.1 \(status) \(HTTPStatus.reason(status))\r\n")
        }
    }

    @Test func `a date is written as HTTP wants it, and again only when the second changes`() {
        var date = HTTPDate()
        func text() -> String { date.withBytes { String(decoding: $0, as: UTF8.self) } }
        date.update(to: UnixTime(nanoseconds: 1_795_500_808_999_000_000))
        #expect(text() == "Tue, 24 Nov 2026 06:13:28 GMT")
        date.update(to: UnixTime(seconds: 784_111_777))
        #expect(text() == "Sun, 06 Nov 1994 08:49:37 GMT")
        #expect(HTTPDate.format(UnixTime(seconds: -1)) == "Wed, 31 Dec 1969 23:59:59 GMT")
    }

    @Test func `a fault says nothing of the request and is equal to one that says the same`() {
        let fault = HTTPFault(.malformed, "This is wrong.")
        #expect("\(fault)" == "This is wrong.")
        #expect(fault == HTTPFault(.malformed, "This is wrong."))
        #expect(fault != HTTPFault(.trailers, "This is wrong.") && fault != HTTPFault(.malformed, "That is wrong."))
    }
}
