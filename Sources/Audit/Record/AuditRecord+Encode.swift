// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension AuditRecord {
    /// The record as a payload to submit: one JSON object of at most ``maximumBytes`` bytes.
    public func encoded() -> [UInt8] {
        RecordWriter.write(write) { Array($0) }
    }

    /// Writes the payload to memory that has room for ``RecordWriter/room`` bytes; how many it was.
    func encode(to memory: UnsafeMutablePointer<UInt8>) -> Int {
        var writer = RecordWriter(out: memory)
        write(to: &writer)
        return writer.count - 1
    }

    /// Writes the record as one JSON value.
    public func encode(into json: inout JSONWriter) {
        RecordWriter.write(write) { json.raw($0) }
    }

    private func write(to json: inout RecordWriter) {
        json.beginObject()
        json.member("action", action, 64)
        json.member("auth", auth?.rawValue, 16)
        if let change { change.write(to: &json) }
        if let charge {
            json.name("charge")
            json.beginObject()
            json.member("delay_us", charge.delayMicros == 0 ? nil : charge.delayMicros)
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
        if !limits.isEmpty {
            json.name("limits")
            json.beginArray()
            for place in 0..<min(8, limits.count) { limits[place].write(to: &json) }
            json.endArray()
        }
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
        if let id { json.member("request_id", id) } else { json.member("request_id", requestID, 128) }
        json.member("response_bytes", responseBytes)
        json.member("role", role, 32)
        json.member("route", route, 128)
        json.member("scope", scope, 512)
        if let source {
            json.name("source")
            json.beginObject()
            json.member("address", source.address, 128)
            json.member("port", Int64(source.port))
            json.endObject()
        }
        json.member("status", status)
        json.member("subject", subject, 256)
        json.member("target", target, 256)
        json.member("tenant", tenant, 64)
        json.member("time", time)
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
}

extension AuditLimit {
    fileprivate func write(to json: inout RecordWriter) {
        json.beginObject()
        json.member("limit", limit)
        json.member("policy", policy, 64)
        json.member("remaining", remaining)
        json.member("reset_s", resetSeconds)
        json.endObject()
    }
}

extension AuditChange {
    /// Written only when it has a side: an empty object would tell nothing.
    fileprivate func write(to json: inout RecordWriter) {
        guard before != nil || after != nil else { return }
        json.name("change")
        json.beginObject()
        if let after { Self.write("after", after, to: &json) }
        if let before { Self.write("before", before, to: &json) }
        json.endObject()
    }

    private static func write(_ name: StaticString, _ side: JSON, to json: inout RecordWriter) {
        var inner = JSONWriter()
        inner.value(side.canonical())
        if inner.bytes.count <= 12_288 {
            json.member(name, json: inner.bytes)
        } else {
            json.name(name)
            json.beginObject()
            json.member("omitted_bytes", Int64(inner.bytes.count))
            json.endObject()
        }
    }
}
