// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What differs from one request to the next of the same kind: the members of a record that a ``RecordTemplate`` leaves
/// open.
public struct AuditMeasures: Sendable {
    /// See ``AuditRecord/charge``.
    public var charge: AuditCharge?
    /// See ``AuditRecord/inferMicros``.
    public var inferMicros: Int64?
    /// See ``AuditRecord/instances``.
    public var instances: Int64?
    /// See ``AuditRecord/limits``.
    public var limits = AuditLimits()
    /// See ``AuditRecord/queueMicros``.
    public var queueMicros: Int64?
    /// See ``AuditRecord/id``.
    public var id: RequestID?
    /// See ``AuditRecord/requestBytes``.
    public var requestBytes: Int64?
    /// See ``AuditRecord/responseBytes``.
    public var responseBytes: Int64?
    /// See ``AuditRecord/time``.
    public var time: UnixTime
    /// See ``AuditRecord/totalMicros``.
    public var totalMicros: Int64?

    /// Measures of a request that arrived then.
    public init(time: UnixTime) {
        self.time = time
    }

    /// Those of a record.
    public init(_ record: AuditRecord) {
        charge = record.charge
        inferMicros = record.inferMicros
        instances = record.instances
        limits = record.limits
        queueMicros = record.queueMicros
        id = record.id
        requestBytes = record.requestBytes
        responseBytes = record.responseBytes
        time = record.time
        totalMicros = record.totalMicros
    }

    /// The members by their places in a record.
    enum Slot: CaseIterable {
        case charge, inferMicros, instances, limits, queueMicros, requestBytes, requestID, responseBytes, time,
            totalMicros
    }

    /// Writes the member of that place, where there is one.
    @inline(__always)
    func write(_ slot: Slot, to json: inout RecordWriter) {
        switch slot {
        case .charge:
            guard let charge else { return }
            json.name("charge")
            json.beginObject()
            json.member("delay_us", charge.delayMicros == 0 ? nil : charge.delayMicros)
            json.member("instances", charge.instances)
            json.member("requests", charge.requests)
            json.endObject()
        case .inferMicros: json.member("infer_us", inferMicros)
        case .instances: json.member("instances", instances)
        case .limits:
            let count = min(8, limits.count)
            guard count > 0 else { return }
            json.name("limits")
            json.beginArray()
            for place in 0..<count { limits[place].write(to: &json) }
            json.endArray()
        case .queueMicros: json.member("queue_us", queueMicros)
        case .requestBytes: json.member("request_bytes", requestBytes)
        case .requestID: if let id { json.member("request_id", id) }
        case .responseBytes: json.member("response_bytes", responseBytes)
        case .time: json.member("time", time)
        case .totalMicros: json.member("total_us", totalMicros)
        }
    }
}

extension AuditLimit {
    fileprivate func write(to json: inout RecordWriter) {
        json.beginObject()
        json.member("limit", limit)
        json.member("policy", policy)
        json.member("remaining", remaining)
        json.member("reset_s", resetSeconds)
        json.endObject()
    }
}
