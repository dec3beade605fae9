// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import Gateway

@Suite struct FormBodyTests {
    @Test func `a form is read with its escapes`() throws {
        let form = try #require(FormBody("a=1&b=x%20y+z&c=%C3%A9&d".utf8))
        #expect(form["a"] == "1")
        #expect(form["b"] == "x y z")
        #expect(form["c"] == "é")
        #expect(form["d"] == nil, "an empty value counts as absent")
    }

    @Test(arguments: ["a=1&a=2", "a=%", "a=%4", "a=%zz", "a=%ff", "%61=1&a=2"])
    func `a repeated name, a broken escape and invalid UTF-8 are refused`(_ text: String) {
        #expect(FormBody(text.utf8) == nil)
    }

    @Test func `the empty form has no fields`() throws {
        #expect(try #require(FormBody("".utf8)).names.isEmpty)
    }
}
