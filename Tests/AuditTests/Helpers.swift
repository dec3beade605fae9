// SPDX-License-Identifier: Apache-2.0

import Audit
import Dispatch
import GatewayCore
import Synchronization

/// What became of one record.
struct Sealed: Equatable {
    enum Outcome { case sealed, failed }

    let ticket: UInt64
    /// 0 when it failed.
    let index: UInt64
    let outcome: Outcome
}

/// A mailbox that keeps what comes and lets a test wait for it.
final class Inbox: Sendable {
    private let outcomes = Mutex<[UInt64: Sealed]>([:])
    private let lists = Mutex<[[Sealed]]>([])
    private let arrivals = DispatchSemaphore(value: 0)
    private let onSealed: @Sendable (Sealed) -> Void
    private let box = Mutex<Mailbox?>(nil)

    init(onSealed: @escaping @Sendable (Sealed) -> Void = { _ in }) {
        self.onSealed = onSealed
    }

    var mailbox: Mailbox {
        box.withLock { box in
            if let box { return box }
            let made = Mailbox { [weak self] in self?.look() }
            box = made
            return made
        }
    }

    private func look() {
        var batches: [RecordBatch] = []
        box.withLock { $0 }?.take(&batches)
        for batch in batches {
            let sealed = batch.tickets.enumerated().map { place, ticket in
                Sealed(
                    ticket: ticket,
                    index: batch.first.map { $0 + UInt64(place) } ?? 0,
                    outcome: batch.first == nil ? .failed : .sealed
                )
            }
            for one in sealed { onSealed(one) }
            outcomes.withLock { outcomes in for one in sealed { outcomes[one.ticket] = one } }
            lists.withLock { $0.append(sealed) }
            for _ in sealed { arrivals.signal() }
        }
    }

    /// The batches in the order in which they came back.
    var deliveries: [[Sealed]] { lists.withLock { $0 } }

    subscript(ticket: UInt64) -> Sealed? { outcomes.withLock { $0[ticket] } }

    func wait(for count: Int) {
        for _ in 0..<count { arrivals.wait() }
    }
}

/// Lets a test wait until the log is healthy again.
final class HealthWatch: Sendable {
    let changes = Mutex<[AuditHealth]>([])
    private let recovered = DispatchSemaphore(value: 0)

    var note: @Sendable (AuditHealth) -> Void {
        { health in
            self.changes.withLock { $0.append(health) }
            if health == .writing { self.recovered.signal() }
        }
    }

    func waitForRecovery() { recovered.wait() }
}

extension AuditLog {
    /// Submits the payloads as one batch and waits for the outcomes, in the payloads' order.
    func write(_ payloads: [[UInt8]]) -> [Sealed] {
        let inbox = Inbox()
        submit(payloads, to: inbox.mailbox)
        inbox.wait(for: payloads.count)
        return payloads.indices.map { inbox[UInt64($0)]! }
    }
}

extension AuditLog {
    /// Submits the payloads as one batch; their tickets count from 0.
    func submit(_ payloads: [[UInt8]], to mailbox: Mailbox) {
        let batch = RecordBatch(mailbox: mailbox)
        for (ticket, payload) in payloads.enumerated() { batch.append(payload: payload, ticket: UInt64(ticket)) }
        submit(batch)
    }

    /// Submits one payload.
    func submit(_ payload: [UInt8], ticket: UInt64, to mailbox: Mailbox) {
        let batch = RecordBatch(mailbox: mailbox)
        batch.append(payload: payload, ticket: ticket)
        submit(batch)
    }
}

extension AuditReader {
    func all() throws -> [AuditEntry] {
        var entries: [AuditEntry] = []
        while let entry = try next() { entries.append(entry) }
        return entries
    }
}

func payload(_ number: Int, size: Int = 40) -> [UInt8] {
    let text = Array("{\"n\":\(number)}".utf8)
    return text + [UInt8](repeating: UInt8(ascii: " "), count: max(0, size - text.count))
}

let memory = AuditConfiguration(directory: "audit", segmentBytes: 4096, gateway: "gw")

/// A log on those files. Without a spare segment, whose thread makes calls of its own, the calls come in a fixed order.
func openLog(
    _ files: MemoryFileSystem,
    _ configuration: AuditConfiguration = memory,
    makesSpare: Bool = false,
    onHealth: @escaping @Sendable (AuditHealth) -> Void = { _ in }
) throws(AuditError) -> AuditLog {
    try AuditLog(
        configuration: configuration,
        time: .system,
        files: files,
        makesSpare: makesSpare,
        onHealth: onHealth
    )
}
