// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// An admin's request body: a JSON object whose fields are all known, each of its type.
struct JSONBody {
    private let members: [JSON.Member]

    /// - Parameter fields: every name that may occur.
    /// - Throws: a refusal that names the field, or the offset where the text is not JSON.
    init(_ body: [UInt8], fields: [String]) throws(Refusal) {
        let json: JSON
        do {
            json = try JSON.parse(body)
        } catch {
            throw Refusal(.jsonMalformed, "The body is not JSON: \(error).")
        }
        guard let members = json.members else { throw Refusal(.jsonMalformed, "The body must be a JSON object.") }
        for member in members where !fields.contains(member.name) {
            throw Refusal(
                .fieldInvalid,
                "There is no field '\(member.name.prefix(40))' here; there are \(fields.joined(separator: ", "))."
            )
        }
        self.members = members
    }

    /// Whether the field is there, be it null.
    func has(_ name: String) -> Bool { members.contains { $0.name == name } }

    /// The body as it came.
    var json: JSON { .object(members) }

    /// nil when the field is absent or null.
    func value(_ name: String) -> JSON? {
        guard let value = members.first(where: { $0.name == name })?.value, value != .null else { return nil }
        return value
    }

    func string(_ name: String) throws(Refusal) -> String? {
        guard let value = value(name) else { return nil }
        guard let text = value.string, text.unicodeScalars.count <= 200 else {
            throw Self.wrong(name, "a text of at most 200 characters")
        }
        return text
    }

    func bool(_ name: String) throws(Refusal) -> Bool? {
        guard let value = value(name) else { return nil }
        guard let flag = value.bool else { throw Self.wrong(name, "true or false") }
        return flag
    }

    func integer(_ name: String, _ range: ClosedRange<Int64>) throws(Refusal) -> Int64? {
        guard let value = value(name) else { return nil }
        guard let number = value.integer, range.contains(number) else {
            throw Self.wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// A list of model names; absent or null means all models.
    func models(_ name: String) throws(Refusal) -> ModelAccess {
        guard let value = value(name) else { return .all }
        guard let names = value.array?.map({ $0.string.flatMap { ModelName($0) } }), !names.contains(nil) else {
            throw Self.wrong(name, "a list of model names, or null for all")
        }
        return .only(Set(names.compactMap(\.self)))
    }

    /// A rate, or nil where it is absent or null.
    func rate(_ name: String) throws(Refusal) -> RequestRate? {
        guard let value = value(name) else { return nil }
        guard let rate = RequestRate(json: value) else {
            throw Self.wrong(name, "{\"requests\": …, \"seconds\": …, \"burst\": …}, each at least 1, or null")
        }
        return rate
    }

    /// A key's limits: what is left out stays as it is in `known`, null is none.
    func keyLimits(over known: KeyLimits? = nil) throws(Refusal) -> KeyLimits {
        var limits = known ?? KeyLimits()
        if has("rate") { limits.rate = try rate("rate") }
        if has("daily_quota") { limits.dailyQuota = try integer("daily_quota", KeyLimits.dailyQuotas) }
        if has("concurrency") {
            limits.concurrency = try integer("concurrency", KeyLimits.concurrencies).map(Int32.init)
        }
        return limits
    }

    /// A list of CIDR blocks, or nil where it is absent or null.
    func networks(_ name: String) throws(Refusal) -> [IPNetwork]? {
        guard let value = value(name) else { return nil }
        let blocks = value.array?.map { $0.string.flatMap { IPNetwork($0) } }
        guard let blocks, (1...64).contains(blocks.count), !blocks.contains(nil) else {
            throw Self.wrong(
                name,
                "a list of 1 to 64 addresses or CIDR blocks without bits behind the prefix, as 192.0.2.0/24 or "
                    + "2001:db8::/32, or null for anywhere"
            )
        }
        return blocks.compactMap(\.self)
    }

    /// A moment, or nil where it is absent or null.
    func time(_ name: String) throws(Refusal) -> UnixTime? {
        guard let text = try string(name) else { return nil }
        guard let time = UnixTime(text) else {
            throw Self.wrong(name, "a time as 2026-11-24T06:13:28Z or a day as 2026-11-24")
        }
        return time
    }

    /// What holds in place of a plan's limits.
    func overrides() throws(Refusal) -> LimitOverrides {
        do throws(LimitOverrides.Fault) {
            return try LimitOverrides(json: json)
        } catch {
            throw Self.wrong(error.member, error.requirement)
        }
    }

    static func wrong(_ name: String, _ requirement: String) -> Refusal {
        Refusal(.fieldInvalid, "'\(name)' must be \(requirement).")
    }

    static func missing(_ name: String, _ requirement: String) -> Refusal {
        Refusal(.fieldMissing, "'\(name)' is missing: \(requirement).")
    }
}

extension ModelAccess {
    /// A sorted list of names; null for all.
    var json: JSON {
        switch self {
        case .all: .null
        case .only(let models): .array(models.map(\.description).sorted().map(JSON.string))
        }
    }
}
