// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

@Suite struct RequestIDTests {
    private let start = UnixTime(seconds: 1_795_500_808)

    @Test func `An id is a UUID of version 7 that holds the time`() throws {
        var generator = RequestIDGenerator(seed: 1)
        for i in 0..<1000 {
            let time = UnixTime(nanoseconds: start.nanoseconds + Int64(i) * 1_234_567)
            let text = generator.next(at: time).description
            let uuid = try #require(UUID(uuidString: text))
            #expect(text == uuid.uuidString.lowercased())
            #expect(uuid.uuid.6 >> 4 == 7)
            #expect(uuid.uuid.8 >> 6 == 0b10)
            let milliseconds = Int64(text.prefix(13).replacingOccurrences(of: "-", with: ""), radix: 16)
            #expect(milliseconds == time.nanoseconds / 1_000_000)
        }
    }

    @Test func `Later milliseconds sort later`() {
        var generator = RequestIDGenerator(seed: 2)
        var last = ""
        for i in 0..<5000 {
            let text = generator.next(at: UnixTime(nanoseconds: start.nanoseconds + Int64(i) * 1_000_000)).description
            #expect(last < text)
            last = text
        }
    }

    @Test func `Ids of one moment differ, within a generator and between two`() {
        var a = RequestIDGenerator(seed: 3)
        var b = RequestIDGenerator(seed: 4)
        var ids: Set<RequestID> = []
        for _ in 0..<20_000 {
            ids.insert(a.next(at: start))
            ids.insert(b.next(at: start))
        }
        #expect(ids.count == 40_000)
    }
}
