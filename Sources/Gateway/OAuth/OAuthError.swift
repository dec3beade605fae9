// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A refusal as OAuth has it: RFC 6749, section 5.2, with the problem document's members beside it.
enum OAuthError {
    static func write(_ refusal: Refusal, requestID: RequestID) -> [UInt8] {
        var json = JSONWriter(capacity: 256)
        json.beginObject()
        json.name("error")
        json.string(name(of: refusal.code))
        json.name("error_description")
        json.string(description(refusal.sentence))
        json.name("code")
        json.string(refusal.code.rawValue)
        json.name("status")
        json.integer(status(of: refusal.code))
        json.name("request_id")
        json.string(requestID.description)
        json.endObject()
        return json.bytes
    }

    /// As RFC 6749, section 5.2, has it: 401 for a client that is not known, 400 for what a known one may not do and for a
    /// body that is no form. What HTTP alone is about keeps its status.
    static func status(of code: ReasonCode) -> Int {
        [403, 415].contains(code.status) ? 400 : code.status
    }

    static func name(of code: ReasonCode) -> String {
        switch code {
        case .credentialMissing, .keyInvalid, .keyRevoked, .keyExpired, .tenantDisabled: "invalid_client"
        case .roleForbidden, .addressForbidden: "unauthorized_client"
        case .grantUnsupported: "unsupported_grant_type"
        case .scopeInvalid, .scopeMissing: "invalid_scope"
        // "… or was issued to another client"
        case .tokenForeign: "invalid_grant"
        // RFC 7009, section 2.2.1.
        case .tokenTypeUnsupported: "unsupported_token_type"
        case .internalError: "server_error"
        case _ where code.status >= 500 || code.status == 429: "temporarily_unavailable"
        default: "invalid_request"
        }
    }

    /// Only %x20-21 / %x23-5B / %x5D-7E may stand there.
    private static func description(_ sentence: String) -> String {
        String(
            decoding: sentence.utf8.map { byte in
                (0x20...0x7e).contains(byte) && byte != 0x22 && byte != 0x5c ? byte : UInt8(ascii: "'")
            },
            as: UTF8.self
        )
    }
}
