// SPDX-License-Identifier: Apache-2.0

import Audit
import ContentCoding
import GatewayCore
import HTTP
import Identity
import Inference
import Limits

/// One request on its road: what each step found out, for the next step and for the record.
struct Exchange {
    /// Names the request within its event loop, 0 when there is none; an answer that comes late finds out by it that
    /// nobody waits any more.
    var serial: UInt32 = 0
    var id = RequestID(high: 0, low: 0)
    var arrival = UnixTime(nanoseconds: 0)
    /// Of the monotonic clock, nanoseconds.
    var startedAt: Int64 = 0

    var method = HTTPMethod.other
    var version = HTTPVersion.http11
    var route: Route?
    /// nil without a body and when its length is not known beforehand.
    var contentLength: Int?
    var isChunked = false
    var expectsContinue = false
    /// Whether Content-Type is what the route takes.
    var hasMediaType = false
    /// Only on routes that read it later than the head is there.
    var blockingHead: BlockingHead?
    /// Of `Inference-Header-Content-Length`: how much of an infer body is JSON; negative where the field says nothing sound.
    var jsonBytes: Int?
    /// The body comes in this coding; `jsonBytes` counts what it decodes to.
    var bodyCoding: ContentCoding?
    /// The coding that the client takes the answer in.
    var answerCoding: ContentCoding?
    var requestBytes = 0

    var principal: Principal?
    var usedToken = false
    var usedCertificate = false
    /// The scope or role that was asked for.
    var scope: ScopeSet?
    var tenant: TenantContext?
    var admission: Admission?
    var limits: LimitState?
    /// When the limits were charged.
    var chargedAt = UnixTime(nanoseconds: 0)

    var model: ModelName?
    /// The one that was asked for.
    var modelVersion: Int64?
    /// The one that answers.
    var served: Model?
    /// What an infer request wants of its answer; nil for any other.
    var infer: InferOptions?
    /// The request that this one is like, as far as its head says.
    var last: LastRequest?
    /// Of the monotonic clock: how long the client waits; `.max` where it does not say.
    var deadline = Int64.max
    var waiting = Waiting.nowhere
    var instances = 0
    var queuedAt: Int64 = 0
    var queueNanoseconds: Int64 = 0
    var inferenceNanoseconds: Int64 = 0

    /// Every check of the head passed; the body is waited for.
    var isAdmitted = false

    /// Once it is known; the exchange then waits to be sealed.
    var reply: Reply?
    /// Whether the connection ends with this exchange; over HTTP/2 it never does.
    var closes = false
}

/// What a blocking route reads of its request's head.
final class BlockingHead: Sendable {
    let query: String?
    let accept: String?
    /// Only where the route identifies the caller itself.
    let authorization: String?
    let ifMatch: String?
    let ifNoneMatch: String?
    let idempotencyKey: String?
    /// Whether a change is asked to be checked to the end and not made.
    let isDryRun: Bool

    init(_ head: RequestHead, in bytes: UnsafeRawBufferPointer, withAuthorization: Bool) {
        let query = head.queryRange.map { bytes.text($0) }
        self.query = query
        isDryRun =
            head.method != .get && head.method != .head
            && query.flatMap { FormBody($0.utf8) }?["dry_run"] == "true"
        accept = head[.accept].map { bytes.text($0) }
        ifMatch = head[.ifMatch].map { bytes.text($0) }
        ifNoneMatch = head[.ifNoneMatch].map { bytes.text($0) }
        idempotencyKey = head[.idempotencyKey].map { bytes.text($0) }
        authorization = withAuthorization ? head[.authorization].map { bytes.text($0) } : nil
    }
}
