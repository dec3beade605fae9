// SPDX-License-Identifier: Apache-2.0

import GatewayCore

extension ReasonCode {
    /// What a reason means, and what whoever meets it can do. A new reason has to be explained here.
    var explanation: (meaning: String, advice: String) {
        switch self {
        case .ok: ("Every check passed.", "Nothing.")

        case .credentialMissing:
            ("No bearer credential came with the request.", "Send 'Authorization: Bearer …' with an API key or token.")
        case .credentialMalformed:
            ("The credential is neither an API key nor a token.", "Check that it was copied whole.")
        case .tokenMalformed: ("The token is no JWT in its strict form.", "Get a new one from its issuer.")
        case .tokenTooLarge: ("The token is longer than 8 KiB.", "Have the issuer put fewer claims into it.")
        case .tokenAlgorithm:
            ("The token's algorithm is not the one of the key that it names.", "Look at the issuer's key and 'alg'.")
        case .tokenKeyUnknown:
            ("No key of the issuer has the token's 'kid'.", "Get a new token; look at the issuer's key set.")
        case .tokenSignature:
            ("The token's signature does not fit: it was altered, or made by another key.", "Get a new token.")
        case .tokenClaims:
            ("A claim of the token is missing or wrong; the detail names it.", "Look at the issuer's claims.")
        case .tokenExpired: ("The token had ended.", "Get a new one; look at both clocks if it had just been made.")
        case .tokenNotYetValid: ("The token does not count yet.", "Wait, or look at both clocks.")
        case .tokenAudience: ("The token is for another audience.", "Ask the issuer for one with this gateway's.")
        case .tokenIssuer: ("No issuer of that name is trusted.", "Name it under 'issuers' in the configuration.")
        case .tokenRevoked: ("The token was revoked, alone or with its key.", "Get a new one if the key still counts.")
        case .tokenDoorsDisagree:
            ("Two verifiers came to different results, so the token was refused.", "Report it: this should not happen.")
        case .keyInvalid:
            ("No such API key exists, or its secret is wrong.", "Check the key; it may have been rotated.")
        case .keyRevoked: ("The API key had been revoked.", "Issue another key.")
        case .keyExpired: ("The API key had ended.", "Issue another, or 'tollgate key update ID --expires-in never'.")
        case .tenantDisabled:
            ("The tenant is disabled or being deleted.", "'tollgate tenant enable ID' or 'tollgate tenant restore ID'.")

        case .scopeMissing: ("The credential lacks the scope that the route needs.", "Use a key that has it.")
        case .roleForbidden:
            ("The role of the key may not do this.", "Use a key of another role; the README has the table.")
        case .addressForbidden:
            ("The key may not be used from that address.", "'tollgate key update ID --networks …' allows others.")
        case .modelNotFound:
            (
                "There is no such model, or the key or the plan does not allow it.",
                "Look at 'tollgate model list', the key's and the plan's models."
            )
        case .versionNotFound: ("The model has no such version or label.", "Look at 'tollgate model list'.")

        case .routeNotFound: ("There is nothing at that path.", "Check the address, and which listener it is.")
        case .methodNotAllowed: ("The path takes other methods.", "Use one that the answer's 'Allow' names.")
        case .requestMalformed: ("The request breaks HTTP's rules.", "Look at the client, or what is between.")
        case .headersTooLarge:
            ("The header fields are larger than allowed.", "Send fewer, or raise http.max_header_bytes.")
        case .headerTimeout: ("The header took too long to come.", "Look at the client's connection.")
        case .requestTimeout: ("The body took too long to come.", "Look at the client's connection.")
        case .bodyTooSlow: ("The body came too slowly.", "Look at the client's connection.")
        case .expectationFailed: ("'Expect' held something other than 100-continue.", "Leave it out.")
        case .lengthInvalid: ("The lengths that were given contradict the body.", "Look at the client's encoding.")
        case .mediaTypeUnsupported: ("The body's media type or coding is not taken here.", "Set Content-Type.")
        case .bodyTooLarge: ("The body is larger than allowed.", "Send less at once, or raise http.max_body_bytes.")
        case .jsonMalformed: ("The body is no valid JSON.", "Look at the place that the answer names.")
        case .fieldMissing: ("The body lacks a field.", "Add the one that the answer names.")
        case .fieldInvalid: ("A field or parameter is wrong.", "Correct the one that the answer names.")
        case .instancesEmpty: ("There were no instances to predict.", "Send at least one.")
        case .tooManyInstances: ("There were more instances than one request may have.", "Send them in several.")
        case .shapeMismatch: ("The instances have another shape than the model.", "Look at the model's metadata.")
        case .typeMismatch: ("The values have another type than the model.", "Look at the model's metadata.")
        case .numberInvalid: ("A number is not one that the model's type can hold.", "Correct it.")
        case .notFound: ("There is no such object, or it belongs to somebody else.", "Check its name.")
        case .conflict: ("The object is in a state that does not allow this.", "Read it again, and decide anew.")
        case .preconditionFailed:
            ("The object is at another revision than was expected.", "Read it again, and decide anew.")
        case .idempotencyKeyReused: ("The idempotency key belonged to another call.", "Use a fresh one.")
        case .configurationInvalid: ("The new configuration is wrong, so the old one holds.", "Run 'tollgate check'.")
        case .grantUnsupported: ("Only the grant client_credentials is served.", "Use that one.")
        case .scopeInvalid: ("A scope is unknown or beyond what the key may have.", "Ask for fewer.")
        case .tokenForeign: ("The token belongs to another client.", "Revoke it with the key it was made from.")
        case .tokenTypeUnsupported: ("Such tokens cannot be revoked here.", "Revoke the access token or the key.")

        case .rateExceeded:
            (
                "The rate of the plan or of the key was used up.",
                "Retry after what Retry-After said, or raise the plan's rate, or the key's: 'tollgate key limits ID …'."
            )
        case .quotaExceeded:
            (
                "The day's quota of the plan or of the key was used up.",
                "Wait for 00:00 UTC, or raise the plan's quota, or the key's: 'tollgate key limits ID …'."
            )
        case .concurrencyExceeded:
            (
                "As many requests were under way as the plan or the key allows.",
                "Send fewer at once, or raise the plan's concurrency, or the key's: 'tollgate key limits ID …'."
            )
        case .queueFull:
            (
                "Too much was waiting already, of the tenant or of all.",
                "Retry after what Retry-After said; if it stays, the gateway is too small."
            )
        case .deadlineUnattainable:
            (
                "With what was waiting already the answer would have come behind the request's deadline.",
                "Retry after what Retry-After said, or allow more time."
            )
        case .pipelineTooDeep: ("Too many requests were sent ahead on one connection.", "Wait for answers.")
        case .tenantConnections: ("The tenant has as many connections as it may.", "Use fewer, for more requests each.")
        case .connections: ("The gateway has as many connections as it may.", "Retry, or raise http.max_connections.")
        case .sourceConnections:
            ("The address has as many connections as it may.", "Use fewer, or raise http.max_connections_per_source.")
        case .handshakes: ("Too many TLS handshakes were under way.", "Retry; keep connections open.")
        case .descriptors: ("The process has no descriptors left.", "Raise its limit of open files.")

        case .modelUnavailable: ("The model is not ready.", "Look at 'tollgate model list' for the reason.")
        case .inferenceFailed: ("The engine failed at this input.", "Look at the gateway's log.")
        case .auditUnavailable:
            ("The audit log could not be written, so nothing was done.", "Look at the disk and the log.")
        case .storageUnavailable: ("The database could not be used.", "Look at the disk and the log.")
        case .recordPruned:
            ("The record was pruned: its time was over.", "Its hash is still in the tree; nothing else is left of it.")
        case .checkpointPending: ("No checkpoint covered the record yet.", "Retry in a second.")
        case .issuerUnavailable: ("The issuer's keys could not be had.", "Look at the issuer's address and the log.")
        case .processingTimeout:
            ("The answer took longer than allowed.", "Send less at once, or raise http.request_seconds.")
        case .deadlineExceeded:
            ("The deadline that the request named passed before its answer.", "Allow more time, or send less at once.")
        case .draining: ("The gateway was about to end.", "Retry: another process should answer.")
        case .internalError: ("The gateway failed.", "Look at its log, and report it.")

        case .clientClosed: ("The client went away before its answer.", "Look at the client's time-outs.")
        }
    }
}
