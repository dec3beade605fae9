// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Inference
import Telemetry

/// The thread that loads what comes into the models' folder; only where `models.watch_settle_seconds` is set.
final class ModelWatch: Sendable {
    private let ending = WaitableQueue<Void>(capacity: 1)
    private let thread: SystemThread?

    /// Between two looks at the folder, in nanoseconds.
    private static let period: Int64 = 500_000_000

    /// - Throws: `SystemThread.StartError`.
    init(_ services: Services) throws {
        let settleSeconds = services.configuration.models.watchSettleSeconds
        guard settleSeconds > 0 else {
            thread = nil
            return
        }
        let ending = ending
        thread = try SystemThread(name: "models") {
            var watch = RepositoryWatch(settleSeconds: settleSeconds)
            // Nobody waits for the records made here.
            let mailbox = Mailbox {}
            while !ending.waitUntilClosed(nanoseconds: Self.period) {
                let found = watch.look(at: services.models, now: services.time.now())
                for (name, versions) in found { services.follow(name, versions, mailbox) }
            }
        }
    }

    /// Ends the thread and waits for it.
    func stop() {
        ending.close()
        thread?.join()
    }
}

extension Services {
    /// Loads what was found of a model, and records it.
    fileprivate func follow(_ name: ModelName, _ versions: Set<Int64>, _ mailbox: Mailbox) {
        // What cannot be recorded must not be done.
        guard audit.health == .writing else { return }
        let before = modelState(name)
        var fields: LogFields = [
            "model": .string(name.description),
            "versions": .string(versions.sorted().map(String.init).joined(separator: " ")),
        ]
        do {
            try served.change(in: store) { models throws(InferenceError) in
                try models.following(name, versions: versions)
            }
            log.info("models were changed as their folder was", fields)
        } catch let error as InferenceError {
            fields["reason"] = .string(error.sentence)
            fields["detail"] = .string(error.detail)
            log.error("a version in the models' folder was not taken; what served goes on", fields)
        } catch {
            fields["reason"] = .string("\(error)")
            log.error("models could not be changed as their folder was", fields)
            return
        }
        let after = modelState(name)
        guard before != after else { return }
        var record = AuditRecord(
            time: time.now(),
            gateway: configuration.name,
            durability: configuration.audit.durability,
            decision: .allowed,
            reason: .ok
        )
        record.action = "model.follow"
        record.target = "model/\(name)"
        record.change = AuditChange(before: before, after: after)
        record.configGeneration = configurationGeneration
        let batch = RecordBatch(mailbox: mailbox)
        batch.append(record, ticket: .max)
        audit.submit(batch)
        var sealed: [RecordBatch] = []
        mailbox.take(&sealed)
    }
}
