// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// What the gateway did about one request: one line of the audit log.
///
/// A record is written as canonical JSON: one line, members in ascending byte order, integers only, absent members left
/// out, at most ``maximumBytes`` bytes. Texts longer than their bound in <doc:Record> are cut there and end in `…`, so
/// any value can be written. Secrets are never put into a record; the caller leaves them out.
public struct AuditRecord: Hashable, Sendable {
    /// A log entry carries its length in 16 bits (C2SP tlog-tiles, "Log Entries").
    public static let maximumBytes = 65_535
    /// The `v` of the records written here.
    public static let version: Int64 = 1

    /// `predict`, `token.issue`, `tenant.create`, `key.revoke`, …; nil when no route was found.
    public var action: String?
    /// The kind of credential; nil when none was shown.
    public var auth: AuditAuth?
    /// What an administrator changed, before and after.
    public var change: AuditChange?
    /// What the limits took, after settlement; nil when nothing was taken.
    public var charge: AuditCharge?
    /// The client that the credential was issued to.
    public var clientID: String?
    /// The generation of the configuration that decided, from 1.
    public var configGeneration: Int64?
    /// The connection's number since the start, below 2^63.
    public var connection: UInt64?
    /// At least 2, when this record stands for that many refusals of one kind.
    public var count: Int64?
    /// Whether what was asked was done.
    public var decision: AuditDecision
    /// The operator's text of a refusal; control characters are written as spaces.
    public var detail: String?
    /// What stands behind the record's acknowledgement.
    public var durability: AuditDurability
    /// The gateway's name.
    public var gateway: String
    /// Microseconds in the engine.
    public var inferMicros: Int64?
    /// 32 bytes, written in lower-case hexadecimal.
    public var inputSHA256: [UInt8]?
    /// Instances in the request.
    public var instances: Int64?
    /// `iss` of the token.
    public var issuer: String?
    /// The public part of the API key that was shown or that the token came from.
    public var keyID: String?
    /// The limits as the decision saw them; at most 8 are written.
    public var limits: AuditLimits
    /// The door it came in by.
    public var listener: AuditListener?
    /// The HTTP method.
    public var method: String?
    /// The model's name.
    public var model: String?
    /// The digest of the model's files, with its algorithm.
    public var modelDigest: String?
    /// The version that answered.
    public var modelVersion: Int64?
    /// 32 bytes, written in lower-case hexadecimal.
    public var outputSHA256: [UInt8]?
    /// The key under which the personal fields are written; nil where they are plain.
    public var personalKey: String?
    /// The tenant's plan.
    public var plan: String?
    /// `HTTP/1.1`, `HTTP/2`.
    public var `protocol`: String?
    /// Microseconds waiting for the engine.
    public var queueMicros: Int64?
    /// The raw value of a ``GatewayCore/ReasonCode``; a text, so that logs of newer gateways can be read.
    public var reason: String
    /// Bytes of the request's body.
    public var requestBytes: Int64?
    /// The request's name, as in the answer.
    public var requestID: String?
    /// The same as the gateway makes it, which needs no text; written in place of ``requestID``, and not set by decoding.
    public var id: RequestID?
    /// Bytes of the answer's body.
    public var responseBytes: Int64?
    /// The role of the credential's holder.
    public var role: String?
    /// The route's template, never the raw path.
    public var route: String?
    /// Space-delimited, as in RFC 6749, section 3.3.
    public var scope: String?
    /// Where the connection came from.
    public var source: AuditSource?
    /// The HTTP status of the answer.
    public var status: Int64?
    /// `sub` of the token, or the key's id.
    public var subject: String?
    /// What an administrator changed: `tenant/acme`.
    public var target: String?
    /// The tenant that was proved.
    public var tenant: String?
    /// Arrival of the request; microseconds are kept.
    public var time: UnixTime
    /// What TLS agreed on; nil without it.
    public var tls: AuditTLS?
    /// `jti` of the token.
    public var tokenID: String?
    /// Microseconds from arrival to seal.
    public var totalMicros: Int64?

    /// A record with its required members; the others are set as the request goes on.
    public init(
        time: UnixTime,
        gateway: String,
        durability: AuditDurability,
        decision: AuditDecision,
        reason: ReasonCode
    ) {
        self.time = time
        self.gateway = gateway
        self.durability = durability
        self.decision = decision
        self.reason = reason.rawValue
        self.limits = []
    }
}
