// SPDX-License-Identifier: Apache-2.0

import CTransport
import Testing

@testable import Transport

@Suite struct SocketAddressTests {
    @Test(arguments: [
        ("192.0.2.1", "192.0.2.1:443"), ("2001:db8::1", "[2001:db8::1]:443"), ("::", "[::]:443"),
    ])
    func `an address reads and prints`(host: String, text: String) throws {
        let address = try #require(SocketAddress(host, port: 443))
        #expect(address.host == host)
        #expect(address.description == text)
        #expect(SocketAddress(address.native) == address)
    }

    @Test(arguments: ["", "localhost", "1.2.3", "1.2.3.4.5", "::g", "[::1]"])
    func `what is no address is none`(text: String) {
        #expect(SocketAddress(text, port: 1) == nil)
    }

    @Test func `a source is one IPv4 address or one IPv6 network of 64 bits`() throws {
        func source(_ host: String) throws -> UInt64 { try #require(SocketAddress(host, port: 1)).source }
        #expect(try source("192.0.2.1") != source("192.0.2.2"))
        #expect(try source("2001:db8::1") == source("2001:db8::ffff:1"))
        #expect(try source("2001:db8::1") != source("2001:db8:0:1::1"))
    }
}
