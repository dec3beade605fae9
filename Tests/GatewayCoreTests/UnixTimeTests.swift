// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@Suite struct UnixTimeTests {
    private static let utc: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = TimeZone(secondsFromGMT: 0)!
        return calendar
    }()

    @Test(arguments: [
        ("1970-01-01T00:00:00.000000Z", 0), ("2026-11-24T06:13:28.000001Z", 1_795_500_808_000_001_000),
        ("1969-12-31T23:59:59.999999Z", -1000), ("2000-02-29T12:00:00.500000Z", 951_825_600_500_000_000),
        ("2038-01-19T03:14:08.000000Z", 2_147_483_648_000_000_000),
        ("1900-03-01T00:00:00.000000Z", -2_203_891_200_000_000_000),
    ])
    func `Known moments are written and read`(text: String, nanoseconds: Int64) {
        #expect(UnixTime(nanoseconds: nanoseconds).description == text)
        #expect(UnixTime(text)?.nanoseconds == nanoseconds)
    }

    @Test func `Moments in sixteen hundred years are written as Foundation's calendar has them`() {
        var generator = SeededGenerator(seed: 1)
        for _ in 0..<3000 {
            let seconds = Int64.random(in: -9_223_372_036...9_223_372_036, using: &generator)
            let micros = Int64.random(in: 0..<1_000_000, using: &generator)
            let date = Date(timeIntervalSince1970: Double(seconds))
            let parts = Self.utc.dateComponents([.year, .month, .day, .hour, .minute, .second], from: date)
            // Foundation's calendar changes to the Julian one in 1582, before the first moment here.
            let expected = String(
                format: "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ",
                parts.year!,
                parts.month!,
                parts.day!,
                parts.hour!,
                parts.minute!,
                parts.second!,
                micros
            )
            let (time, overflow) = (seconds * 1_000_000_000).addingReportingOverflow(micros * 1000)
            guard !overflow else { continue }
            #expect(UnixTime(nanoseconds: time).description == expected)
            #expect(UnixTime(expected)?.nanoseconds == time)
        }
    }

    @Test func `A moment reads back to the microsecond it was written in`() {
        var generator = SeededGenerator(seed: 2)
        for _ in 0..<3000 {
            let time = UnixTime(nanoseconds: Int64(bitPattern: generator.next()) / 2)
            let read = UnixTime(time.description)
            let remainder = (time.nanoseconds % 1000 + 1000) % 1000
            #expect(read?.nanoseconds == time.nanoseconds - remainder)
        }
    }

    @Test(arguments: [
        ("2026-11-24", 1_795_478_400_000_000_000), ("2026-11-24T06:13:28Z", 1_795_500_808_000_000_000),
        ("2026-11-24t06:13:28z", 1_795_500_808_000_000_000), ("2026-11-24T08:13:28+02:00", 1_795_500_808_000_000_000),
        ("2026-11-24T00:43:28-05:30", 1_795_500_808_000_000_000),
        ("2026-11-24T06:13:28.5Z", 1_795_500_808_500_000_000),
        ("2026-11-24T06:13:28.123456789Z", 1_795_500_808_123_456_789),
        ("2026-11-24T06:13:28.1234567899999Z", 1_795_500_808_123_456_789),
        ("2026-11-24T06:13:28-00:00", 1_795_500_808_000_000_000),
    ])
    func `Other spellings of RFC 3339 are read`(text: String, nanoseconds: Int64) {
        #expect(UnixTime(text)?.nanoseconds == nanoseconds)
    }

    @Test(arguments: [
        "", "2026", "2026-11", "2026-11-24T", "2026-11-24 06:13:28Z", "2026-11-24T06:13Z", "2026-11-24T06:13:28",
        "2026-11-24T06:13:28.Z", "2026-11-24T06:13:28,5Z", "2026-11-24T24:00:00Z", "2026-11-24T06:60:00Z",
        "2026-11-24T06:13:60Z", "2026-13-01", "2026-00-01", "2026-11-00", "2026-11-31", "2026-02-29", "2100-02-29",
        "2026-11-24T06:13:28ZZ", "2026-11-24T06:13:28+2:00", "2026-11-24T06:13:28+0200", "2026-11-24T06:13:28+24:00",
        "2026-11-24T06:13:28+02:60", "2026-11-24T06:13:28+02:00Z", " 2026-11-24", "2026-11-24 ", "20261124",
        "+026-11-24", "２０26-11-24", "2026-11-24T06:13:28.5", "2026-11-24T06:13:28.5+",
    ])
    func `What is not RFC 3339 is refused`(text: String) {
        #expect(UnixTime(text) == nil)
    }

    @Test(arguments: [
        "9999-12-31T23:59:59Z", "9999-12-31", "0000-01-01", "0001-01-01T00:00:00Z", "1677-09-21", "2262-04-12",
    ])
    func `A moment that 64 bits of nanoseconds cannot hold is refused`(text: String) {
        #expect(UnixTime(text) == nil)
    }

    @Test func `The first and the last moment are written`() {
        #expect(UnixTime(nanoseconds: .max).description == "2262-04-11T23:47:16.854775Z")
        #expect(UnixTime(nanoseconds: .min).description == "1677-09-21T00:12:43.145224Z")
        #expect(UnixTime("2262-04-11T23:47:16.854775807Z")?.nanoseconds == .max)
    }

    @Test func `Seconds are rounded down, before the epoch too`() {
        for (nanoseconds, seconds) in [(0, 0), (999_999_999, 0), (1_000_000_000, 1), (-1, -1), (-1_000_000_000, -1)] {
            #expect(UnixTime(nanoseconds: Int64(nanoseconds)).seconds == seconds)
        }
        #expect(UnixTime(nanoseconds: .min).seconds == -9_223_372_037)
    }

    @Test func `Seconds past what nanoseconds can hold stand for the last moment`() {
        #expect(UnixTime(seconds: .max).nanoseconds == .max)
        #expect(UnixTime(seconds: .min).nanoseconds == .min)
        #expect(UnixTime(seconds: 9_223_372_036).nanoseconds == 9_223_372_036_000_000_000)
        #expect((UnixTime(seconds: 1) + .max).nanoseconds == .max)
        #expect((UnixTime(seconds: -1) + .min).nanoseconds == .min)
        #expect((UnixTime(seconds: 1) + 2).nanoseconds == 3_000_000_000)
    }

    @Test func `Arbitrary text is refused or read back, never fatal`() {
        var generator = SeededGenerator(seed: 3)
        let valid = Array("2026-11-24T06:13:28.5+02:00".utf8)
        for _ in 0..<20_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let position = Int.random(in: 0..<bytes.count, using: &generator)
                bytes[position] = "0123456789-+:.TZ".utf8.randomElement(using: &generator)!
            }
            if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0...bytes.count, using: &generator)) }
            if let time = UnixTime(String(decoding: bytes, as: UTF8.self)) {
                #expect(UnixTime(time.description) != nil)
            }
        }
    }

    @Test func `A clock that stands still moves only by hand`() {
        let clock = ManualClock(UnixTime(seconds: 100))
        let source = TimeSource.manual(clock)
        #expect(source.now() == source.now())
        clock.advance(seconds: 1.5)
        #expect(source.now() == UnixTime(nanoseconds: 101_500_000_000))
        #expect(source.monotonic() == 101_500_000_000)
    }

    @Test func `The system's clock agrees with Foundation's`() {
        let before = Date().timeIntervalSince1970
        let now = Double(TimeSource.system.now().nanoseconds) / 1e9
        let after = Date().timeIntervalSince1970
        #expect(before - 0.001 <= now && now <= after + 0.001)
        let start = TimeSource.system.monotonic()
        #expect(TimeSource.system.monotonic() >= start)
    }
}
