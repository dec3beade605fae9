// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Identity
import Inference
import Limits

/// The road of a request: identify, route, authorise, admit, decode, schedule, encode. Each step goes on or refuses.
extension RequestStream {
    /// The head is here and well-formed.
    func enter(_ head: RequestHead, in bytes: UnsafeRawBufferPointer) {
        guard let route = loop.routes.route(of: head.pathRange.of(bytes), on: listener) else {
            return refuse(
                Refusal(.routeNotFound, "There is nothing at this path on the \(listener.rawValue) listener.")
            )
        }
        exchange.route = route
        guard route.takes(head.method) else {
            let allowed = route.methods.map(\.name.description).joined(separator: ", ")
            return refuse(
                Refusal(.methodNotAllowed, "This path takes \(allowed)."),
                fields: [.init(.allow, allowed)]
            )
        }
        exchange.hasMediaType = head[.contentType].map { Self.mediaType($0.of(bytes), is: route.mediaType) } ?? false
        if route.blocks {
            exchange.blockingHead = BlockingHead(head, in: bytes, withAuthorization: route == .token)
        }
        guard let scope = route.scope else { return admit() }
        exchange.scope = scope
        identify(head[.authorization].map { $0.of(bytes) })
    }

    // MARK: - Identify

    private func identify(_ field: UnsafeRawBufferPointer?) {
        guard let field else {
            return challenge(
                Refusal(
                    .credentialMissing,
                    "Send an access token or API key as 'Authorization: Bearer …'; POST /oauth/token gives one."
                )
            )
        }
        guard field.count > 7, field.hasPrefix("bearer ") else {
            return challenge(Refusal(.credentialMissing, "The only authentication scheme understood here is Bearer."))
        }
        identify(UnsafeRawBufferPointer(rebasing: field.dropFirst(7)))
    }

    private func identify(_ credential: UnsafeRawBufferPointer) {
        let authenticator = services.authenticator
        let isKey = credential.hasPrefix("tg_")
        if let known = loop.tokens.lookup(token: credential, now: exchange.arrival, authenticator: authenticator) {
            if !isKey { loop.meters.cacheHit() }
            return identified(known, byToken: !isKey)
        }
        if isKey {
            // Read first: whatever changes from here on makes the key be checked again.
            let generation = authenticator.directory.generation
            let result = authenticator.authenticate(key: credential, now: exchange.arrival)
            if case .success(let principal) = result {
                loop.tokens.insert(token: credential, principal: principal, generation: generation)
            }
            return identified(result, byToken: false)
        }
        loop.meters.cacheMiss()
        var missing: MissingKey?
        switch authenticator.gate(credential, missing: &missing) {
        case .failure(let refusal):
            guard let missing, awaitKey(missing, for: Array(credential)) else {
                return identified(.failure(refusal), byToken: true)
            }
        case .success(let gated):
            // libjwt parses a PEM each time: off the loop, once for each token.
            let token = Array(credential)
            let now = exchange.arrival
            offLoop(on: services.tokenPool) { _ in
                authenticator.admit(gated, now: now)
            } then: { stream, result in
                stream.verified(token, result, generation: gated.generation)
            }
        }
    }

    func verified(_ token: [UInt8], _ result: Result<Principal, Refusal>, generation: UInt64) {
        if case .success(let principal) = result { loop.remember(token, of: principal, generation: generation) }
        identified(result, byToken: true)
    }

    private func identified(_ result: Result<Principal, Refusal>, byToken: Bool) {
        // The client may have left, or its body may have been refused, while the token was verified.
        guard isOpen else { return }
        exchange.usedToken = byToken
        switch result {
        case .success(let principal):
            exchange.principal = principal
            if let refusal = connection?.claim(by: principal) {
                exchange.closes = true
                return refuse(refusal)
            }
            authorise(principal)
        case .failure(let refusal):
            // A new credential would be of no help where the fault is ours.
            if refusal.code.status == 401 { challenge(refusal) } else { refuse(refusal) }
        }
    }

