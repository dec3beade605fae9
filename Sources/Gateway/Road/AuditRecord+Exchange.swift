// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Identity
import Inference
import Limits

extension AuditRecord {
    /// What is recorded of an exchange and its answer.
    ///
    /// The raw path, the query, the User-Agent and the body stay out: any of them may hold what a client should not have
    /// put there.
    init(of stream: RequestStream, on connection: HTTPConnection, reply: borrowing Reply) {
        let exchange = stream.exchange
        let loop = stream.loop
        self.init(
            time: exchange.arrival,
            gateway: loop.gateway,
            durability: loop.durability,
            decision: reply.refusal == nil ? .allowed : .refused,
            reason: reply.refusal?.code ?? .ok
        )
        status = Int64(reply.status)
        listener = connection.listener == .tenant ? .tenant : .management
        self.connection = connection.id
        source = connection.source
        tls = connection.tls
        self.protocol = exchange.version.name.description
        method = exchange.method.name.description
        route = exchange.route?.template
        action = exchange.route?.action(exchange.method)
        configGeneration = loop.generation

        if let principal = exchange.principal {
            auth = exchange.usedToken ? .token : exchange.usedCertificate ? .certificate : .key
            tenant = principal.tenant.description
            role = principal.role.rawValue
            keyID = principal.keyID
            subject = principal.subject
            clientID = principal.clientID
            issuer = principal.issuer
            tokenID = principal.tokenID
        }
        if let asked = exchange.scope, !asked.isEmpty { scope = asked.description }
        if let refusal = reply.refusal, !refusal.detail.isEmpty { detail = refusal.detail }
        if let change = reply.change {
            target = change.target
            self.change = AuditChange(before: change.before, after: change.after)
        }
        // Who counts the changes must not count what was none.
        if exchange.blockingHead?.isDryRun == true {
            action = action.map { $0 + ".dry_run" }
            self.change = nil
        }

        model = exchange.model?.description
        modelVersion = exchange.served?.version ?? exchange.modelVersion
        modelDigest = exchange.served?.digest
        if let context = exchange.tenant, exchange.scope == .predict { plan = context.account.plan.name.description }
        let measures = AuditMeasures(of: stream, reply: reply)
        charge = measures.charge
        inferMicros = measures.inferMicros
        instances = measures.instances
        limits = measures.limits
        queueMicros = measures.queueMicros
        id = measures.id
        requestBytes = measures.requestBytes
        responseBytes = measures.responseBytes
        totalMicros = measures.totalMicros
        if let key = loop.personalKey(of: exchange.principal) {
            connection.personalFields.conceal(&self, under: key)
        }
    }
}

extension AuditMeasures {
    /// What is recorded of this request and of no other.
    init(of stream: RequestStream, reply: borrowing Reply) {
        self.init(time: stream.exchange.arrival)
        id = stream.exchange.id
        if stream.exchange.instances > 0 { instances = Int64(stream.exchange.instances) }
        if stream.exchange.admission != nil {
            charge = AuditCharge(
                instances: Int64(stream.exchange.instances),
                requests: 1,
                delayMicros: (stream.exchange.chargedAt.nanoseconds - stream.exchange.arrival.nanoseconds) / 1000
            )
        }
        if let state = stream.exchange.limits {
            state.forEach { limits.append(AuditLimit($0)) }
        }
        requestBytes = Int64(stream.exchange.requestBytes)
        responseBytes = stream.exchange.method == .head ? 0 : Int64(reply.body.count)
        if stream.exchange.inferenceNanoseconds > 0 {
            inferMicros = stream.exchange.inferenceNanoseconds / 1000
        }
        if stream.exchange.inferenceNanoseconds > 0 || stream.exchange.queueNanoseconds > 0 {
            queueMicros = stream.exchange.queueNanoseconds / 1000
        }
        totalMicros = (stream.services.time.monotonic() - stream.exchange.startedAt) / 1000
    }
}

extension AuditLimit {
    fileprivate init(_ policy: PolicyState) {
        self.init(
            policy: AuditPolicyName(policy.label),
            limit: policy.limit,
            remaining: policy.remaining,
            resetSeconds: policy.resetSeconds
        )
    }
}
