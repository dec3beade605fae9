// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Transport

/// Connections that never came as far as a request.
struct TurnedAway: Hashable {
    let listener: ListenerKind
    let refusal: ConnectionRefusal
}

extension LoopContext {
    /// A connection was closed as soon as it was accepted.
    func turnedAway(_ listener: ListenerKind, _ refusal: ConnectionRefusal) {
        meters.refused(listener, refusal)
        turnedAway[TurnedAway(listener: listener, refusal: refusal), default: 0] += 1
    }

    /// One record a second for all connections that were turned away for one reason: a flood of them must not fill the
    /// disk.
    func recordTurnedAway() {
        guard !turnedAway.isEmpty else { return }
        for (kind, count) in turnedAway {
            var record = AuditRecord(
                time: services.time.now(),
                gateway: gateway,
                durability: durability,
                decision: .refused,
                reason: kind.refusal.code
            )
            record.action = "connection.accept"
            record.listener = kind.listener == .tenant ? .tenant : .management
            record.count = count > 1 ? count : nil
            record.configGeneration = generation
            // Nobody waits for it.
            openBatch().append(record, ticket: .max)
        }
        turnedAway.removeAll(keepingCapacity: true)
    }
}

extension ConnectionRefusal {
    fileprivate var code: ReasonCode {
        switch self {
        case .tooManyConnections: .connections
        case .tooManyFromSource: .sourceConnections
        case .tooManyHandshakes, .tooManyHandshakesFromSource: .handshakes
        case .noDescriptors: .descriptors
        }
    }
}
