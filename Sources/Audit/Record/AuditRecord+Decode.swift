// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Why a JSON value is no audit record.
public struct AuditRecordError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The member at fault; members of members are joined with a dot.
    public let field: String
    /// What is wrong with it.
    public let reason: String

    /// Member and reason in a sentence.
    public var description: String { "audit record member '\(field)' \(reason)" }
}

extension AuditRecord {
    /// Reads a record from its bytes in the log.
    ///
    /// - Throws: ``AuditRecordError``; its field is empty when the bytes are no JSON at all.
    public init(bytes: some Collection<UInt8>) throws(AuditRecordError) {
        let json: JSON
        do {
            json = try JSON.parse(bytes, depth: 40)
        } catch {
            throw AuditRecordError(field: "", reason: "is not JSON: \(error)")
        }
        try self.init(json: json)
    }

    /// Reads a record; members it does not know are passed over.
    ///
    /// - Throws: ``AuditRecordError`` when a required member is missing, one has another type than it should, or `v` is
    ///   not ``version``.
    public init(json: JSON) throws(AuditRecordError) {
        let record = Members(of: json, prefix: "")
        let version = try record.required("v", record.integer("v"))
        guard version == Self.version else {
            throw AuditRecordError(field: "v", reason: "is \(version), this gateway reads \(Self.version)")
        }
        guard let time = UnixTime(try record.required("time", record.text("time"))) else {
            throw AuditRecordError(field: "time", reason: "is not a time of RFC 3339")
        }
        self.time = time
        gateway = try record.required("gateway", record.text("gateway"))
        durability = try record.required("durability", record.word("durability"))
        decision = try record.required("decision", record.word("decision"))
        reason = try record.required("reason", record.text("reason"))
        action = try record.text("action")
        auth = try record.word("auth")
        change = try record.object("change").map { AuditChange(before: $0.json["before"], after: $0.json["after"]) }
        if let charge = try record.object("charge") {
            self.charge = AuditCharge(
                instances: try charge.required("instances", charge.integer("instances")),
                requests: try charge.required("requests", charge.integer("requests")),
                delayMicros: try charge.integer("delay_us") ?? 0
            )
        }
        clientID = try record.text("client_id")
        configGeneration = try record.integer("config_generation")
        connection = try record.unsigned("connection")
        count = try record.integer("count")
        detail = try record.text("detail")
        inferMicros = try record.integer("infer_us")
        inputSHA256 = try record.digest("input_sha256")
        instances = try record.integer("instances")
        issuer = try record.text("issuer")
        keyID = try record.text("key_id")
        limits = []
        for limit in try record.objects("limits") {
            limits.append(
                AuditLimit(
                    policy: AuditPolicyName(try limit.required("policy", limit.text("policy"))),
                    limit: try limit.required("limit", limit.integer("limit")),
                    remaining: try limit.required("remaining", limit.integer("remaining")),
                    resetSeconds: try limit.required("reset_s", limit.integer("reset_s"))
                )
            )
        }
        listener = try record.word("listener")
        method = try record.text("method")
        model = try record.text("model")
        modelDigest = try record.text("model_digest")
        modelVersion = try record.integer("model_version")
        outputSHA256 = try record.digest("output_sha256")
        personalKey = try record.text("personal_key")
        plan = try record.text("plan")
        `protocol` = try record.text("protocol")
        queueMicros = try record.integer("queue_us")
        requestBytes = try record.integer("request_bytes")
        requestID = try record.text("request_id")
        responseBytes = try record.integer("response_bytes")
        role = try record.text("role")
        route = try record.text("route")
        scope = try record.text("scope")
        if let source = try record.object("source") {
            guard let port = UInt16(exactly: try source.required("port", source.integer("port"))) else {
                throw AuditRecordError(field: "source.port", reason: "is not a port number")
            }
            self.source = AuditSource(address: try source.required("address", source.text("address")), port: port)
        }
        status = try record.integer("status")
        subject = try record.text("subject")
        target = try record.text("target")
        tenant = try record.text("tenant")
        if let tls = try record.object("tls") {
            self.tls = AuditTLS(
                cipher: try tls.required("cipher", tls.text("cipher")),
                version: try tls.required("version", tls.text("version")),
                isResumed: try tls.flag("resumed") ?? false,
                clientSHA256: try tls.text("client_sha256")
            )
        }
        tokenID = try record.text("token_id")
        totalMicros = try record.integer("total_us")
    }
}

/// Typed look-ups in one object.
private struct Members {
    let json: JSON
    private let values: [String: JSON]
    private let prefix: String

    init(of json: JSON, prefix: String) {
        self.json = json
        self.prefix = prefix
        values = Dictionary((json.members ?? []).map { ($0.name, $0.value) }) { first, _ in first }
    }

    func fault(_ name: String, _ reason: String) -> AuditRecordError {
        AuditRecordError(field: prefix + name, reason: reason)
    }

    func required<Value>(_ name: String, _ value: Value?) throws(AuditRecordError) -> Value {
        guard let value else { throw fault(name, "is missing") }
        return value
    }

    func text(_ name: String) throws(AuditRecordError) -> String? {
        guard let value = values[name] else { return nil }
        guard let text = value.string else { throw fault(name, "is not a text") }
        return text
    }

    func integer(_ name: String) throws(AuditRecordError) -> Int64? {
        guard let value = values[name] else { return nil }
        guard let number = value.integer else { throw fault(name, "is not an integer of 64 bits") }
        return number
    }

    func flag(_ name: String) throws(AuditRecordError) -> Bool? {
        guard let value = values[name] else { return nil }
        guard let flag = value.bool else { throw fault(name, "is not true or false") }
        return flag
    }

    func unsigned(_ name: String) throws(AuditRecordError) -> UInt64? {
        guard let number = try integer(name) else { return nil }
        guard let number = UInt64(exactly: number) else { throw fault(name, "is negative") }
        return number
    }

    func word<Word: RawRepresentable<String>>(_ name: String) throws(AuditRecordError) -> Word? {
        guard let text = try text(name) else { return nil }
        guard let word = Word(rawValue: text) else { throw fault(name, "is not one of the words it can be") }
        return word
    }

    func digest(_ name: String) throws(AuditRecordError) -> [UInt8]? {
        guard let text = try text(name) else { return nil }
        guard let bytes = RecordText.unhex(text), bytes.count == 32 else {
            throw fault(name, "is not 64 lower-case hexadecimal digits")
        }
        return bytes
    }

    func object(_ name: String) throws(AuditRecordError) -> Members? {
        guard let value = values[name] else { return nil }
        guard value.members != nil else { throw fault(name, "is not an object") }
        return Members(of: value, prefix: "\(prefix)\(name).")
    }

    func objects(_ name: String) throws(AuditRecordError) -> [Members] {
        guard let value = values[name] else { return [] }
        guard let elements = value.array, elements.allSatisfy({ $0.members != nil }) else {
            throw fault(name, "is not an array of objects")
        }
        return elements.enumerated().map { Members(of: $1, prefix: "\(prefix)\(name).\($0).") }
    }
}
