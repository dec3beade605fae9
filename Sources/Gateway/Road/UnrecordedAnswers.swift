// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore

/// Probes and scrapes of the management listener that were answered while the audit log could not be written: whoever
/// looks after the gateway must see why, just then.
///
/// They are counted, and recorded together once the log is back: one record for each route says how many there were and
/// since when. A process that ends before that leaves them in its metrics alone.
struct UnrecordedAnswers {
    struct Kind: Hashable {
        let route: String
        let action: String
    }

    private struct Count {
        var answers: Int64 = 0
        /// When the first of them came.
        var since: UnixTime
    }

    private var waiting: [Kind: Count] = [:]
    /// By the record's ticket: what it counts, until it is durable.
    private var underWay: [UInt64: (kind: Kind, count: Count)] = [:]

    var isEmpty: Bool { waiting.isEmpty }

    mutating func add(_ kind: Kind, arrival: UnixTime) {
        waiting[kind, default: Count(since: arrival)].answers += 1
    }

    /// Hands over a record for each kind.
    ///
    /// - Parameter body: is given the record's route, action, count and detail, and returns its ticket.
    mutating func record(_ body: (Kind, _ count: Int64, _ detail: String) -> UInt64) {
        for (kind, count) in waiting {
            let detail = "answered without a record, from \(count.since) on, while the audit log could not be written"
            underWay[body(kind, count.answers, detail)] = (kind, count)
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// The record is durable, or could not be written: then its answers wait for the next one.
    mutating func settle(_ ticket: UInt64, isDurable: Bool) {
        guard let (kind, count) = underWay.removeValue(forKey: ticket), !isDurable else { return }
        var sum = waiting[kind] ?? Count(since: count.since)
        sum.answers += count.answers
        sum.since = min(sum.since, count.since)
        waiting[kind] = sum
    }
}

extension LoopContext {
    /// Whether an answer leaves although its record could not be written.
    func leavesUnrecorded(_ stream: RequestStream, _ reply: borrowing Reply) -> Bool {
        guard stream.listener == .management, reply.refusal == nil, let route = stream.exchange.route else {
            return false
        }
        switch route {
        case .live, .metrics: break
        default: return false
        }
        unrecorded.add(
            UnrecordedAnswers.Kind(route: route.template, action: route.action(stream.exchange.method)),
            arrival: stream.exchange.arrival
        )
        meters.leftUnrecorded(route.template)
        return true
    }

    /// Makes the records of what was answered without one; called about once a second.
    func recordUnrecorded() {
        guard !unrecorded.isEmpty, services.audit.isWriting else { return }
        unrecorded.record { kind, count, detail in
            var record = AuditRecord(
                time: services.time.now(),
                gateway: gateway,
                durability: durability,
                decision: .allowed,
                reason: .ok
            )
            record.listener = .management
            record.route = kind.route
            record.action = kind.action
            record.status = 200
            record.count = count > 1 ? count : nil
            record.detail = detail
            record.configGeneration = generation
            return append(record)
        }
    }
}
