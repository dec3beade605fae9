// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Inference
import Quality
import Storage
import Telemetry

/// Promotes and rolls back canaries by their rules.
extension Services {
    /// Begins to watch canaries that have a rule, and stops where there is none any more. Not to be called on a loop.
    func watchCanaries() {
        let models = models
        var watched: Set<ModelName> = []
        for status in models.list() where status.isDefault {
            guard let canary = models.choice(of: status.name).canary, let rule = canary.rule,
                canary.version != status.version
            else { continue }
            watched.insert(status.name)
            quality.watch(status.name, canary: canary.version, stable: status.version, rule: rule)
        }
        quality.keepTrials(of: watched)
    }

    /// What a canary's rule goes by, and what it would do now; null without a rule.
    func trial(of name: ModelName) -> JSON {
        guard let (figures, verdict) = quality.judge(name), case .object(let members) = figures.json else {
            return .null
        }
        let (word, reason) =
            switch verdict {
            case .wait(let reason): ("wait", reason)
            case .promote(let reason): ("promote", reason)
            case .rollBack(let reason): ("rollback", reason)
            }
        return .object(members + [.init("verdict", .string(word)), .init("reason", .string(reason))])
    }

    /// Has the rules looked at, on the thread that changes models.
    func judgeCanariesSoon() {
        guard models.list().contains(where: { models.choice(of: $0.name).canary?.rule != nil }) else { return }
        // A full queue is no matter: the next second asks again.
        _ = modelPool.submit { [self] in judgeCanaries() }
    }

    private func judgeCanaries() {
        watchCanaries()
        for name in Set(models.list().map(\.name)) {
            guard let canary = models.choice(of: name).canary, canary.rule != nil,
                let (figures, verdict) = quality.judge(name)
            else { continue }
            switch verdict {
            case .wait: continue
            case .promote(let reason): act(name, canary, "promote", reason, figures)
            case .rollBack(let reason): act(name, canary, "rollback", reason, figures)
            }
        }
    }

    private func act(
        _ name: ModelName,
        _ canary: Canary,
        _ deed: String,
        _ reason: String,
        _ figures: CanaryFigures
    ) {
        // What cannot be recorded must not be done.
        guard audit.health == .writing else { return }
        let before = modelState(name)
        var fields: LogFields = [
            "model": .string(name.description), "version": .integer(canary.version), "verdict": .string(deed),
            "reason": .string(reason), "figures": .string(figures.json.serialized()),
        ]
        do {
            try served.change(in: store) { models throws(InferenceError) in
                try models.concluding(name, canary, isPromoted: deed == "promote")
            }
        } catch let error as InferenceError {
            fields["error"] = .string(error.sentence)
            return log.error("a canary could not be decided by its rule", fields)
        } catch {
            fields["error"] = .string("\(error)")
            return log.error("a canary could not be decided by its rule", fields)
        }
        watchCanaries()
        log.warning(
            deed == "promote" ? "a canary was promoted by its rule" : "a canary was rolled back by its rule",
            fields
        )
        var record = AuditRecord(
            time: time.now(),
            gateway: configuration.name,
            durability: configuration.audit.durability,
            decision: .allowed,
            reason: .ok
        )
        record.action = "model.canary.\(deed)"
        record.target = "model/\(name)"
        record.model = name.description
        record.modelVersion = canary.version
        record.detail = reason
        record.change = AuditChange(
            before: before,
            after: .object((modelState(name).members ?? []) + [.init("trial", figures.json)])
        )
        record.configGeneration = configurationGeneration
        // Nobody waits for the record.
        let mailbox = Mailbox {}
        let batch = RecordBatch(mailbox: mailbox)
        batch.append(record, ticket: .max)
        audit.submit(batch)
        var sealed: [RecordBatch] = []
        mailbox.take(&sealed)
    }
}
