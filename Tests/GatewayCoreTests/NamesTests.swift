// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@Suite struct NamesTests {
    private static let longest = String(repeating: "a", count: 63)

    @Test(arguments: ["a", "0", "acme", "acme-2", "a--b", longest])
    func `Labels of RFC 1123 name tenants and plans`(text: String) {
        #expect(TenantID(text)?.description == text)
        #expect(PlanName(text)?.description == text)
        #expect(ModelName(text)?.description == text)
    }

    @Test(arguments: [
        "", "-", "-a", "a-", "Acme", "a b", "a_b", "a.b", "a/b", "a\0", "a\n", "é", "e\u{301}", "ａ", "\u{212a}",
        "a%2fb",
        longest + "a", "..",
    ])
    func `Anything else names neither tenant nor plan`(text: String) {
        #expect(TenantID(text) == nil)
        #expect(PlanName(text) == nil)
    }

    @Test(arguments: ["digits", "resnet50", "a.b", "a_b", "v1.2-rc_3", longest])
    func `Models may have dots and underscores inside`(text: String) {
        #expect(ModelName(text)?.description == text)
    }

    @Test(arguments: [
        "", ".", "..", "...", ".a", "a.", "_a", "a_", "a/b", "a\\b", "A", "a b", "a\0b", "é", longest + "a",
    ])
    func `No model's name can leave its folder or break a label`(text: String) {
        #expect(ModelName(text) == nil)
    }

    @Test func `Every name of random bytes that is accepted is safe`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<20_000 {
            let text = generator.text(maxLength: 4).lowercased()
            guard let name = ModelName(text) else { continue }
            #expect(name.description.utf8.elementsEqual(text.utf8))
            #expect(text.utf8.allSatisfy { "abcdefghijklmnopqrstuvwxyz0123456789-_.".utf8.contains($0) })
            #expect(!text.hasPrefix(".") && !text.hasSuffix("."))
        }
    }

    @Test func `A slice of a request's target names as a string does`() {
        let target = "/v1/models/digits/versions/1"
        #expect(ModelName(target.split(separator: "/")[2]) == ModelName("digits"))
    }

    @Test func `The operators' tenant is called system`() {
        #expect(TenantID.system == TenantID("system"))
    }
}
