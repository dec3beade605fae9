// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The `Date` field (RFC 9110, section 5.6.7), made once a second.
struct HTTPDate {
    private var second = Int64.min
    private var text = ""

    mutating func field(at time: UnixTime) -> String {
        if time.seconds != second {
            second = time.seconds
            text = Self.format(time)
        }
        return text
    }

    /// `Tue, 24 Nov 2026 06:13:28 GMT`
    static func format(_ time: UnixTime) -> String {
        let days = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"]
        let months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
        let day = time.seconds / 86_400
        let parts = time.description
        func part(_ from: Int, _ count: Int) -> Substring { parts.dropFirst(from).prefix(count) }
        let month = months[(Int(part(5, 2)) ?? 1) - 1]
        return "\(days[Int(day % 7)]), \(part(8, 2)) \(month) \(part(0, 4)) \(part(11, 8)) GMT"
    }
}
