// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity

extension RequestStream {
    /// Lets a token wait until its issuer has been asked for the key, and then tries it once more; no thread waits along.
    ///
    /// - Returns: false when what is known now decides.
    func awaitKey(_ missing: MissingKey, for token: [UInt8]) -> Bool {
        let (ticket, handle, services) = (ticket, loop.handle, services)
        let settlement = services.issuers.settle(missing) {
            let isTaken = services.tokenPool.submit {
                let gated = token.withUnsafeBytes { services.authenticator.gate($0) }
                let result = gated.flatMap { services.authenticator.admit($0, now: services.time.now()) }
                let generation = (try? gated.get().generation) ?? 0
                handle.execute { $0.stream(ticket)?.verified(token, result, generation: generation) }
            }
            if !isTaken { handle.execute { $0.stream(ticket)?.refuseQueue() } }
        }
        switch settlement {
        case .later: return true
        case .now: return false
        case .full:
            refuseQueue()
            return true
        }
    }
}
