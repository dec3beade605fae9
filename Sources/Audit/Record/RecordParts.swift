// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// The kind of credential that was shown.
public enum AuditAuth: String, CaseIterable, Sendable {
    case token, key, certificate
}

/// Whether the gateway did what was asked.
public enum AuditDecision: String, CaseIterable, Sendable {
    case allowed, refused
}

/// What stands behind an acknowledged record.
public enum AuditDurability: String, CaseIterable, Sendable {
    /// fdatasync returned: the record survives a power cut.
    case durable
    /// write returned: the record survives the death of the process.
    case written
}

/// The door a request came in by.
public enum AuditListener: String, CaseIterable, Sendable {
    case tenant, management
}

/// What the limits took for a request.
public struct AuditCharge: Hashable, Sendable {
    /// Instances, from the quota of instances.
    public var instances: Int64
    /// Requests, from rates and quotas of requests.
    public var requests: Int64
    /// When they were taken: microseconds after the record's `time`. Left out when it is 0, as it mostly is.
    public var delayMicros: Int64

    /// What was taken, and when.
    public init(instances: Int64, requests: Int64, delayMicros: Int64 = 0) {
        self.instances = instances
        self.requests = requests
        self.delayMicros = delayMicros
    }
}

/// A thing before and after an administrator changed it; nil where it did not exist.
///
/// Each side is at most 12,288 bytes as JSON and without fractions; a longer one is written as
/// `{"omitted_bytes":n}`, a fraction as text.
public struct AuditChange: Hashable, Sendable {
    /// The thing before; nil when the change made it.
    public var before: JSON?
    /// The thing after; nil when the change removed it.
    public var after: JSON?

    /// A change from `before` to `after`.
    public init(before: JSON?, after: JSON?) {
        self.before = before
        self.after = after
    }
}

/// One limit as a decision saw it.
public struct AuditLimit: Hashable, Sendable {
    /// The policy's name; at most 64 bytes.
    public var policy: AuditPolicyName
    /// What the policy allows in its window, in its own unit.
    public var limit: Int64
    /// What was left of it after the decision.
    public var remaining: Int64
    /// Seconds until the whole limit is there again.
    public var resetSeconds: Int64

    /// The state of a limit.
    public init(policy: AuditPolicyName, limit: Int64, remaining: Int64, resetSeconds: Int64) {
        self.policy = policy
        self.limit = limit
        self.remaining = remaining
        self.resetSeconds = resetSeconds
    }
}

/// The limits of a record; four of them, those of a tenant and its key, need no memory of their own.
public struct AuditLimits: Hashable, Sendable, RandomAccessCollection, ExpressibleByArrayLiteral {
    private var first: AuditLimit?
    private var second: AuditLimit?
    private var third: AuditLimit?
    private var fourth: AuditLimit?
    private var rest: [AuditLimit]?

    /// The limits in their order.
    public init(_ limits: some Sequence<AuditLimit>) {
        for limit in limits { append(limit) }
    }

    /// The limits in their order.
    public init(arrayLiteral limits: AuditLimit...) { self.init(limits) }

    /// No limits.
    public init() {}

    /// Adds one at the end.
    public mutating func append(_ limit: AuditLimit) {
        if first == nil {
            first = limit
        } else if second == nil {
            second = limit
        } else if third == nil {
            third = limit
        } else if fourth == nil {
            fourth = limit
        } else {
            rest = (rest ?? []) + [limit]
        }
    }

    /// 0.
    public var startIndex: Int { 0 }
    /// How many there are.
    public var endIndex: Int { count }
    /// How many there are.
    public var count: Int {
        if third == nil { return first == nil ? 0 : second == nil ? 1 : 2 }
        return fourth == nil ? 3 : 4 + (rest?.count ?? 0)
    }

    /// The limit at that place.
    public subscript(place: Int) -> AuditLimit {
        switch place {
        case 0: first!
        case 1: second!
        case 2: third!
        case 3: fourth!
        default: rest![place - 4]
        }
    }
}

/// Where a connection came from.
public struct AuditSource: Hashable, Sendable {
    /// An IP address, or a keyed hash of one where the privacy policy says so; at most 128 bytes.
    public var address: String
    /// The port at that address.
    public var port: UInt16

    /// The peer of a connection.
    public init(address: String, port: UInt16) {
        self.address = address
        self.port = port
    }
}

/// What TLS agreed on.
public struct AuditTLS: Hashable, Sendable {
    /// OpenSSL's name of the suite; at most 64 bytes.
    public var cipher: String
    /// `TLSv1.3`, `TLSv1.2`; at most 16 bytes.
    public var version: String
    /// Whether an earlier session was resumed. Left out when it was not.
    public var isResumed: Bool
    /// SHA-256 of the certificate that the client proved to hold, in 64 lower-case hexadecimal digits; nil when it showed
    /// none.
    public var clientSHA256: String?

    /// The parameters of a TLS connection.
    public init(cipher: String, version: String, isResumed: Bool = false, clientSHA256: String? = nil) {
        self.cipher = cipher
        self.version = version
        self.isResumed = isResumed
        self.clientSHA256 = clientSHA256
    }
}
