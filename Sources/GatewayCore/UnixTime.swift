// SPDX-License-Identifier: Apache-2.0

/// A moment as nanoseconds since 1970-01-01T00:00:00Z, leap seconds not counted (POSIX time).
public struct UnixTime: Comparable, Hashable, Sendable {
    /// Negative before 1970; reaches from the year 1677 to 2262.
    public var nanoseconds: Int64

    /// Any count is a moment.
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// Whole seconds since the epoch, often out of a token or a request; past what 64 bits of nanoseconds hold (the
    /// years 1677 to 2262) the first or last moment stands for them.
    public init(seconds: Int64) {
        self = UnixTime(nanoseconds: 0) + seconds
    }

    /// Whole seconds since the epoch, rounded down.
    public var seconds: Int64 {
        nanoseconds / 1_000_000_000 - (nanoseconds % 1_000_000_000 < 0 ? 1 : 0)
    }

    /// The earlier is the lesser.
    public static func < (a: UnixTime, b: UnixTime) -> Bool { a.nanoseconds < b.nanoseconds }

    /// The moment so many seconds later; the first or last one there is when it would lie beyond.
    public static func + (time: UnixTime, seconds: Int64) -> UnixTime {
        let (offset, tooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, outOfRange) = time.nanoseconds.addingReportingOverflow(offset)
        // A sum overflows only when both have the sign of `seconds`.
        return UnixTime(nanoseconds: tooFar || outOfRange ? (seconds < 0 ? .min : .max) : sum)
    }
}

extension UnixTime: CustomStringConvertible {
    /// RFC 3339 in UTC with microseconds: `2026-11-24T06:13:28.000001Z`.
    public var description: String {
        String(unsafeUninitializedCapacity: Self.textSize) { buffer in
            write(to: buffer)
            return Self.textSize
        }
    }

    /// Bytes of ``description``.
    public static let textSize = 27

    /// Writes the ``textSize`` bytes of ``description``.
    public func write(to out: UnsafeMutableBufferPointer<UInt8>) {
        precondition(out.count >= Self.textSize, "a time has \(Self.textSize) bytes")
        guard let base = out.baseAddress else { return }
        let seconds = self.seconds
        let days = seconds >= 0 ? seconds / 86_400 : (seconds - 86_399) / 86_400
        let (year, month, day) = Self.civil(days: Int32(truncatingIfNeeded: days))
        // From here on all fits 32 bits, whose divisions take half the time.
        let ofDay = UInt32(truncatingIfNeeded: seconds &- days &* 86_400)
        let micros = UInt32(truncatingIfNeeded: (nanoseconds &- seconds &* 1_000_000_000) / 1000)
        @inline(__always)
        func pair(_ value: UInt32, at place: Int, then separator: Unicode.Scalar) {
            base[place] = 48 &+ UInt8(truncatingIfNeeded: value / 10)
            base[place &+ 1] = 48 &+ UInt8(truncatingIfNeeded: value % 10)
            base[place &+ 2] = UInt8(truncatingIfNeeded: separator.value)
        }
        pair(UInt32(bitPattern: year) / 100, at: 0, then: "-")
        pair(UInt32(bitPattern: year) % 100, at: 2, then: "-")
        pair(UInt32(bitPattern: month), at: 5, then: "-")
        pair(UInt32(bitPattern: day), at: 8, then: "T")
        pair(ofDay / 3600, at: 11, then: ":")
        pair(ofDay / 60 % 60, at: 14, then: ":")
        pair(ofDay % 60, at: 17, then: ".")
        pair(micros / 10_000, at: 20, then: ".")
        pair(micros / 100 % 100, at: 22, then: ".")
        pair(micros % 100, at: 24, then: "Z")
    }

    /// Reads RFC 3339 (section 5.6) with `Z` or a numeric offset, or a bare date (midnight UTC); nil for anything else
    /// and for moments that 64 bits of nanoseconds cannot hold.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        func number(_ from: Int, _ count: Int) -> Int64? {
            guard from + count <= bytes.count else { return nil }
            var value: Int64 = 0
            for byte in bytes[from..<from + count] {
                guard byte >= 48, byte <= 57 else { return nil }
                value = value * 10 + Int64(byte - 48)
            }
            return value
        }
        guard bytes.count >= 10, bytes[4] == UInt8(ascii: "-"), bytes[7] == UInt8(ascii: "-"),
            let year = number(0, 4), let month = number(5, 2), let day = number(8, 2),
            (1...12).contains(month), day >= 1, day <= Self.daysInMonth(year: year, month: month)
        else { return nil }
        var seconds = Self.days(year: year, month: month, day: day) * 86_400
        var fraction: Int64 = 0
        if bytes.count > 10 {
            guard bytes.count >= 20, bytes[10] == UInt8(ascii: "T") || bytes[10] == UInt8(ascii: "t"),
                bytes[13] == UInt8(ascii: ":"), bytes[16] == UInt8(ascii: ":"),
                let hour = number(11, 2), let minute = number(14, 2), let second = number(17, 2),
                hour < 24, minute < 60, second < 60
            else { return nil }
            seconds += hour * 3600 + minute * 60 + second
            var next = 19
            if bytes[next] == UInt8(ascii: ".") {
                next += 1
                let start = next
                var unit: Int64 = 100_000_000
                while next < bytes.count, bytes[next] >= 48, bytes[next] <= 57 {
                    fraction += Int64(bytes[next] - 48) * unit
                    unit /= 10
                    next += 1
                }
                guard next > start else { return nil }
            }
            guard next < bytes.count else { return nil }
            switch bytes[next] {
            case UInt8(ascii: "Z"), UInt8(ascii: "z"):
                guard next + 1 == bytes.count else { return nil }
            case UInt8(ascii: "+"), UInt8(ascii: "-"):
                guard next + 6 == bytes.count, bytes[next + 3] == UInt8(ascii: ":"),
                    let hours = number(next + 1, 2), let minutes = number(next + 4, 2), hours < 24, minutes < 60
                else { return nil }
                let offset = hours * 3600 + minutes * 60
                seconds += bytes[next] == UInt8(ascii: "+") ? -offset : offset
            default:
                return nil
            }
        }
        let (whole, tooFar) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (nanoseconds, outOfRange) = whole.addingReportingOverflow(fraction)
        guard !tooFar, !outOfRange else { return nil }
        self.init(nanoseconds: nanoseconds)
    }

    /// Days since the epoch to a date of the proleptic Gregorian calendar, by eras of 400 years that start in March.
    private static func civil(days: Int32) -> (year: Int32, month: Int32, day: Int32) {
        let shifted = days &+ 719_468
        let era = (shifted >= 0 ? shifted : shifted &- 146_096) / 146_097
        let dayOfEra = shifted &- era &* 146_097
        let yearOfEra = (dayOfEra &- dayOfEra / 1460 &+ dayOfEra / 36_524 &- dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra &- (365 &* yearOfEra &+ yearOfEra / 4 &- yearOfEra / 100)
        let marchMonth = (5 &* dayOfYear &+ 2) / 153
        let month = marchMonth < 10 ? marchMonth &+ 3 : marchMonth &- 9
        let day = dayOfYear &- (153 &* marchMonth &+ 2) / 5 &+ 1
        return (yearOfEra &+ era &* 400 &+ (month <= 2 ? 1 : 0), month, day)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let year = month <= 2 ? year - 1 : year
        let era = (year >= 0 ? year : year - 399) / 400
        let yearOfEra = year - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }

    private static func daysInMonth(year: Int64, month: Int64) -> Int64 {
        switch month {
        case 2: (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }
}
