// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import Gateway

@Suite struct QueryParametersTests {
    private enum Colour: String, CaseIterable { case red, blue }

    @Test func `what is known, there once and has a value is read`() throws {
        let parameters = try QueryParameters(
            "name=a%20b&size=7&colour=blue",
            known: ["name", "size", "colour", "other"]
        )
        #expect(parameters["name"] == "a b")
        #expect(parameters["other"] == nil)
        #expect(try parameters.number("size", 1...10) == 7)
        #expect(try parameters.number("other", 1...10) == nil)
        #expect(try parameters.word("colour") == Colour.blue)
        #expect(try QueryParameters(nil, known: [])["name"] == nil)
        #expect(try QueryParameters("page_token=", known: ["page_token"])["page_token"] == nil, "the first page")
    }

    @Test(arguments: ["name=1&name=2", "other=1", "name=", "name", "name=%zz", "=1"])
    func `a query that is not so is refused`(_ query: String) {
        #expect { try QueryParameters(query, known: ["name"]) } throws: { ($0 as? Refusal)?.code == .fieldInvalid }
    }

    @Test(arguments: ["+7", "-1", "7.0", "0x7", "11", "0", "99999999999999999999", "٧"])
    func `a number is decimal digits within its bounds`(_ text: String) throws {
        let parameters = try QueryParameters("size=\(text.replacing("+", with: "%2B"))", known: ["size"])
        #expect { try parameters.number("size", 1...10) } throws: {
            ($0 as? Refusal)?.sentence == "'size' must be a whole number from 1 to 10."
        }
    }

    @Test func `another word is refused with the words that there are`() throws {
        let parameters = try QueryParameters("colour=green", known: ["colour"])
        #expect { try parameters.word("colour") as Colour? } throws: {
            ($0 as? Refusal)?.sentence == "'colour' must be one of red, blue."
        }
    }
}
