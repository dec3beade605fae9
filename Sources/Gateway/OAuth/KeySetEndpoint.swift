// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity

extension Services {
    /// `GET /.well-known/jwks.json`: the public keys of the gateway's own tokens (RFC 7517, section 5).
    ///
    /// It may be cached for as long as a key is published before it signs.
    func keySet() -> Reply {
        var reply = Reply(status: 200, contentType: "application/jwk-set+json", body: signingKeys.publicSet)
        reply.fields = [.init(.cacheControl, "public, max-age=\(signingKeys.policy.publication)")]
        return reply
    }
}
