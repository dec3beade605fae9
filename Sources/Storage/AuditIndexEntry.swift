// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What the search index keeps of one audit record. Columns that the record does not have are nil.
public struct AuditIndexEntry: Hashable, Sendable {
    /// The record's place in the log, from 0.
    public var index: UInt64
    /// When the record was made.
    public var time: UnixTime?
    /// The `tenant` of the record.
    public var tenant: String?
    /// The `key_id` of the record.
    public var keyID: String?
    /// The `request_id` of the record.
    public var requestID: String?
    /// The `status` of the record.
    public var status: Int64?
    /// The `reason` of the record.
    public var reason: String?
    /// The `decision` of the record.
    public var decision: String?
    /// The `action` of the record.
    public var action: String?
    /// The `model` of the record.
    public var model: String?

    /// Takes the columns from the record's JSON. A record that is no JSON object is found by its index alone.
    public init(index: UInt64, record: some Collection<UInt8>) {
        self.index = index
        guard let members = (try? JSON.parse(record))?.members else { return }
        for member in members {
            switch member.name {
            case "time": time = member.value.string.flatMap { UnixTime($0) }
            case "tenant": tenant = member.value.string
            case "key_id": keyID = member.value.string
            case "request_id": requestID = member.value.string
            case "status": status = member.value.integer
            case "reason": reason = member.value.string
            case "decision": decision = member.value.string
            case "action": action = member.value.string
            case "model": model = member.value.string
            default: break
            }
        }
    }
}
