// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The members of ``RecordFields`` read by the general parser, for records that cannot be scanned in place.
struct ParsedFields {
    /// The unescaped texts, one behind the other.
    private(set) var texts: [UInt8] = []
    private var rows: [(member: WritableKeyPath<RecordFields, RecordFields.Text?>, range: Range<Int>)] = []
    private var numbers = RecordFields()

    init(_ record: UnsafeRawBufferPointer) {
        guard let members = (try? JSON.parse(record, depth: RecordScanner.depth))?.members else { return }
        for member in members {
            switch member.name {
            case "action": note(\.action, member.value)
            case "charge":
                numbers.chargedRequests = member.value["requests"]?.integer
                numbers.chargeDelayMicros = member.value["delay_us"]?.integer
            case "client_id": note(\.clientID, member.value)
            case "decision": note(\.decision, member.value)
            case "detail":
                if case .string = member.value { note(\.detail, .string(Self.escaped(member.value))) }
            case "issuer": note(\.issuer, member.value)
            case "key_id": note(\.keyID, member.value)
            case "model": note(\.model, member.value)
            case "model_version": numbers.modelVersion = member.value.integer
            case "reason": note(\.reason, member.value)
            case "request_id": note(\.requestID, member.value)
            case "source":
                if let address = member.value["address"] { note(\.source, address) }
            case "status": numbers.status = member.value.integer
            case "subject": note(\.subject, member.value)
            case "target": note(\.target, member.value)
            case "tenant": note(\.tenant, member.value)
            case "time": numbers.time = member.value.string.flatMap { UnixTime($0) }
            default: break
            }
        }
    }

    /// The text as it stands between the quotes.
    private static func escaped(_ text: JSON) -> String { String(text.serialized().dropFirst().dropLast()) }

    private mutating func note(_ member: WritableKeyPath<RecordFields, RecordFields.Text?>, _ value: JSON) {
        guard let text = value.string else { return }
        let start = texts.count
        texts += text.utf8
        rows.append((member, start..<texts.count))
    }

    /// All of them; `memory` is where ``texts`` lies.
    func fields(in memory: UnsafeRawBufferPointer) -> RecordFields {
        var fields = numbers
        for row in rows { fields[keyPath: row.member] = UnsafeRawBufferPointer(rebasing: memory[row.range]) }
        return fields
    }
}
