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
            return refuseUnrouted(head, in: bytes)
        }
        exchange.route = route
        guard route.takes(head.method) else {
            let allowed = route.methods.map(\.name.description).joined(separator: ", ")
            return refuse(
                Refusal(.methodNotAllowed, "This path takes \(allowed)."),
                fields: [.init(.allow, allowed)]
            )
        }
        if let mediaType = route.mediaType {
            exchange.hasMediaType = head[.contentType].map { Self.mediaType($0.of(bytes), is: mediaType) } ?? false
        } else {
            exchange.hasMediaType = true
            exchange.jsonBytes = head[.inferenceHeaderContentLength].map { Self.length($0.of(bytes)) }
        }
        if let refusal = readCodings(head, in: bytes, takesTensors: route.takesTensors) {
            return refuse(refusal, fields: [.init(.acceptEncoding, route.takesTensors ? "gzip, deflate" : "identity")])
        }
        if route.takesTensors, let field = head[.requestTimeout], let refusal = readTimeout(field.of(bytes)) {
            return refuse(refusal)
        }
        if route.blocks {
            exchange.blockingHead = BlockingHead(head, in: bytes, withAuthorization: route.isOAuth)
        }
        guard let scope = route.scope(head.method) else { return admit() }
        exchange.scope = scope
        identify(head[.authorization].map { $0.of(bytes) })
    }

    /// No route: 404, or, below TensorFlow Serving's root, what that says.
    private func refuseUnrouted(_ head: RequestHead, in bytes: UnsafeRawBufferPointer) {
        let path = head.pathRange.of(bytes)
        guard listener == .tenant, path.hasPrefix("/v1/") else {
            return refuse(
                Refusal(.routeNotFound, "There is nothing at this path on the \(listener.rawValue) listener.")
            )
        }
        let text = String(decoding: path.prefix(256), as: UTF8.self)
        refuse(Refusal(.requestMalformed, "Malformed request: \(head.method.name) \(text)"))
    }

    /// A decimal number of at most 18 digits; -1 for anything else.
    private static func length(_ field: UnsafeRawBufferPointer) -> Int {
        guard (1...18).contains(field.count), field.allSatisfy({ $0 >= 48 && $0 <= 57 }) else { return -1 }
        return field.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    // MARK: - Identify

    private func identify(_ field: UnsafeRawBufferPointer?) {
        guard let field else {
            if let fingerprint = connection?.clientFingerprint { return identify(certificate: fingerprint) }
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

    /// A client certificate that checked out (RFC 5246, section 7.4.6) and came without a bearer credential.
    private func identify(certificate fingerprint: String) {
        guard let key = loop.clientKeys[fingerprint] else {
            return challenge(
                Refusal(
                    .credentialMissing,
                    "The client certificate is bound to no API key here; bind it, or send a bearer credential.",
                    detail: "listeners.management.client_keys lacks \(fingerprint)"
                )
            )
        }
        exchange.usedCertificate = true
        identified(services.authenticator.authenticate(boundKey: key, now: exchange.arrival), byToken: false)
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
            // A second signature to verify: off the loop, once for each token.
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
            if principal.networks != nil, !principal.mayCome(from: connection?.address) {
                return refuse(.address(of: principal))
            }
            principal.noteUse(at: exchange.arrival, in: services.directory)
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
        case .inference(let route):
            guard let model = route.model else { return admit() }
            if route.blocks {
                guard listener == .management else {
                    return refuse(
                        Refusal(.roleForbidden, "Operators load and unload models on the management listener.")
                    )
                }
                return admit()
            }
            switch route.version {
            case .latest: reach(model, version: nil, of: principal)
            case .number(let version): reach(model, version: version, of: principal)
            case .label: reach(model, version: nil, label: route, of: principal)
            }
        default: admit()
        }
    }

    /// Checks that the caller may reach the model; one that is not theirs looks like one that is not there.
    private func reach(_ name: ModelName, version: Int64?, label: InferenceRoute? = nil, of principal: Principal) {
        exchange.model = name
        exchange.modelVersion = version
        if let last = connection?.last,
            last.covers(principal, exchange.route, version: exchange.version, generation: loop.modelsGeneration)
        {
            exchange.last = last
            exchange.tenant = last.tenant
            exchange.served = last.model
            return admit()
        }
        // Operators, who are no tenant, look at every model.
        let tenant = listener == .tenant ? loop.tenant(principal.tenant) : nil
        guard principal.models.allows(name), tenant?.account.plan.models.allows(name) ?? (listener == .management),
            loop.models.contains(name)
        else {
            exchange.model = nil
            exchange.modelVersion = nil
            let version = version.map { "Specific(\(name), \($0))" } ?? "Latest(\(name))"
            return refuse(
                Refusal(.modelNotFound, "Servable not found for request: \(version)", detail: "model \(name)")
            )
        }
        exchange.tenant = tenant
        if let route = label, case .label(let label) = route.version {
            guard let version = loop.models.version(labelled: label, of: name) else {
                // Not found to one protocol, an invalid argument to the other.
                let code: ReasonCode = route.call.isServing ? .fieldInvalid : .versionNotFound
                return refuse(Refusal(code, "Unrecognized servable version label: \(label)"))
            }
            exchange.modelVersion = version
        }
        admit()
    }

    // MARK: - Admit

    private func admit() {
        guard let route = exchange.route else { preconditionFailure("admitted without a route") }
        if exchange.method.takesBody {
            guard exchange.hasMediaType else {
                let type = route.mediaType.map { "\($0)" } ?? "of any type"
                return refuse(Refusal(.mediaTypeUnsupported, "The body must be \(type); say so in Content-Type."))
            }
            guard exchange.contentLength ?? 0 <= bodyLimit else { return refuseBody(limit: bodyLimit) }
        }
        // What cannot be recorded must not be done: the record comes after the deed.
        if exchange.method != .get, exchange.method != .head, !services.audit.isWriting {
            return refuse(
                Refusal(
                    .auditUnavailable,
                    "The audit log cannot be written, so nothing is done now.",
                    retryAfter: 5
                )
            )
        }
        if let tenant = exchange.tenant, exchange.scope == .predict {
            exchange.chargedAt = chargeTime()
            let key = exchange.principal.flatMap { loop.account(ofKey: $0) }
            switch tenant.account.admit(now: exchange.chargedAt, key: key) {
            case .admitted(let admission):
                exchange.admission = admission
                exchange.limits = admission.state
            case .refused(let limit):
                exchange.limits = limit.state
                loop.meters.limited(tenant, reason: limit.code, byKey: limit.isOfKey)
                var reply = Reply.refused(
                    Refusal(
                        limit.code,
                        limit.sentence(tenant.account.plan, key: key?.limits),
                        detail: limit.detail,
                        retryAfter: limit.retryAfterSeconds
                    )
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

    // MARK: - Perform

    /// Every check passed and the request is whole; `body` is valid during the call.
    func perform(_ body: UnsafeRawBufferPointer) {
        if let coding = exchange.bodyCoding { return decode(body, coding) }
        performDecoded(body)
    }

    /// The same without a content coding, or behind it.
    func performDecoded(_ body: UnsafeRawBufferPointer) {
        guard let route = exchange.route else { preconditionFailure("performed without a route") }
        switch route {
        case .predictDefault, .predict: predict(body)
        case .modelStatus(let name, let version): modelStatus(name, version: version)
        case .inference(let inference) where !inference.blocks: perform(inference, body)
        case .live: reply(.json(["status": "alive"]))
        case .ready: ready()
        case .keySet: reply(services.keySet())
        case .serverMetadata(let path): serverMetadata(of: path)
        default:
            let request = BlockingRequest(
                route: route,
                method: exchange.method,
                query: exchange.blockingHead?.query,
                accept: exchange.blockingHead?.accept,
                authorization: exchange.blockingHead?.authorization,
                ifMatch: exchange.blockingHead?.ifMatch,
                ifNoneMatch: exchange.blockingHead?.ifNoneMatch,
                idempotencyKey: exchange.blockingHead?.idempotencyKey,
                isDryRun: exchange.blockingHead?.isDryRun ?? false,
                address: connection?.address,
                body: Array(body),
                principal: exchange.principal,
                now: exchange.arrival
            )
            offLoop(on: services.pool(for: route, on: listener)) { services in
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

    private func serverMetadata(of path: String) {
        guard path == services.serverMetadata.path else {
            return refuse(Refusal(.routeNotFound, "The issuer of this gateway's tokens has another path."))
        }
        reply(services.serverMetadata.reply)
    }

    private func ready() {
        guard !refuseUnready() else { return }
        reply(.json(["status": "ready"]))
    }

    /// Refuses when no traffic should come here.
    func refuseUnready() -> Bool {
        guard let reason = services.life.unreadyReason(auditHealth: services.audit.health) else { return false }
        refuse(Refusal(reason.code, reason.sentence, retryAfter: 5))
        return true
    }
}
