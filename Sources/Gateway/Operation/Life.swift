// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Synchronization

/// Where the process is between its start and its end, for the probes.
final class Life: Sendable {
    private enum Phase: Int, AtomicRepresentable {
        case starting, serving, draining
    }

    private let phase = Atomic(Phase.starting)

    func serve() {
        phase.store(.serving, ordering: .releasing)
    }

    func drain() {
        phase.store(.draining, ordering: .releasing)
    }

    var isDraining: Bool { phase.load(ordering: .acquiring) == .draining }

    /// Why no traffic should be sent here; nil when it may.
    func unreadyReason(auditHealth: AuditHealth) -> (code: ReasonCode, sentence: String)? {
        switch (phase.load(ordering: .acquiring), auditHealth) {
        case (.starting, _): (.draining, "The gateway is starting.")
        case (.draining, _): (.draining, "The gateway is draining.")
        case (.serving, .failed): (.auditUnavailable, "The audit log cannot be written.")
        case (.serving, .writing): nil
        }
    }
}
