// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

extension AuditRecord {
    /// The record as a payload to submit: one JSON object of at most ``maximumBytes`` bytes.
    public func encoded() -> [UInt8] {
        RecordWriter.write(write) { Array($0) }
    }

    /// Writes the record as one JSON value.
    public func encode(into json: inout JSONWriter) {
        RecordWriter.write(write) { json.raw($0) }
    }

    /// Writes the payload to memory that has room for ``RecordWriter/room`` bytes; how many it was.
    func encode(to memory: UnsafeMutablePointer<UInt8>) -> Int {
        var writer = RecordWriter(out: memory)
        write(to: &writer)
        return writer.count - 1
    }

    private func write(to json: inout RecordWriter) {
        let measures = AuditMeasures(self)
        write(to: &json) { slot, json in measures.write(slot, to: &json) }
    }

    /// Writes all members in their order; those that measure are left to `open`.
    func write(to json: inout RecordWriter, open: (AuditMeasures.Slot, inout RecordWriter) -> Void) {
        json.beginObject()
        json.member("action", action, 64)
        json.member("auth", auth?.rawValue, 16)
        if let change { change.write(to: &json) }
        open(.charge, &json)
        json.member("client_id", clientID, 256)
        json.member("config_generation", configGeneration)
        json.member("connection", connection.map { Int64(clamping: $0) })
        json.member("count", count)
        json.member("decision", decision.rawValue, 16)
        json.member("detail", detail.map(RecordText.plain), 1024)
        json.member("durability", durability.rawValue, 16)
        json.member("gateway", gateway, 128)
        open(.inferMicros, &json)
        json.member("input_sha256", digest: inputSHA256)
        open(.instances, &json)
        json.member("issuer", issuer, 512)
        json.member("key_id", keyID, 64)
        open(.limits, &json)
        json.member("listener", listener?.rawValue, 16)
        json.member("method", method, 32)
        json.member("model", model, 128)
        json.member("model_digest", modelDigest, 128)
        json.member("model_version", modelVersion)
        json.member("output_sha256", digest: outputSHA256)
        json.member("personal_key", personalKey, 80)
        json.member("plan", plan, 64)
        json.member("protocol", `protocol`, 16)
        open(.queueMicros, &json)
        json.member("reason", reason, 64)
        open(.requestBytes, &json)
        if id == nil { json.member("request_id", requestID, 128) }
        open(.requestID, &json)
        open(.responseBytes, &json)
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
        open(.time, &json)
        if let tls {
            json.name("tls")
            json.beginObject()
            json.member("cipher", tls.cipher, 64)
            json.member("client_sha256", tls.clientSHA256, 64)
            if tls.isResumed { json.member("resumed", word: "true") }
            json.member("version", tls.version, 16)
            json.endObject()
        }
        json.member("token_id", tokenID, 256)
        open(.totalMicros, &json)
        json.member("v", Self.version)
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
