// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Testing

@testable import HTTP

@Suite("The fields of an HTTP/2 answer")
struct HTTP2FieldsTests {
    private func sent(_ write: (inout HTTP2Fields) -> Void) -> [String: String] {
        let owner = HTTP2Owner()
        let client = HTTP2Client()
        owner.onEnd = { owner, stream in
            let none = UnsafeRawBufferPointer(start: nil, count: 0)
            owner.session.respond(stream, status: 429, fields: owner.fields, body: none)
        }
        write(&owner.fields)
        var fields: [String: String] = [:]
        // Twice: the second time from the compression's memory.
        for _ in 0..<2 {
            let id = client.request(HTTP2Client.head("GET"))
            owner.talk(with: client)
            fields = client.responses[id]?.fields ?? [:]
        }
        return fields
    }

    @Test("arrive as they were written, their names in lower case")
    func kinds() {
        var date = HTTPDate()
        date.update(to: UnixTime(nanoseconds: 784_111_777_000_000_000))
        let fields = sent { fields in
            fields.field("Content-Type", "text/plain")
            fields.field("x-request-id", text: "ü7")
            fields.field("x-number", decimal: .max)
            fields.field(date: date)
            fields.beginField("RateLimit")
            fields.append("\"default\";r=")
            fields.append(decimal: 0)
            fields.endField()
        }
        #expect(
            fields == [
                ":status": "429", "content-length": "0", "content-type": "text/plain", "x-request-id": "ü7",
                "x-number": "18446744073709551615", "date": "Sun, 06 Nov 1994 08:49:37 GMT",
                "ratelimit": "\"default\";r=0",
            ]
        )
    }

    @Test("lose control characters that came from outside")
    func control() {
        #expect(sent { $0.field("x", text: "a\r\nb: c\0") }["x"] == "ab: c")
    }

    @Test("may be many, and long")
    func many() {
        let long = String(repeating: "v", count: 300)
        let fields = sent { fields in
            for _ in 0..<60 { fields.field("x-many", text: long, varies: false) }
            fields.field("x-last", "1")
        }
        #expect(fields["x-many"] == long)
        #expect(fields["x-last"] == "1")
    }

    @Test("begin anew without those of the answer before")
    func again() {
        let fields = sent { fields in
            fields.field("x-old", "1")
            fields.begin()
            fields.field("x-new", "1")
        }
        #expect(fields["x-old"] == nil)
        #expect(fields["x-new"] == "1")
    }
}
