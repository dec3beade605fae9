// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@Suite struct IPNetworkTests {
    @Test(arguments: [
        ("192.0.2.0/24", "192.0.2.0", true), ("192.0.2.0/24", "192.0.2.255", true),
        ("192.0.2.0/24", "192.0.3.0", false), ("192.0.2.7", "192.0.2.7", true), ("192.0.2.7", "192.0.2.6", false),
        ("0.0.0.0/0", "255.255.255.255", true), ("0.0.0.0/0", "::1", false), ("::/0", "2001:db8::1", true),
        ("::/0", "192.0.2.1", false), ("::/0", "::ffff:192.0.2.1", false), ("192.0.2.0/24", "::ffff:192.0.2.9", true),
        ("2001:db8::/32", "2001:db8:ffff::", true), ("2001:db8::/32", "2001:db9::", false),
        ("2001:db8::8000:0:0:0/65", "2001:db8::8000:0:0:1", true),
        ("2001:db8::8000:0:0:0/65", "2001:db8::7fff:0:0:1", false), ("::1", "::1", true), ("::1/128", "::2", false),
    ])
    func `a block holds its own addresses and no others`(block: String, address: String, isInside: Bool) throws {
        let network = try #require(IPNetwork(block))
        #expect(try network.contains(#require(IPAddress(address))) == isInside)
    }

    @Test(arguments: [
        "", "/", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/+8", "192.0.2.0/08", "192.0.2.1/24",
        "192.0.2/24", "192.0.02.0/24", "2001:db8::1/32", "2001:db8::/129", "fe80::1%eth0", "localhost", "1.2.3.4/8/8",
        " 192.0.2.0/24", "192.0.2.0 /24", "192.0.2.0\0/24", "::ffff:192.0.2.1/120",
    ])
    func `what is no block is refused`(text: String) {
        #expect(IPNetwork(text) == nil)
    }

    @Test func `every block reads back as it was written, and agrees with its bits`() throws {
        var generator = SeededGenerator(seed: 7)
        for _ in 0..<2000 {
            let bits = UInt32.random(in: 0...(.max), using: &generator)
            let length = Int.random(in: 0...32, using: &generator)
            let mask: UInt32 = length == 0 ? 0 : ~0 << (32 - length)
            let other =
                Bool.random(using: &generator) ? bits ^ (1 << UInt32.random(in: 0..<32, using: &generator)) : bits
            let network = try #require(IPNetwork("\(dotted(bits & mask))/\(length)"))
            #expect(IPNetwork(network.description) == network)
            #expect(try network.contains(#require(IPAddress(dotted(other)))) == (other & mask == bits & mask))
        }
    }

    @Test func `no text brings the reader down`() {
        var generator = SeededGenerator(seed: 11)
        let alphabet = Array("0123456789abcdef:./% x")
        for _ in 0..<20_000 {
            let text = String(
                (0..<Int.random(in: 0..<24, using: &generator)).map { _ in alphabet.randomElement(using: &generator)! }
            )
            if let network = IPNetwork(text) { #expect(IPNetwork(network.description) == network) }
        }
    }

    private func dotted(_ bits: UInt32) -> String {
        [24, 16, 8, 0].map { String(bits >> $0 & 0xff) }.joined(separator: ".")
    }
}
