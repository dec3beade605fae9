// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Telemetry

/// `POST /oauth/token`: an access token for an API key (RFC 6749, section 4.4: client credentials).
///
/// The client id is the key's id and the client secret the whole key, by HTTP Basic or as form fields (section 2.3.1).
struct TokenEndpoint {
    let services: Services

    func issue(_ request: BlockingRequest) -> BlockingOutcome {
        switch grant(request) {
        case .success(let outcome): return outcome
        case .failure(let refusal):
            let usedBasic = request.authorization != nil
            let isClient = refusal.code.status == 401
            return BlockingOutcome(
                reply: .refused(
                    refusal,
                    fields: isClient && usedBasic
                        ? [.init(.wwwAuthenticate, "Basic realm=\"tollgate\", charset=\"UTF-8\"")] : []
                )
            )
        }
    }

    private func grant(_ request: BlockingRequest) -> Result<BlockingOutcome, Refusal> {
        // Read first: whatever is revoked from here on makes the token be checked again.
        let generation = services.directory.generation
        guard request.query == nil else {
            return .failure(Refusal(.requestMalformed, "Parameters belong in the body, never in the URL."))
        }
        guard let form = FormBody(request.body) else {
            return .failure(
                Refusal(.requestMalformed, "The body is not a form in which each parameter stands once.")
            )
        }
        let credentials: (id: String?, secret: String)
        switch clientCredentials(request.authorization, form) {
        case .success(let found): credentials = found
        case .failure(let refusal): return .failure(refusal)
        }
        // The client comes before what it asks for: a stranger learns nothing about grants or scopes.
        var secret = credentials.secret
        let shown = secret.withUTF8 {
            services.authenticator.authenticate(key: UnsafeRawBufferPointer($0), now: request.now)
        }
        let principal: Principal
        switch shown {
        case .success(let found): principal = found
        case .failure(let refusal): return .failure(refusal)
        }
        guard principal.mayCome(from: request.address) else { return .failure(.address(of: principal)) }
        principal.noteUse(at: request.now, in: services.directory)
        guard let keyID = principal.keyID, credentials.id == nil || credentials.id == keyID,
            let key = services.directory.key(keyID)
        else {
            return .failure(Refusal(.keyInvalid, "The client id is not that of the API key."))
        }
        guard principal.role == .tenant else {
            return .failure(
                Refusal(
                    .roleForbidden,
                    "A key of role \(principal.role.rawValue) is shown as it is, on the management listener."
                )
            )
        }
        guard let grant = form["grant_type"] else {
            return .failure(Refusal(.fieldMissing, "grant_type is missing; it must be client_credentials."))
        }
        guard grant == "client_credentials" else {
            return .failure(Refusal(.grantUnsupported, "The only grant_type here is client_credentials."))
        }
        var scopes = principal.scopes
        if let asked = form["scope"] {
            let wanted = ScopeSet(asked)
            guard ScopeSet.unknown(in: asked).isEmpty, principal.scopes.isSuperset(of: wanted), !wanted.isEmpty else {
                return .failure(Refusal(.scopeInvalid, "This key can be given: \(principal.scopes)."))
            }
            scopes = wanted
        }
        do {
            let minted = try services.minter.mint(for: key, scopes: scopes, now: request.now)
            services.metrics.tokensIssued.with(labels: [principal.tenant.description])
                .increment(shard: services.metrics.otherShard)
            return .success(
                BlockingOutcome(
                    reply: .json(Self.document(minted)),
                    principal: minted.principal,
                    minted: minted,
                    generation: generation
                )
            )
        } catch {
            return .failure(Refusal(.internalError, "The token could not be made.", detail: "\(error)"))
        }
    }

    private static func document(_ minted: MintedToken) -> JSON {
        [
            "access_token": .string(minted.text), "token_type": "Bearer", "expires_in": .integer(minted.expiresIn),
            "scope": .string(minted.scopes.description),
        ]
    }

    private func clientCredentials(_ field: String?, _ form: FormBody) -> Result<(id: String?, secret: String), Refusal>
    {
        if let field {
            guard form["client_secret"] == nil else {
                return .failure(
                    Refusal(.credentialMalformed, "Authenticate once: by HTTP Basic or by form fields, not both.")
                )
            }
            guard field.lowercased().hasPrefix("basic "), let text = Self.basic(field.dropFirst(6)),
                let colon = text.firstIndex(of: UInt8(ascii: ":")),
                let id = FormBody.decode(text[..<colon]), let secret = FormBody.decode(text[(colon + 1)...])
            else {
                return .failure(
                    Refusal(.keyInvalid, "Authorization must be Basic with 'client id:API key' in base64.")
                )
            }
            return .success((id, secret))
        }
        guard let secret = form["client_secret"] else {
            return .failure(
                Refusal(
                    .credentialMissing,
                    "Authenticate by HTTP Basic, or by client_id and client_secret in the form."
                )
            )
        }
        return .success((form["client_id"], secret))
    }

    /// Base64 with its own alphabet and padding (RFC 7617, section 2), by way of base64url.
    private static func basic(_ text: Substring) -> [UInt8]? {
        let trimmed = text.utf8.filter { $0 != UInt8(ascii: "=") && $0 != UInt8(ascii: " ") }
        return Base64URL.decode(
            trimmed.map { byte in
                switch byte {
                case UInt8(ascii: "+"): UInt8(ascii: "-")
                case UInt8(ascii: "/"): UInt8(ascii: "_")
                default: byte
                }
            }
        )
    }
}
