// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The `Date` field (RFC 9110, section 6.6.1), made once a second.
public struct HTTPDate: Sendable {
    /// Bytes of an IMF-fixdate (RFC 9110, section 5.6.7).
    public static let count = 29

    private var second = Int64.min
    private var bytes = InlineArray<29, UInt8>(repeating: UInt8(ascii: " "))

    /// A date that is made at the first use.
    public init() {}

    /// Makes the date of `time` unless that second's is there.
    public mutating func update(to time: UnixTime) {
        guard time.seconds != second else { return }
        second = time.seconds
        for (at, byte) in Self.format(time).utf8.enumerated() { bytes[at] = byte }
    }

    /// Hands over the ``count`` bytes of the date.
    public func withBytes<R>(_ body: (UnsafeRawBufferPointer) -> R) -> R {
        withUnsafeBytes(of: bytes, body)
    }

    /// `Tue, 24 Nov 2026 06:13:28 GMT`
    public static func format(_ time: UnixTime) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        // Of the proleptic week: a day before 1970 is negative.
        let ofDay = (time.seconds % 86_400 + 86_400) % 86_400
        let day = (time.seconds - ofDay) / 86_400
        let parts = time.description
        func part(_ from: Int, _ count: Int) -> Substring { parts.dropFirst(from).prefix(count) }
        let month = months[(Int(part(5, 2)) ?? 1) - 1]
        return "\(days[Int((day % 7 + 7) % 7)]), \(part(8, 2)) \(month) \(part(0, 4)) \(part(11, 8)) GMT"
    }
}
