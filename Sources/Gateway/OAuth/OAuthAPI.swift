// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Storage

/// OAuth's endpoints, behind what is the same for all of them: the form, the client, and how both are refused.
struct OAuthAPI {
    let services: Services

    func answer(_ request: BlockingRequest) -> BlockingOutcome {
        var client: (key: APIKey, principal: Principal)?
        do {
            let form = try form(of: request)
            // The client comes before what it asks for: a stranger learns nothing about grants, scopes or tokens.
            let proved = try ClientAuthentication(services: services).client(of: request, form: form)
            client = proved
            switch request.route {
            case .token:
                return try TokenEndpoint(services: services).issue(form, to: proved, now: request.now)
            case .revoke:
                let reply = try RevocationEndpoint(services: services).revoke(form, by: proved.key, now: request.now)
                return BlockingOutcome(reply: reply, principal: proved.principal)
            case .introspect:
                let endpoint = IntrospectionEndpoint(services: services)
                let reply = try endpoint.introspect(form, by: proved.principal, now: request.now)
                return BlockingOutcome(reply: reply, principal: proved.principal)
            default: preconditionFailure("\(request.route) is not OAuth's")
            }
        } catch {
            let refusal = services.refusal(for: error, at: request.route)
            return BlockingOutcome(
                // A 401 always challenges (RFC 9110, section 15.5.2), with the one scheme there is here.
                reply: .refused(
                    refusal,
                    fields: refusal.code.status == 401
                        ? [.init(.wwwAuthenticate, "Basic realm=\"tollgate\", charset=\"UTF-8\"")] : []
                ),
                principal: client?.principal
            )
        }
    }

    private func form(of request: BlockingRequest) throws(Refusal) -> FormBody {
        guard request.query == nil else {
            throw Refusal(.requestMalformed, "Parameters belong in the body, never in the URL.")
        }
        guard let form = FormBody(request.body) else {
            throw Refusal(.requestMalformed, "The body is not a form in which each parameter stands once.")
        }
        return form
    }
}
