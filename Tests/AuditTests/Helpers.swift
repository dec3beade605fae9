// SPDX-License-Identifier: Apache-2.0

import Audit
import Dispatch
import GatewayCore
import Synchronization

/// A mailbox that keeps what it is told and lets a test wait for it.
final class Inbox: Sendable {
    private let outcomes = Mutex<[UInt64: Sealed]>([:])
    private let lists = Mutex<[[Sealed]]>([])
    private let arrivals = DispatchSemaphore(value: 0)
    private let onSealed: @Sendable (Sealed) -> Void

    init(onSealed: @escaping @Sendable (Sealed) -> Void = { _ in }) {
        self.onSealed = onSealed
    }

    var mailbox: Mailbox {
        Mailbox { sealed in
            for one in sealed { self.onSealed(one) }
            self.outcomes.withLock { outcomes in for one in sealed { outcomes[one.ticket] = one } }
            self.lists.withLock { $0.append(sealed) }
            for _ in sealed { self.arrivals.signal() }
        }
    }

    /// The lists in the order in which they came.
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
        let mailbox = inbox.mailbox
        submit(payloads.enumerated().map { Submission(payload: $1, mailbox: mailbox, ticket: UInt64($0)) })
        inbox.wait(for: payloads.count)
        return payloads.indices.map { inbox[UInt64($0)]! }
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

func openLog(
    _ files: MemoryFileSystem,
    _ configuration: AuditConfiguration = memory,
    onHealth: @escaping @Sendable (AuditHealth) -> Void = { _ in }
) throws(AuditError) -> AuditLog {
    try AuditLog(configuration: configuration, time: .system, files: files, onHealth: onHealth)
}
