// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity

/// Who calls one of OAuth's endpoints: RFC 6749, section 2.3.1.
///
/// The client id is an API key's id and the client secret the whole key, by HTTP Basic or as form fields.
///
/// Whoever does not know a key's secret gets the same answer after the same steps, whether there is such a client or not;
/// that a key is revoked, expired or of a disabled tenant is told to who knows its secret alone.
struct ClientAuthentication {
    let services: Services

    /// What the client showed.
    private struct Credentials {
        let id: String
        let secret: String
    }

    /// - Returns: the client's API key, with what it may do now.
    func client(of request: BlockingRequest, form: FormBody) throws(Refusal) -> (key: APIKey, principal: Principal) {
        let shown = try credentials(request.authorization, form)
        var secret = shown.secret
        let proved = secret.withUTF8 {
            services.authenticator.authenticate(key: UnsafeRawBufferPointer($0), now: request.now)
        }
        switch proved {
        case .success(let principal):
            guard let id = principal.keyID, id == shown.id, let key = services.directory.key(id) else {
                throw Self.unknown(detail: "the client id is not that of the key")
            }
            guard principal.mayCome(from: request.address) else { throw Refusal.address(of: principal) }
            principal.noteUse(at: request.now, in: services.directory)
            return (key, principal)
        case .failure(let refusal) where refusal.code == .keyInvalid:
            throw Self.unknown(detail: refusal.detail)
        case .failure(let refusal):
            // The id is a part of the proof: without it nothing is told of the key.
            guard APIKeyFormat.parse(secret.utf8)?.id == shown.id else { throw Self.unknown(detail: refusal.detail) }
            throw refusal
        }
    }

    private static func unknown(detail: String) -> Refusal {
        Refusal(.keyInvalid, "The client id or the client secret is wrong.", detail: detail)
    }

    private func credentials(_ field: String?, _ form: FormBody) throws(Refusal) -> Credentials {
        guard let field else {
            guard let secret = form["client_secret"] else {
                throw Refusal(
                    .credentialMissing,
                    "Authenticate by HTTP Basic, or by client_id and client_secret in the form."
                )
            }
            guard let id = form["client_id"] else {
                throw Refusal(.fieldMissing, "client_id is missing; with client_secret it is the API key's id.")
            }
            return Credentials(id: id, secret: secret)
        }
        guard form["client_secret"] == nil else {
            throw Refusal(.credentialMalformed, "Authenticate once: by HTTP Basic or by form fields, not both.")
        }
        guard field.lowercased().hasPrefix("basic "),
            let text = Base64.decode(field.utf8.dropFirst(6).drop { $0 == UInt8(ascii: " ") }),
            let colon = text.firstIndex(of: UInt8(ascii: ":")),
            let id = FormBody.decode(text[..<colon]), let secret = FormBody.decode(text[(colon + 1)...])
        else {
            throw Refusal(.keyInvalid, "Authorization must be Basic with 'client id:API key' in base64.")
        }
        guard form["client_id"] ?? id == id else {
            throw Refusal(.credentialMalformed, "client_id is another than that of HTTP Basic.")
        }
        return Credentials(id: id, secret: secret)
    }
}
