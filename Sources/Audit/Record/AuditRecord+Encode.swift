// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension AuditRecord {
    /// Writes the record as one JSON object of at most ``maximumBytes`` bytes.
    public func encode(into json: inout JSONWriter) {
        json.beginObject()
        json.member("action", action, 64)
        json.member("auth", auth?.rawValue, 16)
        if let change { json.change(change) }
        if let charge {
            json.name("charge")
            json.beginObject()
            json.member("instances", charge.instances)
            json.member("requests", charge.requests)
            json.endObject()
        }
        json.member("client_id", clientID, 256)
        json.member("config_generation", configGeneration)
        json.member("connection", connection.map { Int64(clamping: $0) })
        json.member("count", count)
        json.member("decision", decision.rawValue, 16)
        json.member("detail", detail.map(RecordText.plain), 1024)
        json.member("durability", durability.rawValue, 16)
        json.member("gateway", gateway, 128)
        json.member("infer_us", inferMicros)
        json.member("input_sha256", digest: inputSHA256)
        json.member("instances", instances)
        json.member("issuer", issuer, 512)
        json.member("key_id", keyID, 64)
        if !limits.isEmpty { json.limits(limits) }
        json.member("listener", listener?.rawValue, 16)
        json.member("method", method, 32)
        json.member("model", model, 128)
        json.member("model_digest", modelDigest, 128)
        json.member("model_version", modelVersion)
        json.member("output_sha256", digest: outputSHA256)
        json.member("plan", plan, 64)
        json.member("protocol", `protocol`, 16)
        json.member("queue_us", queueMicros)
        json.member("reason", reason, 64)
        json.member("request_bytes", requestBytes)
        json.member("request_id", requestID, 128)
        json.member("response_bytes", responseBytes)
        json.member("role", role, 32)
        json.member("route", route, 128)
        json.member("scope", scope, 512)
        if let source {
            json.name("source")
            json.beginObject()
            json.member("address", source.address, 128)
            json.member("port", source.port)
            json.endObject()
        }
        json.member("status", status)
        json.member("subject", subject, 256)
        json.member("target", target, 256)
        json.member("tenant", tenant, 64)
        json.name("time")
        json.time(time)
        if let tls {
            json.name("tls")
            json.beginObject()
            json.member("cipher", tls.cipher, 64)
            json.member("version", tls.version, 16)
            json.endObject()
        }
        json.member("token_id", tokenID, 256)
        json.member("total_us", totalMicros)
        json.member("v", Self.version)
        json.endObject()
    }

    /// The record as a payload to submit.
    public func encoded() -> [UInt8] {
        var json = JSONWriter(capacity: 1024)
        encode(into: &json)
        return json.bytes
    }
}

extension JSONWriter {
    fileprivate mutating func member(_ name: StaticString, _ text: String?, _ bound: Int) {
        guard let text else { return }
        self.name(name)
        string(text.utf8.count <= bound ? text : RecordText.cut(text, to: bound))
    }

    fileprivate mutating func member(_ name: StaticString, _ number: Int64?) {
        guard let number else { return }
        self.name(name)
        integer(number)
    }

    fileprivate mutating func member(_ name: StaticString, _ number: UInt16) {
        self.name(name)
        integer(number)
    }

    /// A digest of another length than SHA-256's is left out: it would not be what the name says.
    fileprivate mutating func member(_ name: StaticString, digest: [UInt8]?) {
        guard let digest, digest.count == 32 else { return }
        self.name(name)
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 66) { out in
            out[0] = UInt8(ascii: "\"")
            out[65] = UInt8(ascii: "\"")
            for (i, byte) in digest.enumerated() {
                out[2 * i + 1] = RecordText.hexDigit(byte >> 4)
                out[2 * i + 2] = RecordText.hexDigit(byte & 15)
            }
            raw(out)
        }
    }

    fileprivate mutating func limits(_ limits: [AuditLimit]) {
        name("limits")
        beginArray()
        for limit in limits.prefix(8) {
            beginObject()
            member("limit", limit.limit)
            member("policy", limit.policy, 64)
            member("remaining", limit.remaining)
            member("reset_s", limit.resetSeconds)
            endObject()
        }
        endArray()
    }

    fileprivate mutating func change(_ change: AuditChange) {
        name("change")
        beginObject()
        if let after = change.after {
            name("after")
            side(after)
        }
        if let before = change.before {
            name("before")
            side(before)
        }
        endObject()
    }

    private mutating func side(_ side: JSON) {
        var inner = JSONWriter()
        inner.value(side.canonical())
        if inner.bytes.count <= 12_288 {
            raw(inner.bytes)
        } else {
            beginObject()
            member("omitted_bytes", Int64(inner.bytes.count))
            endObject()
        }
    }
}
