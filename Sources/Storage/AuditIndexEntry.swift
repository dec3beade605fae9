// SPDX-License-Identifier: Apache-2.0

import Audit
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
    /// The `model_version` of the record.
    public var modelVersion: Int64?
    /// The `address` of the record's `source`.
    public var source: String?
    /// The `subject` of the record.
    public var subject: String?
    /// The `client_id` of the record.
    public var clientID: String?
    /// The `issuer` of the record.
    public var issuer: String?
    /// The `target` of the record.
    public var target: String?
    /// The `detail` of the record, as it stands in its JSON.
    public var detail: String?

    /// Takes the columns from the record's JSON. A record that is no JSON object is found by its index alone.
    public init(index: UInt64, record: some Collection<UInt8>) {
        self = Array(record).withUnsafeBytes { bytes in
            RecordFields.read(bytes) { AuditIndexEntry(index: index, $0) }
        }
    }

    private init(index: UInt64, _ fields: RecordFields) {
        func text(_ bytes: UnsafeRawBufferPointer?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }
        self.index = index
        time = fields.time
        tenant = text(fields.tenant)
        keyID = text(fields.keyID)
        requestID = text(fields.requestID)
        status = fields.status
        reason = text(fields.reason)
        decision = text(fields.decision)
        action = text(fields.action)
        model = text(fields.model)
        modelVersion = fields.modelVersion
        source = text(fields.source)
        subject = text(fields.subject)
        clientID = text(fields.clientID)
        issuer = text(fields.issuer)
        target = text(fields.target)
        detail = text(fields.detail)
    }

    /// Hands the columns as slices of bytes to `body`.
    func withFields<Value>(_ body: (RecordFields) throws -> Value) rethrows -> Value {
        let columns: [(WritableKeyPath<RecordFields, RecordFields.Text?>, String?)] = [
            (\.tenant, tenant), (\.keyID, keyID), (\.requestID, requestID), (\.reason, reason),
            (\.decision, decision), (\.action, action), (\.model, model), (\.source, source), (\.subject, subject),
            (\.clientID, clientID), (\.issuer, issuer), (\.target, target), (\.detail, detail),
        ]
        let texts = columns.flatMap { Array(($1 ?? "").utf8) }
        return try texts.withUnsafeBytes { memory in
            var fields = RecordFields()
            fields.time = time
            fields.status = status
            fields.modelVersion = modelVersion
            var next = 0
            for case (let column, let text?) in columns {
                let end = next + text.utf8.count
                fields[keyPath: column] = UnsafeRawBufferPointer(rebasing: memory[next..<end])
                next = end
            }
            return try body(fields)
        }
    }
}
