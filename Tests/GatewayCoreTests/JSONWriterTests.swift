// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@Suite struct JSONWriterTests {
    private func written(_ body: (inout JSONWriter) -> Void) -> String {
        var writer = JSONWriter()
        body(&writer)
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    @Test func `Commas stand between members and elements and nowhere else`() {
        let text = written { writer in
            writer.beginObject()
            writer.name("a")
            writer.beginArray()
            writer.integer(1)
            writer.beginObject()
            writer.endObject()
            writer.beginArray()
            writer.endArray()
            writer.string("x")
            writer.endArray()
            writer.name("b" as String)
            writer.null()
            writer.name("c")
            writer.bool(false)
            writer.name("d")
            writer.raw("[1,2]".utf8)
            writer.name("e")
            writer.time(UnixTime(seconds: 0))
            writer.name("f")
            writer.value(["g": [true, 0.5]])
            writer.endObject()
        }
        #expect(
            text == #"{"a":[1,{},[],"x"],"b":null,"c":false,"d":[1,2],"e":"1970-01-01T00:00:00.000000Z","#
                + #""f":{"g":[true,0.5]}}"#
        )
    }

    @Test func `Quotes, backslashes, controls and line separators are escaped, all else stays`() {
        #expect(
            written { $0.string("a\"\\/\u{8}\n\r\t\0\u{1f}\u{7f}\u{2027}\u{2028}\u{2029}\u{202a}é😀") }
                == "\"a\\\"\\\\/\\u0008\\n\\r\\t\\u0000\\u001f\\u007f\u{2027}\\u2028\\u2029\u{202a}é😀\""
        )
        #expect(written { $0.string("\u{2028}\u{2028}x\n\n") } == #""\u2028\u2028x\n\n""#)
    }

    @Test func `A name made at run time is escaped like a string`() {
        let name = "a\"\n"
        #expect(
            written { writer in
                writer.beginObject()
                writer.name(name)
                writer.integer(0)
                writer.endObject()
            } == #"{"a\"\n":0}"#
        )
    }

    @Test func `Whole numbers are written to their limits`() {
        #expect(written { $0.integer(Int64.min) } == "-9223372036854775808")
        #expect(written { $0.integer(UInt64.max) } == "18446744073709551615")
        #expect(written { $0.integer(Int8.min) } == "-128")
        #expect(written { $0.integer(0) } == "0")
    }

    @Test func `Numbers read back the same, and what is not finite is null`() throws {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<5000 {
            let value = Double(bitPattern: generator.next())
            let text = written { $0.double(value) }
            guard value.isFinite else {
                #expect(text == "null")
                continue
            }
            #expect(try JSON.parse(text) == .double(value))
        }
        for value in [0.1, 1e16, 1e15, .leastNonzeroMagnitude, -0.0, .greatestFiniteMagnitude, 1] {
            let read = try JSON.parse(written { $0.double(value) })
            #expect(read.number?.bitPattern == value.bitPattern)
        }
    }

    @Test func `Random strings read back byte for byte, here and in Foundation, on one line`() throws {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<5000 {
            let text = generator.text()
            let json = written { writer in
                writer.beginArray()
                writer.string(text)
                writer.endArray()
            }
            #expect(
                json.unicodeScalars.allSatisfy {
                    $0.value >= 0x20 && $0 != "\u{7f}" && $0 != "\u{2028}" && $0 != "\u{2029}"
                }
            )
            let read = try #require(JSON.parse(json).array?.first?.string)
            #expect(read.utf8.elementsEqual(text.utf8))
            let foundation = try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String]
            #expect(foundation?.first?.unicodeScalars.elementsEqual(text.unicodeScalars) == true)
        }
    }

    @Test func `Random documents read back as they were written`() throws {
        var generator = SeededGenerator(seed: 3)
        func document(_ depth: Int) -> JSON {
            switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &generator) {
            case 0: return .null
            case 1: return .bool(Bool.random(using: &generator))
            case 2: return .integer(Int64(bitPattern: generator.next()))
            case 3: return .double(Double(Int32(truncatingIfNeeded: generator.next())) / 64)
            case 4, 5: return .string(generator.text())
            case 6: return .array((0..<Int.random(in: 0...4, using: &generator)).map { _ in document(depth - 1) })
            default:
                let count = Int.random(in: 0...4, using: &generator)
                return .object((0..<count).map { JSON.Member("\($0)" + generator.text(), document(depth - 1)) })
            }
        }
        for _ in 0..<1000 {
            let value = document(4)
            #expect(try JSON.parse(value.serialized()) == value)
        }
    }

    @Test func `A writer that was reset begins anew`() {
        var writer = JSONWriter()
        writer.beginArray()
        writer.integer(1)
        writer.reset()
        writer.string("x")
        #expect(writer.bytes == Array(#""x""#.utf8))
    }
}
