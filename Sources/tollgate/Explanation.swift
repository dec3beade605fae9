// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// An audit record in words, a paragraph for each question.
struct Explanation {
    private(set) var parts: [(title: String, text: String)] = []

    /// - Parameters:
    ///   - record: with the members of Sources/Audit/Docs.docc/Record.md; what is absent is passed over.
    ///   - index: the record's place in the log.
    ///   - keyNow: the key as it is now, where the reader may see it.
    init(of record: JSON, index: Int64?, keyNow: JSON?) {
        let text = { (name: String) in record[name]?.string }
        let number = { (name: String) in record[name]?.integer }

        add("decision", Self.decision(record))
        if let reason = text("reason"), let code = ReasonCode(rawValue: reason), code != .ok {
            add("why", "\(code.explanation.meaning)")
            if let detail = text("detail") { add("in detail", detail) }
            add("what to do", code.explanation.advice)
        } else if let detail = text("detail") {
            add("in detail", detail)
        }
        add("who", Self.who(record))
        if let keyNow { add("the key now", Self.key(keyNow, wasAt: record)) }
        add("what", Self.what(record))
        add("scope", text("scope").map { "the route needs '\($0)'" } ?? "the route needs none, or none was looked at")
        if let plan = text("plan") { add("policy", "the tenant was on the plan '\(plan)'") }
        add("limits", Self.limits(record))
        add(
            "configuration",
            number("config_generation").map { "generation \($0) of this process decided" } ?? "not recorded"
        )
        add("times", Self.times(record))
        add(
            "record",
            "\(index.map { "number \($0) of" } ?? "in") the log of \(text("gateway") ?? "?"), "
                + (text("durability") == "durable"
                    ? "on disk before the answer left" : "written before the answer left")
        )
    }

    private mutating func add(_ title: String, _ text: String) {
        parts.append((title, text.visible))
    }

    /// For people: titles beside wrapped sentences.
    var text: String {
        let width = (parts.map(\.title.count).max() ?? 0) + 2
        return parts.map { part in
            part.title + String(repeating: " ", count: width - part.title.count) + part.text
        }.joined(separator: "\n")
    }

    var json: JSON { .object(parts.map { JSON.Member($0.title.replacing(" ", with: "_"), .string($0.text)) }) }

    // MARK: - The questions

    private static func decision(_ record: JSON) -> String {
        let status = record["status"]?.integer.map { "with status \($0)" } ?? "without an answer"
        let count = record["count"]?.integer.map { ", as \($0) of its kind were" } ?? ""
        return record["decision"]?.string == "allowed"
            ? "allowed, \(status)\(count)"
            : "refused \(status)\(count), for the reason \(record["reason"]?.string ?? "?")"
    }

    private static func who(_ record: JSON) -> String {
        var words: [String]
        switch record["auth"]?.string {
        case "certificate":
            words = ["a client certificate that stands for the API key \(record["key_id"]?.string ?? "?")"]
        case "key": words = ["the API key \(record["key_id"]?.string ?? "?")"]
        case "token":
            words = ["an access token"]
            if let id = record["token_id"]?.string { words.append("with the jti \(id)") }
            if let issuer = record["issuer"]?.string { words.append("of the issuer \(issuer)") }
            if let key = record["key_id"]?.string { words.append("made from the key \(key)") }
            if let subject = record["subject"]?.string { words.append("for the subject \(subject)") }
        default:
            words = [record["auth"]?.string.map { "a \($0)" } ?? "nobody that could be told: no credential counted"]
        }
        if let role = record["role"]?.string { words.append("of role \(role)") }
        if let tenant = record["tenant"]?.string, tenant != "system" { words.append("of the tenant '\(tenant)'") }
        if let certificate = record["tls"]?["client_sha256"]?.string {
            words.append("over a connection with the client certificate \(certificate)")
        }
        if let source = record["source"] {
            words.append("from \(source["address"]?.string ?? "?"), port \(source["port"]?.integer ?? 0)")
        }
        return words.joined(separator: " ")
    }

    private static func key(_ key: JSON, wasAt record: JSON) -> String {
        var words = ["\(key["state"]?.string ?? "?")"]
        if let name = key["name"]?.string, !name.isEmpty { words.append("named '\(name)'") }
        if let scopes = key["scopes"]?.string { words.append("with the scopes '\(scopes)'") }
        if let end = key["revoked_at"]?.string { words.append("revoked at \(end)") }
        if let end = key["expires_at"]?.string { words.append("with its end at \(end)") }
        return words.joined(separator: ", ")
    }

    private static func what(_ record: JSON) -> String {
        guard let route = record["route"]?.string else {
            return "\(record["method"]?.string ?? "a request") on a path that leads nowhere"
        }
        var words = "\(record["method"]?.string ?? "?") \(route) (\(record["action"]?.string ?? "?"))"
        if let listener = record["listener"]?.string { words += " on the \(listener) listener" }
        if let version = record["protocol"]?.string { words += ", \(version)" }
        if let model = record["model"]?.string {
            words += "; model \(model)"
            if let version = record["model_version"]?.integer { words += ", version \(version)" }
            if let digest = record["model_digest"]?.string { words += ", files \(digest)" }
        }
        if let instances = record["instances"]?.integer { words += "; \(instances) instances" }
        if let target = record["target"]?.string {
            words += "; \(record["change"] == nil ? "looked at" : "changed") \(target)"
        }
        return words
    }

    private static func limits(_ record: JSON) -> String {
        let states = (record["limits"]?.array ?? []).map { limit in
            let (left, all) = (limit["remaining"]?.integer ?? 0, limit["limit"]?.integer ?? 0)
            let reset = limit["reset_s"]?.integer ?? 0
            return "\(policy(limit)): \(left) of \(all) left, whole again in \(reset) s"
        }
        let taken = record["charge"]?["requests"]?.integer.map { "; \($0) request was taken from them" }
        guard !states.isEmpty else {
            return record["charge"] == nil ? "not asked: it was decided before them, or none holds here" : "none holds"
        }
        return states.joined(separator: "; ") + (taken ?? "; nothing was taken from them")
    }

    /// The policy's name; a key's is said to be one.
    private static func policy(_ limit: JSON) -> String {
        switch limit["policy"]?.string {
        case "key": "key (the rate of the key's own)"
        case "key-daily": "key-daily (the daily quota of the key's own)"
        case let name: name ?? "?"
        }
    }

    private static func times(_ record: JSON) -> String {
        var words = "arrived \(record["time"]?.string ?? "?")"
        if let total = record["total_us"]?.integer { words += ", answered \(total) µs later" }
        if let queue = record["queue_us"]?.integer { words += ", \(queue) µs of them waiting for the engine" }
        if let infer = record["infer_us"]?.integer { words += ", \(infer) µs in the engine" }
        return words
    }
}
