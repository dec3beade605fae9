// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import HTTP
import Identity
import Storage

/// A creating call with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07).
///
/// The same key with the same call gives the answer of the first time for a day, after a restart too; with another call
/// it is refused. Only answers that made something are kept: a refusal can be tried again.
struct IdempotentCall: Sendable {
    private let caller: String
    private let key: [UInt8]
    private let requestHash: [UInt8]

    static let seconds: Int64 = 86_400

    /// nil without an idempotency key, on routes that create nothing, and on dry runs, which make nothing to keep.
    init?(_ request: BlockingRequest) throws(Refusal) {
        guard let path = request.route.creates, request.method == .post, let field = request.idempotencyKey,
            let caller = request.principal?.keyID
        else { return nil }
        // A structured string, or its content alone, as most clients send it.
        var text = field[...]
        if text.count >= 2, text.hasPrefix("\""), text.hasSuffix("\"") { text = text.dropFirst().dropLast() }
        guard (1...255).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) && $0 != 0x22 && $0 != 0x5c })
        else {
            throw Refusal(
                .fieldInvalid,
                "Idempotency-Key must be 1 to 255 visible characters without quotes inside, best a fresh UUID."
            )
        }
        guard !request.isDryRun else { return nil }
        self.caller = caller
        key = Array(text.utf8)
        requestHash = SHA256.hash(Array("POST \(path)\n".utf8) + request.body)
    }

    private var keyHash: [UInt8] { SHA256.hash(key) }
    /// What the text of a new key is kept under.
    private var secretName: [UInt8] { Array("\(caller)\n".utf8) + key }

    /// The answer of the first time; nil when this is the first time.
    func replay(_ services: Services, now: UnixTime) throws -> Reply? {
        let since = now + -Self.seconds
        guard let known = try services.store.answer(to: caller, keyHash: keyHash, since: since) else { return nil }
        guard constantTimeEqual(known.requestHash, requestHash) else {
            throw Refusal(
                .idempotencyKeyReused,
                "This Idempotency-Key was used for another request; use a fresh one for each."
            )
        }
        var body = try JSON.parse(known.body)
        if body["masked"] != nil, let members = body.members {
            // The text of a key is in no store; who lost it after some minutes rotates the key.
            let text = services.shownSecrets.text(of: secretName, now: now)
            body = .object([JSON.Member("key", text.map(JSON.string) ?? .null)] + members)
        }
        var reply = Reply.json(body, status: known.status)
        if let location = known.location { reply.fields.append(.init(.location, location)) }
        if let etag = known.etag { reply.fields.append(.init(.etag, etag)) }
        reply.fields.append(.init(.idempotentReplayed, "true"))
        return reply
    }

    /// The answer as it is kept, together with what the call makes.
    ///
    /// - Parameter revision: for the answer's `ETag`; nil where it has none.
    func answer(_ body: JSON, status: Int, location: String?, revision: Int64?, now: UnixTime) -> IdempotentAnswer {
        IdempotentAnswer(
            caller: caller,
            keyHash: keyHash,
            requestHash: requestHash,
            status: status,
            location: location,
            etag: revision.map(Reply.tag),
            body: body.serialized(),
            createdAt: now
        )
    }

    /// Keeps the text of a new key for the minutes in which it can be asked for again.
    func remember(secret: String, _ services: Services, now: UnixTime) {
        services.shownSecrets.remember(secret, of: secretName, now: now)
    }
}

extension Route {
    /// The path of a route that makes something by POST.
    fileprivate var creates: String? {
        switch self {
        case .tenants, .keys, .auditHolds: template
        case .keyRotate(let id): "/admin/v1/keys/\(id)/rotate"
        default: nil
        }
    }
}
