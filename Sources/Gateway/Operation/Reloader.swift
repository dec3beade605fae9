// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Synchronization
import TLS
import Telemetry

/// Takes a changed configuration, all of it or nothing, and says which.
final class Reloader: Sendable {
    /// Reads the configuration from where the program got it.
    typealias Source = @Sendable () throws(ConfigurationError) -> Configuration

    private let source: Source
    private let stores: [CertificateStore]
    /// Held by one reload at a time.
    private let turn = Mutex(())

    init(source: @escaping Source, stores: [CertificateStore]) {
        self.source = source
        self.stores = stores
    }

    /// Why a configuration was not taken; the one before it stays in force.
    struct Fault: Error, CustomStringConvertible {
        let description: String
    }

    /// What was taken.
    struct Outcome {
        let generation: Int64
        /// Paths of the fields whose values differ from before.
        let changed: [String]
    }

    /// Reads, checks and applies; every event loop works by the new configuration when it returns.
    func reload(_ services: Services) -> Result<Outcome, Fault> {
        let result = turn.withLock { _ in apply(services) }
        switch result {
        case .success(let outcome):
            services.metrics.reloads.with(labels: ["success"]).increment(shard: services.metrics.otherShard)
            services.log.info(
                "the configuration is reloaded",
                [
                    "generation": .integer(outcome.generation),
                    "changed": .string(outcome.changed.joined(separator: " ")),
                ]
            )
        case .failure(let fault):
            services.metrics.reloads.with(labels: ["failure"]).increment(shard: services.metrics.otherShard)
            services.log.error(
                "the configuration is not reloaded; the one before it stays in force",
                ["reason": .string(fault.description)]
            )
        }
        services.lastReload.store(result.isSuccess, ordering: .relaxed)
        return result
    }

    private func apply(_ services: Services) -> Result<Outcome, Fault> {
        let old = services.configuration
        let new: Configuration
        do throws(ConfigurationError) {
            new = try source()
        } catch {
            return .failure(Fault(description: "\(error)"))
        }
        let changed = ConfigurationField.all.filter { !$0.isSame(old, new) }
        let fixed = changed.filter { !$0.reloads }.map(\.path)
        guard fixed.isEmpty else {
            return .failure(Fault(description: "only a restart changes \(fixed.joined(separator: ", "))"))
        }
        var contexts: [(store: CertificateStore, context: TLSContext, listener: Configuration.Listener)] = []
        do throws(TLSError) {
            for store in stores {
                let listener = new[store.kind]
                contexts.append((store, try store.context(of: listener), listener))
            }
        } catch {
            return .failure(Fault(description: "\(error)"))
        }
        let issuers: IssuerRegistry.Prepared
        do throws(IssuerRegistry.Failure) {
            issuers = try services.issuers.prepare(new.issuers)
        } catch {
            return .failure(Fault(description: "\(error)"))
        }
        // Nothing below can fail.
        services.issuers.take(issuers)
        for entry in contexts { entry.store.use(entry.context, of: entry.listener) }
        let generation = services.take(new)
        return .success(Outcome(generation: generation, changed: changed.map(\.path)))
    }
}

extension Result {
    fileprivate var isSuccess: Bool { if case .success = self { true } else { false } }
}

extension Configuration {
    subscript(kind: ListenerKind) -> Listener { kind == .tenant ? tenants : management }
}

extension Services {
    /// `POST /admin/v1/reload`: whether it took.
    func reload() -> Reply {
        let before = configurationGeneration
        switch reloader.reload(self) {
        case .failure(let fault):
            return .refused(Refusal(.configurationInvalid, fault.description))
        case .success(let outcome):
            var reply = Reply.json([
                "generation": .integer(outcome.generation),
                "changed": .array(outcome.changed.map(JSON.string)),
            ])
            reply.change = AdminChange(
                target: "configuration",
                before: ["generation": .integer(before)],
                after: [
                    "generation": .integer(outcome.generation), "changed": .array(outcome.changed.map(JSON.string)),
                ]
            )
            return reply
        }
    }
}
