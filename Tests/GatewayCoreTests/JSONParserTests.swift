// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@Suite struct JSONParserTests {
    @Test(
        arguments: [
            ("null", JSON.null), (" \t\r\n true \n", true), ("false", false), ("0", 0), ("-1", -1),
            ("9223372036854775807", .integer(.max)), ("-9223372036854775808", .integer(.min)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)), ("1.0", .double(1)), ("1e3", .double(1000)),
            ("1E+2", .double(100)), ("-1.5e-1", .double(-0.15)), ("-0.0", .double(-0.0)), ("0e0", .double(0)),
            ("1e-400", .double(0)),
            ("123456789012345678901234567890", .double(0x1.8ee90ff6c373ep+96)),
            ("\"\"", ""), (#""a\"\\\/\b\f\n\r\tz""#, "a\"\\/\u{8}\u{c}\n\r\tz"), (#""\u0041\u00e9\u20AC""#, "Aé€"),
            (#""\ud83d\ude00""#, "😀"), (#""\u0000""#, "\0"), (#""\uffff""#, "\u{ffff}"),
            ("\"\u{7f}\u{2028}\"", "\u{7f}\u{2028}"),
            ("\"é😀\"", "é😀"), ("[]", []), ("[ ]", []), ("[1 , 2]", [1, 2]), ("[[[]]]", [[[]]]), ("{}", [:]),
            (#"{"a":1,"b":[null]}"#, ["a": 1, "b": [nil]]), (#"{ "" : "" }"#, ["": ""]),
            (#"{"\u0061":1}"#, ["a": 1]), (#"{"a":{"a":{"a":1}}}"#, ["a": ["a": ["a": 1]]]),
        ] as [(String, JSON)]
    )
    func `Valid texts are read`(text: String, value: JSON) throws {
        #expect(try JSON.parse(text) == value)
    }

    @Test(arguments: [
        ("", 0), ("  ", 2), ("nul", 0), ("nulll", 4), ("True", 0), ("NaN", 0), ("Infinity", 0), ("-Infinity", 1),
        ("undefined", 0), ("'a'", 0), ("+1", 0), (".5", 0), ("1.", 2), ("1.e1", 2), ("01", 1), ("-01", 2), ("-", 1),
        ("--1", 1), ("0x10", 1), ("1e", 2), ("1e+", 3), ("1_000", 1), ("1e999", 0), ("-1e999", 0), ("1 2", 2),
        ("１", 0), ("\"", 0), ("\"a", 0), ("\"\\", 1), (#""\x41""#, 1), (#""\u12""#, 1), (#""\u12g4""#, 1),
        (#""\u-123""#, 1), (#""\ud800""#, 1), (#""\ud800\n""#, 1), (#""\ud800\ud800""#, 1), (#""\udc00""#, 1),
        (#""\U0041""#, 1), ("\"a\nb\"", 2), ("\"\0\"", 1), ("\"\u{1f}\"", 1), ("[", 1), ("]", 0), ("[1", 2), ("[1,", 3),
        ("[1,]", 3), ("[,1]", 1), ("[1 2]", 3), ("[1}", 2), ("[1]]", 3), ("{", 1), ("{a:1}", 1), ("{1:1}", 1),
        (#"{"a"}"#, 4), (#"{"a":}"#, 5), (#"{"a":1,}"#, 7), (#"{"a":1"#, 6), (#"{"a":1 "b":2}"#, 7), (#"{"a":1]"#, 6),
        (#"{"a":1}}"#, 7), (#"{"a":1,"a":1}"#, 7), (#"{"a":1,"\u0061":1}"#, 7), ("[1]//", 3), ("/**/1", 0),
        ("\u{feff}1", 0), ("\u{a0}1", 0), ("1\u{c}", 1), ("\u{b}1", 0), ("1\0", 1),
    ])
    func `Everything else is refused, and the fault's place is told`(text: String, offset: Int) {
        let error = #expect(throws: JSONError.self) { try JSON.parse(text) }
        #expect(error?.offset == offset, "\(String(describing: error))")
    }

    @Test(
        arguments: [
            [0x22, 0xff, 0x22], [0x22, 0xc0, 0x80, 0x22], [0x22, 0xc3, 0x22], [0x22, 0xed, 0xa0, 0x80, 0x22],
            [0x22, 0xf4, 0x90, 0x80, 0x80, 0x22], [0x22, 0xe2, 0x82], [0xff], [0xef, 0xbb, 0xbf, 0x31], [0x31, 0x00],
            [0xff, 0xfe, 0x31, 0x00],
        ] as [[UInt8]]
    )
    func `Bytes that are not UTF-8 are refused`(bytes: [UInt8]) {
        #expect(throws: JSONError.self) { try JSON.parse(bytes) }
    }

    @Test func `A name that another only resembles is no duplicate`() throws {
        // One é is one scalar, the other two; Swift's Strings compare equal, RFC 8259's names do not.
        let value = try JSON.parse(#"{"\u00e9":1,"e\u0301":2,"K":3,"\u212a":4}"#)
        #expect(value.members?.count == 4)
        #expect(value["K"] == 3)
        #expect(value["\u{e9}"] == 1)
        #expect(value["e\u{301}"] == 2)
    }

    @Test func `A letter is not found under the name of its double`() throws {
        #expect(try JSON.parse(#"{"\u212a":1}"#)["K"] == nil)
    }

    @Test func `Nesting is allowed to the depth and not below`() throws {
        func nested(_ count: Int) -> String {
            String(repeating: "[", count: count) + String(repeating: "]", count: count)
        }
        #expect(throws: Never.self) { try JSON.parse(nested(32)) }
        let error = #expect(throws: JSONError.self) { try JSON.parse(nested(33)) }
        #expect(error?.offset == 32)
        #expect(throws: JSONError.self) { try JSON.parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: JSONError.self) { try JSON.parse(String(repeating: #"{"a":"#, count: 1_000_000)) }
        #expect(try JSON.parse("1", depth: 0) == 1)
        #expect(throws: JSONError.self) { try JSON.parse("[]", depth: 0) }
    }

    @Test func `Members keep their order and are found by name`() throws {
        let value = try JSON.parse(#"{"z":1,"a":"x","m":[true]}"#)
        #expect(value.members?.map(\.name) == ["z", "a", "m"])
        #expect(value["a"]?.string == "x" && value["z"]?.integer == 1 && value["m"]?.array == [true])
        #expect(value["none"] == nil && JSON.integer(1)["a"] == nil)
        #expect(value["z"]?.number == 1 && JSON.double(0.5).number == 0.5 && JSON.string("1").number == nil)
    }

    @Test func `An error says what and where`() {
        let error = #expect(throws: JSONError.self) { try JSON.parse(#"{"a":1,}"#) }
        #expect(error?.description == "expected a member name in quotes at offset 7")
    }

    @Test func `Damaged texts are refused or mean what Foundation says they mean`() throws {
        var generator = SeededGenerator(seed: 7)
        let seed = Array(#"{"a":[1,-2.5e3,"xé\u00e9\n",true,null],"b":{"c":""},"d":0}"#.utf8)
        var accepted = 0
        for _ in 0..<20_000 {
            var bytes = seed
            for _ in 0..<Int.random(in: 1...3, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<3, using: &generator) {
                case 0: bytes.remove(at: position)
                case 1:
                    bytes.insert(#"{}[]",:0123eE+-.\utrfalsn x"#.utf8.randomElement(using: &generator)!, at: position)
                default: bytes[position] = UInt8.random(in: 0...255, using: &generator)
                }
            }
            guard let value = try? JSON.parse(bytes) else { continue }
            accepted += 1
            // Foundation is laxer; whatever is accepted here it must accept too, and our own writing must read back.
            #expect(throws: Never.self) {
                try JSONSerialization.jsonObject(with: Data(bytes), options: .fragmentsAllowed)
            }
            #expect(try JSON.parse(value.serialized()) == value)
        }
        #expect(accepted > 500)
    }
}
