// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore

/// Refusals of strangers that come so fast that a record for each would let anybody fill the disk.
///
/// Of each source the first ones of a second have records of their own. The others wait, at most until the loop's next
/// sweep, for one record that counts all that were refused for the same reason: their answers leave when it is durable,
/// so that no answer is ever without a record that covers it, and a count is exact whenever the process ends.
///
/// The memory is bounded: with too many sources at once those that come last are counted together, without a source.
struct RefusalFloods {
    private struct Kind: Hashable {
        /// nil for many.
        let source: UInt64?
        let listener: ListenerKind
        let reason: ReasonCode
        let status: Int
    }

    private struct Waiting {
        /// The first's; what is not of all is taken out when it turns out to stand for more.
        var record: AuditRecord
        var tickets: [UInt64]
    }

    /// Refusals that a source had in a second.
    private struct Rate {
        var source: UInt64 = 0
        var second: Int64 = -1
        var count = 0
    }

    /// In a second, of one source; 0 for no bound.
    private let limit: Int
    /// In a second, of all sources.
    private var totalLimit: Int { 100 * limit }
    private var total = Rate()
    /// By the source's hash; two that share a place share its rate.
    private var rates: [Rate]
    private var waiting: [Kind: Waiting] = [:]
    private(set) var count = 0

    private static let places = 4096
    private static let maximumKinds = 256
    /// With so many the records are made before the sweep.
    private static let maximumCount = 4096

    init(limit: Int) {
        self.limit = limit
        rates = [Rate](repeating: Rate(), count: limit > 0 ? Self.places : 0)
    }

    /// Whether that is more of this source than has records of its own.
    ///
    /// - Parameter second: of the monotonic clock.
    mutating func isFlood(_ source: UInt64, second: Int64) -> Bool {
        guard limit > 0 else { return false }
        let place = Int((source &* 0x9e37_79b9_7f4a_7c15) >> 52)
        if rates[place].second != second { rates[place] = Rate(source: source, second: second) }
        if total.second != second { total = Rate(second: second) }
        rates[place].count += 1
        guard rates[place].count <= limit, total.count < totalLimit else { return true }
        total.count += 1
        return false
    }

    /// Has a refusal wait for the record that counts it.
    ///
    /// - Returns: whether the records should be made now.
    mutating func add(
        _ source: UInt64,
        _ listener: ListenerKind,
        _ reason: ReasonCode,
        status: Int,
        ticket: UInt64,
        record: () -> AuditRecord
    ) -> Bool {
        var kind = Kind(source: source, listener: listener, reason: reason, status: status)
        if waiting[kind] == nil, waiting.count >= Self.maximumKinds {
            kind = Kind(source: nil, listener: listener, reason: reason, status: status)
        }
        if waiting[kind]?.tickets.append(ticket) == nil {
            var record = record()
            if kind.source == nil { record.source = nil }
            waiting[kind] = Waiting(record: record, tickets: [ticket])
        }
        count += 1
        return count >= Self.maximumCount
    }

    /// Hands over each record with the tickets of the answers that wait for it.
    mutating func flush(_ body: (AuditRecord, [UInt64]) -> Void) {
        for waiting in waiting.values {
            var record = waiting.record
            if waiting.tickets.count > 1 { record.standFor(waiting.tickets.count) }
            body(record, waiting.tickets)
        }
        waiting.removeAll(keepingCapacity: true)
        count = 0
    }
}

extension AuditRecord {
    /// Keeps of one refusal's record what holds for all that it counts.
    fileprivate mutating func standFor(_ count: Int) {
        self.count = Int64(count)
        source?.port = 0
        (id, requestID, connection, tls, totalMicros, requestBytes, responseBytes) = (nil, nil, nil, nil, nil, nil, nil)
        (`protocol`, method, route, action, detail, scope) = (nil, nil, nil, nil, nil, nil)
        (model, modelVersion, modelDigest) = (nil, nil, nil)
    }
}
