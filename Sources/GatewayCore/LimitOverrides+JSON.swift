// SPDX-License-Identifier: Apache-2.0

extension RequestRate {
    /// `{"requests": …, "seconds": …, "burst": …}`.
    public var json: JSON {
        ["requests": .integer(requests), "seconds": .integer(seconds), "burst": .integer(burst)]
    }

    /// nil unless all three are there, nothing else, and each is at least 1 and not absurd.
    public init?(json: JSON) {
        guard let requests = json["requests"]?.integer, let seconds = json["seconds"]?.integer,
            let burst = json["burst"]?.integer, json.members?.count == 3,
            (1...1_000_000_000).contains(requests), (1...86_400).contains(seconds),
            (1...1_000_000_000).contains(burst)
        else { return nil }
        self.init(requests: requests, seconds: seconds, burst: burst)
    }
}

extension LimitOverrides {
    /// The members that ``init(json:)`` reads, those that are not the plan's.
    public var json: JSON {
        var members: [JSON.Member] = []
        func add<Value>(_ name: String, _ limit: Limit<Value>, _ json: (Value) -> JSON) {
            switch limit {
            case .inherited: break
            case .unlimited: members.append(JSON.Member(name, "unlimited"))
            case .limited(let value): members.append(JSON.Member(name, json(value)))
            }
        }
        add("rate", rate) { $0.json }
        add("daily_quota", dailyQuota) { .integer($0) }
        add("concurrency", concurrency) { .integer(Int64($0)) }
        switch models {
        case nil: break
        case .all: members.append(JSON.Member("models", "all"))
        case .only(let names):
            members.append(JSON.Member("models", .array(names.map(\.description).sorted().map(JSON.string))))
        }
        return .object(members)
    }

    /// What is wrong with a text of overrides.
    public struct Fault: Error, Hashable, Sendable {
        /// The member at fault.
        public var member: String
        /// What it must be: reads on from "must be".
        public var requirement: String
    }

    /// Reads `rate`, `daily_quota`, `concurrency` and `models`: absent or null for the plan's own, `"unlimited"`
    /// (`"all"` for models) for none, else the value.
    ///
    /// - Parameter json: an object; other members are not looked at.
    /// - Throws: ``Fault`` for the first member that is wrong.
    public init(json: JSON) throws(Fault) {
        self.init()
        rate = try Self.limit(json["rate"], "rate", "{\"requests\": …, \"seconds\": …, \"burst\": …}, each at least 1")
        {
            RequestRate(json: $0)
        }
        dailyQuota = try Self.limit(json["daily_quota"], "daily_quota", "a whole number from 1") { value in
            value.integer.flatMap { KeyLimits.dailyQuotas.contains($0) ? $0 : nil }
        }
        concurrency = try Self.limit(json["concurrency"], "concurrency", "a whole number from 1") { value in
            value.integer.flatMap { KeyLimits.concurrencies.contains($0) ? Int32($0) : nil }
        }
        switch json["models"] {
        case nil, .null: break
        case .string("all"): models = .all
        case .some(let value):
            let names = value.array?.map { $0.string.flatMap { ModelName($0) } }
            guard let names, !names.contains(nil) else {
                throw Fault(member: "models", requirement: "a list of model names, \"all\", or null for the plan's")
            }
            models = .only(Set(names.compactMap(\.self)))
        }
    }

    private static func limit<Value>(
        _ json: JSON?,
        _ member: String,
        _ requirement: String,
        _ read: (JSON) -> Value?
    ) throws(Fault) -> Limit<Value> {
        switch json {
        case nil, .null: return .inherited
        case .string("unlimited"): return .unlimited
        case .some(let json):
            guard let value = read(json) else {
                throw Fault(member: member, requirement: "\(requirement), \"unlimited\", or null for the plan's")
            }
            return .limited(value)
        }
    }
}