    /// 401 with the challenge of RFC 6750, section 3: without an error code when there was no credential.
    private func challenge(_ refusal: Refusal) {
        var value = "Bearer realm=\"tollgate\""
        if refusal.code != .credentialMissing {
            value +=
                ", error=\"invalid_token\", error_description=\"\(refusal.sentence.filter { $0 != "\"" && $0 != "\\" })\""
        }
        refuse(refusal, fields: [.init(.wwwAuthenticate, value)])
    }

    // MARK: - Authorise

    private func authorise(_ principal: Principal) {
        guard let scope = exchange.scope, principal.scopes.isSuperset(of: scope) else {
            let needed = exchange.scope?.description ?? ""
            let value = "Bearer realm=\"tollgate\", error=\"insufficient_scope\", scope=\"\(needed)\""
            let refusal =
                listener == .management
                ? Refusal(
                    .roleForbidden,
                    "This needs the scope '\(needed)', which a key of role \(principal.role.rawValue) does not have."
                )
                : Refusal(.scopeMissing, "This needs the scope '\(needed)', which the credential does not have.")
            return refuse(refusal, fields: [.init(.wwwAuthenticate, value)])
        }
        switch exchange.route {
        case .predictDefault: reach(services.defaultModel, version: nil, of: principal)
        case .predict(let model, let version), .modelStatus(let model, let version):
            reach(model, version: version, of: principal)
        default: admit()
        }
    }

    /// Checks that the caller may reach the model; one that is not theirs looks like one that is not there.
    private func reach(_ name: ModelName, version: Int64?, of principal: Principal) {
        exchange.model = name
        exchange.modelVersion = version
        if let last = connection?.last, last.covers(principal, exchange.route, version: exchange.version) {
            exchange.last = last
            exchange.tenant = last.tenant
            exchange.served = last.model
            return admit()
        }
        guard let tenant = loop.tenant(principal.tenant), principal.models.allows(name),
            tenant.account.plan.models.allows(name), services.models.contains(name)
        else {
            exchange.model = nil
            exchange.modelVersion = nil
            return refuse(
                Refusal(.modelNotFound, "Servable not found for request: Latest(\(name))", detail: "model \(name)")
            )
        }
        exchange.tenant = tenant
        admit()
    }

    // MARK: - Admit

    private func admit() {
        guard let route = exchange.route else { preconditionFailure("admitted without a route") }
        if exchange.method.takesBody {
            guard exchange.hasMediaType else {
                return refuse(
                    Refusal(.mediaTypeUnsupported, "The body must be \(route.mediaType); say so in Content-Type.")
                )
            }
            guard exchange.contentLength ?? 0 <= bodyLimit else { return refuseBody(limit: bodyLimit) }
            // What cannot be recorded must not be done: the record comes after the deed.
            guard services.audit.isWriting else {
                return refuse(
                    Refusal(
                        .auditUnavailable,
                        "The audit log cannot be written, so nothing is done now.",
                        retryAfter: 5
                    )
                )
            }
        }
        if let tenant = exchange.tenant, exchange.scope == .predict {
            exchange.chargedAt = chargeTime()
            switch tenant.account.admit(now: exchange.chargedAt) {
            case .admitted(let admission):
                exchange.admission = admission
                exchange.limits = admission.state
            case .refused(let limit):
                exchange.limits = limit.state
                loop.meters.limited(tenant, reason: limit.code)
                var reply = Reply.refused(
                    Refusal(limit.code, Self.sentence(limit, tenant.account.plan), retryAfter: limit.retryAfterSeconds)
                )
                reply.violatedPolicies = limit.violatedPolicies
                return self.reply(reply)
            }
        }
        exchange.isAdmitted = true
        sendContinue()
        connection?.bodyIsWanted(self)
        if input == .complete { performKept() }
    }

    /// Now, as exact as records are; the arrival while that is as good as now, so that most records need no more.
    private func chargeTime() -> UnixTime {
        let now = services.time.now().nanoseconds / 1000 * 1000
        return now - exchange.arrival.nanoseconds < 1_000_000 ? exchange.arrival : UnixTime(nanoseconds: now)
    }

    /// Compares the type and subtype, and takes any parameters (RFC 9110, section 8.3.1).
    private static func mediaType(_ field: UnsafeRawBufferPointer, is expected: StaticString) -> Bool {
        let length = expected.utf8CodeUnitCount
        guard field.count >= length, field.hasPrefix(expected) else { return false }
        return field.count == length || [0x3b, 0x20, 0x09].contains(field[length])
    }

    private static func sentence(_ limit: LimitRefusal, _ plan: Plan) -> String {
        switch limit.code {
        case .rateExceeded:
            let rate = plan.rate.map { "\($0.requests) requests in \($0.seconds) s, \($0.burst) at once" } ?? ""
            return "The rate of this tenant's plan (\(rate)) is used up; retry in \(limit.retryAfterSeconds) s."
        case .quotaExceeded:
            return
                "The daily quota of \(plan.dailyQuota ?? 0) requests is used up; it renews in \(limit.retryAfterSeconds) s."
        default:
            return "This tenant has \(plan.concurrency ?? 0) requests under way, as many as its plan allows."
        }
    }

    // MARK: - Perform

    /// Every check passed and the request is whole; `body` is valid during the call.
    func perform(_ body: UnsafeRawBufferPointer) {
        guard let route = exchange.route else { preconditionFailure("performed without a route") }
        switch route {
        case .predictDefault, .predict: predict(body)
        case .modelStatus(let name, let version): modelStatus(name, version: version)
        case .live: reply(.json(["status": "alive"]))
        case .ready: ready()
        case .token, .metrics, .tenants, .tenant, .plans, .plan, .keys, .key, .models, .auditRecords, .auditProof,
            .auditLog, .reload:
            let request = BlockingRequest(
                route: route,
                method: exchange.method,
                query: exchange.blockingHead?.query,
                accept: exchange.blockingHead?.accept,
                authorization: exchange.blockingHead?.authorization,
                body: Array(body),
                principal: exchange.principal,
                now: exchange.arrival
            )
            offLoop(on: listener == .tenant ? services.tokenPool : services.managementPool) { services in
                services.perform(request)
            } then: { stream, outcome in
                stream.finish(outcome)
            }
        }
    }

    private func finish(_ outcome: BlockingOutcome) {
        guard isOpen else { return }
        if let principal = outcome.principal { exchange.principal = principal }
        if let minted = outcome.minted {
            exchange.scope = minted.scopes
            loop.remember(Array(minted.text.utf8), of: minted.principal, generation: outcome.generation)
        }
        reply(outcome.reply)
    }

    private func ready() {
        if let reason = services.life.unreadyReason(auditHealth: services.audit.health) {
            return refuse(Refusal(reason.code, reason.sentence, retryAfter: 5))
        }
        reply(.json(["status": "ready"]))
    }

    // MARK: - Off the loop

    /// Runs work that may block on a thread of the pool, then goes on with its result on the loop if the exchange is
    /// still there.
    private func offLoop<Value: Sendable>(
        on pool: WorkerPool,
        _ work: @escaping @Sendable (Services) -> Value,
        then: @escaping @Sendable (RequestStream, Value) -> Void
    ) {
        let ticket = ticket
        let handle = loop.handle
        let services = services
        let isTaken = pool.submit {
            let value = work(services)
            handle.execute { loop in
                guard let stream = loop.stream(ticket) else { return }
                then(stream, value)
            }
        }
        if !isTaken { refuseQueue() }
    }

    func refuseQueue() {
        guard isOpen else { return }
        refuse(Refusal(.queueFull, "Too much waits for this already; retry in a second.", retryAfter: 1))
    }
}
