// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What replaying the limits needs of a record, read without decoding the rest of it.
public struct ChargedRecord: Hashable, Sendable {
    /// Whose limits were charged.
    public let tenant: TenantID
    /// The API key behind the request; nil where there was none.
    public let keyID: String?
    /// Requests that were taken of its rate and quota.
    public let requests: Int64
    /// When: the record's `time`, and the charge's `delay_us` after it.
    public let time: UnixTime

    /// nil for a record without a charge.
    public init?(_ record: [UInt8]) {
        let charged = record.withUnsafeBytes { ChargedRecord($0) }
        guard let charged else { return nil }
        self = charged
    }

    /// The same of a record where it lies.
    public init?(_ record: UnsafeRawBufferPointer) {
        let charged = RecordFields.read(record) { fields -> ChargedRecord? in
            guard let requests = fields.chargedRequests, requests >= 0, let time = fields.time,
                let tenant = fields.tenant.flatMap({ TenantID(String(decoding: $0, as: UTF8.self)) })
            else { return nil }
            let delay = max(0, fields.chargeDelayMicros ?? 0)
            return ChargedRecord(
                tenant: tenant,
                // The gateway's own ids are short enough to lie in the value itself.
                keyID: fields.keyID.map { String(decoding: $0, as: UTF8.self) },
                requests: requests,
                time: UnixTime(nanoseconds: time.nanoseconds &+ delay &* 1000)
            )
        }
        guard let charged else { return nil }
        self = charged
    }

    private init(tenant: TenantID, keyID: String?, requests: Int64, time: UnixTime) {
        self.tenant = tenant
        self.keyID = keyID
        self.requests = requests
        self.time = time
    }
}
