// SPDX-License-Identifier: Apache-2.0

package import GatewayCore

/// The members of a record that the search index and the limits read, as slices of its bytes.
///
/// A member that is not there, or has another type than it should, is nil. Texts are without quotes and escapes.
package struct RecordFields {
    package typealias Text = UnsafeRawBufferPointer

    package var action: Text?
    package var clientID: Text?
    package var decision: Text?
    /// With its escapes, since words are all that is looked for in it.
    package var detail: Text?
    package var issuer: Text?
    package var keyID: Text?
    package var model: Text?
    package var modelVersion: Int64?
    package var reason: Text?
    package var requestID: Text?
    /// `address` of the `source`.
    package var source: Text?
    package var status: Int64?
    package var subject: Text?
    package var target: Text?
    package var tenant: Text?
    package var time: UnixTime?
    /// `requests` of the `charge`.
    package var chargedRequests: Int64?
    /// `delay_us` of the `charge`.
    package var chargeDelayMicros: Int64?

    /// A record without any of them.
    package init() {}

    /// Hands a record's members to `body`; they are valid during the call. What is no JSON object has none.
    ///
    /// The record is scanned where it lies. One that is not as the encoder writes it, or has an escape in a text that
    /// is needed, takes the long way through ``GatewayCore/JSON``, with the same outcome.
    package static func read<Value, Failure: Error>(
        _ record: UnsafeRawBufferPointer,
        _ body: (RecordFields) throws(Failure) -> Value
    ) throws(Failure) -> Value {
        if let fields = RecordFields(canonical: record) { return try body(fields) }
        let parsed = ParsedFields(record)
        return try parsed.texts.withUnsafeBufferPointer { (texts) throws(Failure) in
            try body(parsed.fields(in: UnsafeRawBufferPointer(texts)))
        }
    }

    /// nil when the bytes must be read the long way.
    init?(canonical record: UnsafeRawBufferPointer) {
        var scanner = RecordScanner(record)
        var fields = RecordFields()
        let isCanonical = scanner.members { scanner, name in
            if name.count == 6, scanner.isAtObject {
                if Self.equal(name, "charge") { return fields.readCharge(&scanner) }
                if Self.equal(name, "source") { return fields.readSource(&scanner) }
            }
            guard let value = scanner.value() else { return false }
            switch value {
            case .text(let text, let isEscaped): return fields.note(name, text, isEscaped: isEscaped)
            case .integer(let number):
                if name.count == 6, Self.equal(name, "status") { fields.status = number }
                if name.count == 13, Self.equal(name, "model_version") { fields.modelVersion = number }
                return true
            case .object, .other: return true
            }
        }
        guard isCanonical, scanner.end() else { return nil }
        self = fields
    }

    private mutating func readCharge(_ scanner: inout RecordScanner) -> Bool {
        scanner.members { scanner, name in
            guard let value = scanner.value(level: 2) else { return false }
            guard case .integer(let number) = value else { return true }
            if Self.equal(name, "requests") { chargedRequests = number }
            if Self.equal(name, "delay_us") { chargeDelayMicros = number }
            return true
        }
    }

    private mutating func readSource(_ scanner: inout RecordScanner) -> Bool {
        scanner.members { scanner, name in
            guard let value = scanner.value(level: 2) else { return false }
            guard case .text(let text, let isEscaped) = value, Self.equal(name, "address") else { return true }
            source = text
            return !isEscaped
        }
    }

    /// Keeps the text when its name is one of those wanted; false when it cannot be read in place.
    @inline(__always)
    private mutating func note(_ name: UnsafeRawBufferPointer, _ text: Text, isEscaped: Bool) -> Bool {
        switch name.count {
        case 4:
            guard Self.equal(name, "time") else { return true }
            guard let moment = UnixTime(canonical: text) else { return false }
            time = moment
        case 5:
            guard Self.equal(name, "model") else { return true }
            model = text
        case 6:
            if Self.equal(name, "tenant") {
                tenant = text
            } else if Self.equal(name, "reason") {
                reason = text
            } else if Self.equal(name, "action") {
                action = text
            } else if Self.equal(name, "key_id") {
                keyID = text
            } else if Self.equal(name, "detail") {
                detail = text
                return true
            } else if Self.equal(name, "target") {
                target = text
            } else if Self.equal(name, "issuer") {
                issuer = text
            } else {
                return true
            }
        case 7:
            guard Self.equal(name, "subject") else { return true }
            subject = text
        case 8:
            guard Self.equal(name, "decision") else { return true }
            decision = text
        case 9:
            guard Self.equal(name, "client_id") else { return true }
            clientID = text
        case 10:
            guard Self.equal(name, "request_id") else { return true }
            requestID = text
        default: return true
        }
        return !isEscaped
    }

    @inline(__always)
    private static func equal(_ name: UnsafeRawBufferPointer, _ word: StaticString) -> Bool {
        guard name.count == word.utf8CodeUnitCount else { return false }
        for i in 0..<name.count where name[i] != word.utf8Start[i] { return false }
        return true
    }
}

extension UnixTime {
    /// A time exactly as ``description`` writes it; nil for any other spelling.
    init?(canonical text: UnsafeRawBufferPointer) {
        guard text.count == 27, text[4] == UInt8(ascii: "-"), text[7] == UInt8(ascii: "-"),
            text[10] == UInt8(ascii: "T"), text[13] == UInt8(ascii: ":"), text[16] == UInt8(ascii: ":"),
            text[19] == UInt8(ascii: "."), text[26] == UInt8(ascii: "Z")
        else { return nil }
        func number(_ places: Range<Int>) -> Int64? {
            var value: Int64 = 0
            for place in places {
                guard (48...57).contains(text[place]) else { return nil }
                value = value &* 10 &+ Int64(text[place] &- 48)
            }
            return value
        }
        guard let year = number(0..<4), let month = number(5..<7), let day = number(8..<10),
            let hour = number(11..<13), let minute = number(14..<16), let second = number(17..<19),
            let micros = number(20..<26), (1970..<2262).contains(year), (1...12).contains(month), day >= 1,
            day <= 28 || day <= Self.daysInMonth(month, of: year), hour < 24, minute < 60, second < 60
        else { return nil }
        // Days since 0000-03-01 in years that begin in March, so that the leap day is the last.
        let march = month > 2 ? year : year - 1
        let ofYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = 365 * march + march / 4 - march / 100 + march / 400 + ofYear - 719_468
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second
        self.init(nanoseconds: seconds * 1_000_000_000 + micros * 1000)
    }

    private static func daysInMonth(_ month: Int64, of year: Int64) -> Int64 {
        if month == 2 { return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0 ? 29 : 28 }
        // Long and short months take turns, and begin anew in August.
        return 30 + (month + (month > 7 ? 1 : 0)) % 2
    }
}
