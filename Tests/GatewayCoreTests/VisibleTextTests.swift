// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import GatewayCore

@Suite struct VisibleTextTests {
    @Test func `what could move a cursor is replaced, all else stays`() {
        #expect("Müller & Söhne, 東京 🙂".visible == "Müller & Söhne, 東京 🙂")
        for hidden in [
            "\u{1b}[2J", "\r\n", "\u{7f}", "\u{9b}1m", "\u{202e}", "\u{2066}", "\u{2028}", "\u{2029}", "\u{feff}",
        ] {
            #expect("a\(hidden)b".visible.unicodeScalars.contains("\u{fffd}"))
            #expect(!"a\(hidden)b".visible.unicodeScalars.contains(hidden.unicodeScalars.first!))
        }
    }

    @Test func `JSON with such characters escaped is the same document`() throws {
        let text = "a\u{1b}\u{202e}\u{e0001}\u{2028}\"\\é"
        let json = JSON.object([JSON.Member("a\u{200b}", .string(text))]).serialized()
        #expect(json.visibleJSON.visible == json.visibleJSON)
        #expect(try JSON.parse(json.visibleJSON) == JSON.parse(json))
    }
}
