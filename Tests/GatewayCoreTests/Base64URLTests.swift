// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@Suite struct Base64URLTests {
    @Test(arguments: [
        ("", ""), ("f", "Zg"), ("fo", "Zm8"), ("foo", "Zm9v"), ("foob", "Zm9vYg"), ("fooba", "Zm9vYmE"),
        ("foobar", "Zm9vYmFy"),
    ])
    func `RFC 4648's vectors hold, without padding`(plain: String, encoded: String) {
        #expect(Base64URL.encode(plain.utf8) == encoded)
        #expect(Base64URL.decode(encoded.utf8) == Array(plain.utf8))
    }

    @Test func `Bytes are encoded as Foundation does, in the URL's alphabet`() {
        var generator = SeededGenerator(seed: 1)
        for count in 0..<200 {
            let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
            let expected = Data(bytes).base64EncodedString()
                .replacingOccurrences(of: "+", with: "-").replacingOccurrences(of: "/", with: "_")
                .replacingOccurrences(of: "=", with: "")
            #expect(Base64URL.encode(bytes) == expected)
            #expect(Base64URL.decode(expected.utf8) == bytes)
        }
    }

    @Test func `Each value has exactly one spelling`() {
        // All texts of up to three characters, over the alphabet and what is near it.
        let characters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\0\u{7f}".utf8)
        var seen: [[UInt8]: [UInt8]] = [:]
        func check(_ text: [UInt8]) {
            guard let value = Base64URL.decode(text) else { return }
            if let other = seen[value] { Issue.record("\(other) and \(text) spell the same") }
            seen[value] = text
        }
        for a in characters {
            for b in characters {
                check([a, b])
                for c in characters { check([a, b, c]) }
            }
        }
        // One byte and two bytes, each value once.
        #expect(seen.count == 256 + 65_536)
    }

    @Test(arguments: [
        "A", "AAAAA", "Zg==", "Zg=", "Zh", "Zm9", "Zm+v", "Zm/v", " Zm9v", "Zm9v\n", "Zm 9v", "Zm9v.", "Zmé",
    ])
    func `Spellings that are not canonical are refused`(text: String) {
        #expect(Base64URL.decode(text.utf8) == nil)
    }

    @Test func `Bytes above the alphabet are refused`() {
        for byte in UInt8(128)...255 { #expect(Base64URL.decode([65, 65, 65, byte]) == nil) }
    }
}
