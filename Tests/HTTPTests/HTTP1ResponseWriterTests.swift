// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Testing

@Suite struct HTTP1ResponseWriterTests {
    /// An output that shows its bytes.
    private struct Sink: HTTPOutput, ~Copyable {
        var bytes: [UInt8] = []
        var text: String { String(decoding: bytes, as: UTF8.self) }

        mutating func append(_ more: UnsafeRawBufferPointer) { bytes += more }

        mutating func appendUninitialised(minimum: Int, _ body: (UnsafeMutableRawBufferPointer) -> Int) {
            bytes += [UInt8](unsafeUninitializedCapacity: minimum) { buffer, count in
                count = body(UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }

    @Test func `a head is a status line, its fields and an empty line`() {
        var writer = HTTP1ResponseWriter()
        var sink = Sink()
        var date = HTTPDate()
        date.update(to: UnixTime(seconds: 784_111_777))
        writer.begin(200)
        writer.line("Content-Type: application/json\r\nX-Fixed: a\r\n")
        writer.field(date: date)
        writer.field("Content-Length", decimal: 120)
        writer.field("X-Text", text: "grün")
        writer.field("Vary", "Accept")
        writer.beginField("RateLimit")
        writer.append("\"a\";r=")
        writer.append(decimal: 7)
        writer.endField()
        writer.finish(into: &sink)
        #expect(
            sink.text == """
                HTTP/1.1 200 OK\r
                Content-Type: application/json\r
                X-Fixed: a\r
                Date: Sun, 06 Nov 1994 08:49:37 GMT\r
                Content-Length: 120\r
                X-Text: grün\r
                Vary: Accept\r
                RateLimit: "a";r=7\r
                \r\n
                """
        )
        #expect(writer.count == 0)
    }

    @Test func `a value cannot split the response`() {
        var writer = HTTP1ResponseWriter()
        var sink = Sink()
        let hostile = "a\r\nSet-Cookie: x\r\n\r\n\0\u{7f}b\tc" + String(repeating: "d", count: 40) + "\n"
        writer.begin(404)
        writer.field("Location", text: hostile)
        hostile.utf8.withContiguousStorageIfAvailable { writer.field("X-Bytes", bytes: UnsafeRawBufferPointer($0)) }
        writer.finish(into: &sink)
        let value = "aSet-Cookie: xb\tc" + String(repeating: "d", count: 40)
        #expect(sink.text == "HTTP/1.1 404 Not Found\r\nLocation: \(value)\r\nX-Bytes: \(value)\r\n\r\n")
    }

    @Test func `a head may be longer than the writer's memory, and the next begins anew`() {
        var writer = HTTP1ResponseWriter(capacity: 64)
        let long = String(repeating: "long ", count: 1000) + "."
        for _ in 0..<2 {
            var sink = Sink()
            writer.begin(799)
            writer.field("X-Long", text: long)
            writer.finish(into: &sink)
            #expect(sink.text == "HTTP/1.1 799 Unknown\r\nX-Long: \(long)\r\n\r\n")
        }
    }

    @Test(arguments: [0, 9, 10, 99, 100, 12_345, UInt64(UInt32.max), 9_999_999_999_999_999_999, 1 << 63, .max])
    func `a number is written in decimal`(number: UInt64) {
        var writer = HTTP1ResponseWriter()
        var sink = Sink()
        writer.begin(200)
        writer.field("N", decimal: number)
        writer.finish(into: &sink)
        #expect(sink.text == "HTTP/1.1 200 OK\r\nN: \(number)\r\n\r\n")
    }

    @Test func `what is written in chunks is read as the same body`() {
        var sink = Sink()
        let parts = [1, 0, 15, 16, 255, 256, 4096, 70_000].map { count in
            (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        }
        for part in parts { part.withUnsafeBytes { HTTP1ChunkedBody.append($0, to: &sink) } }
        HTTP1ChunkedBody.finish(&sink)
        let head = Array("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        let reading = Reading(head + sink.bytes)
        #expect(reading.body == parts.flatMap { $0 })
        #expect(reading.marks.last?.kind == .end && reading.fault == nil)
    }

    @Test func `leave to send the body is one line and an empty one`() {
        var sink = Sink()
        HTTP1Interim.appendContinue(to: &sink)
        #expect(sink.text == "HTTP/1.1 100 Continue\r\n\r\n")
    }
}
