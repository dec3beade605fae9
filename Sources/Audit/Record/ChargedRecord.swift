// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
import Glibc

/// What replaying the limits needs of a record, read without decoding the rest of it.
///
/// It relies on what the encoder writes: canonical members, every quote inside a text escaped, and no member `change`,
/// which may hold any names, in a record with a `charge`.
public struct ChargedRecord: Hashable, Sendable {
    /// Whose limits were charged.
    public let tenant: TenantID
    /// Requests that were taken of its rate and quota.
    public let requests: Int64
    /// When: the record's `time`, and the charge's `delay_us` after it.
    public let time: UnixTime

    /// nil for a record without a charge.
    public init?(_ record: [UInt8]) {
        let found = record.withUnsafeBytes { bytes -> (TenantID, Int64, UnixTime)? in
            guard Self.value(of: "change", in: bytes) == nil, let charge = Self.value(of: "charge", in: bytes),
                let requests = Self.number(of: "requests", in: charge), let tenant = Self.text(of: "tenant", in: bytes),
                let time = Self.text(of: "time", in: bytes), let id = TenantID(tenant), let moment = UnixTime(time)
            else { return nil }
            let end = charge.firstIndex(of: UInt8(ascii: "}")) ?? charge.endIndex
            let members = UnsafeRawBufferPointer(rebasing: charge[..<end])
            let delay = Self.number(of: "delay_us", in: members) ?? 0
            return (id, requests, UnixTime(nanoseconds: moment.nanoseconds &+ delay &* 1000))
        }
        guard let found else { return nil }
        (tenant, requests, time) = found
    }

    /// The bytes behind `"name":`, to the end of the text; nil when there is no such member.
    private static func value(of name: StaticString, in bytes: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let count = name.utf8CodeUnitCount
        guard bytes.count > count + 4 else { return nil }
        var next = 0
        while next + count + 3 <= bytes.count {
            guard
                let quote = memchr(bytes.baseAddress! + next, 0x22, bytes.count - next).map({
                    UnsafeRawPointer($0) - bytes.baseAddress!
                }), quote + count + 3 <= bytes.count
            else { return nil }
            if quote > 0, bytes[quote - 1] == UInt8(ascii: "{") || bytes[quote - 1] == UInt8(ascii: ","),
                memcmp(bytes.baseAddress! + quote + 1, name.utf8Start, count) == 0,
                bytes[quote + 1 + count] == 0x22, bytes[quote + 2 + count] == UInt8(ascii: ":")
            {
                return UnsafeRawBufferPointer(rebasing: bytes[(quote + count + 3)...])
            }
            next = quote + 1
        }
        return nil
    }

    /// A whole number that is not negative.
    private static func number(of name: StaticString, in bytes: UnsafeRawBufferPointer) -> Int64? {
        value(of: name, in: bytes).map { digits in
            digits.prefix { (48...57).contains($0) }.prefix(18).reduce(0) { $0 * 10 + Int64($1 - 48) }
        }
    }

    /// A text without escapes, as names and times are.
    private static func text(of name: StaticString, in bytes: UnsafeRawBufferPointer) -> String? {
        guard let value = value(of: name, in: bytes), value.first == 0x22 else { return nil }
        return String(decoding: value.dropFirst().prefix { $0 != 0x22 }, as: UTF8.self)
    }
}
