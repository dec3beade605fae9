// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Glibc
import Identity
import Synchronization
import Telemetry

/// The outside issuers that the configuration names, each with what keeps its key set.
final class IssuerRegistry: Sendable {
    fileprivate enum Keeping {
        case fetched(KeySetKeeper, KeySetFile)
        case watched(KeySetWatch)

        var source: KeySetSource {
            switch self {
            case .fetched(let keeper, _): keeper.source
            case .watched(let watch): watch.source
            }
        }
    }

    /// Issuers ready to be trusted; nothing has changed yet.
    struct Prepared {
        fileprivate let issuers: [TrustedIssuer]
        /// By `iss`.
        fileprivate let keepings: [String: Keeping]
        /// The issuers whose key sets are those in force.
        fileprivate let kept: Set<String>
    }

    /// Why the issuers cannot be taken.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    private let authenticator: Authenticator
    private let directory: String
    let time: TimeSource
    let log: StructuredLog
    let metrics: GatewayMetrics
    private let keepings = Mutex<[String: Keeping]>([:])

    /// - Parameter directory: holds the last good key sets; made when there is one.
    init(
        authenticator: Authenticator,
        directory: String,
        time: TimeSource,
        log: StructuredLog,
        metrics: GatewayMetrics
    ) {
        self.authenticator = authenticator
        self.directory = directory
        self.time = time
        self.log = log
        self.metrics = metrics
    }

    // MARK: - The configuration

    /// Reads what the issuers need; asks none of them.
    func prepare(_ issuers: [Configuration.Issuer]) throws(Failure) -> Prepared {
        let present = keepings.withLock { $0 }
        var next: [String: Keeping] = [:]
        var trusted: [TrustedIssuer] = []
        var kept: Set<String> = []
        do {
            for configuration in issuers {
                let source = KeySetSource(configuration)
                var issuer = TrustedIssuer(configuration)
                switch (source.place, present[source.issuer]) {
                case (.url, let old?) where old.source == source:
                    next[source.issuer] = old
                    kept.insert(source.issuer)
                case (.url(let url, let caFile), _):
                    next[source.issuer] = try keeper(source, url: url, caFile: caFile)
                case (.file(let path), _):
                    // Read anew also when it is the same, so that a reload tells what is wrong with it now.
                    let watch = try KeySetWatch(source, path: path, now: time.monotonic())
                    issuer.keys = watch.set.set.keys
                    next[source.issuer] = .watched(watch)
                }
                trusted.append(issuer)
            }
        } catch {
            for (name, keeping) in next where !kept.contains(name) {
                if case .fetched(let keeper, _) = keeping { keeper.end() }
            }
            throw Failure(description: "\(error)")
        }
        return Prepared(issuers: trusted, keepings: next, kept: kept)
    }

    /// Trusts exactly these issuers; cannot fail. By one caller at a time, as ``prepare(_:)``.
    func take(_ prepared: Prepared) {
        let old = keepings.withLock { keepings in
            defer { keepings = prepared.keepings }
            return keepings
        }
        for (name, keeping) in old where !prepared.kept.contains(name) {
            guard case .fetched(let keeper, let file) = keeping else { continue }
            keeper.end()
            if case .fetched(_, let next)? = prepared.keepings[name], next.path == file.path { continue }
            file.remove()
        }
        authenticator.replaceOutsideIssuers(with: prepared.issuers, keepingKeysOf: prepared.kept)
        for name in old.keys where prepared.keepings[name] == nil {
            metrics.jwksFetches.remove(label: "issuer", value: name)
        }
        for (name, keeping) in prepared.keepings {
            guard case .fetched(let keeper, _) = keeping else { continue }
            if prepared.kept.contains(name) { keeper.hurry() } else { keeper.start() }
        }
    }

    /// Nothing is fetched any more.
    func stop() {
        for keeping in keepings.withLock({ $0.values }) {
            if case .fetched(let keeper, _) = keeping { keeper.end() }
        }
    }

    private func keeper(_ source: KeySetSource, url: String, caFile: String?) throws -> Keeping {
        if let caFile, access(caFile, R_OK) != 0 {
            throw Failure(
                description:
                    "\(caFile): the authorities for \(source.issuer) cannot be read: \(String(cString: strerror(errno)))"
            )
        }
        let file = KeySetFile(directory: directory, source: source, url: url)
        let (authenticator, time) = (authenticator, time)
        let keeper = KeySetKeeper(
            source: source,
            restored: restore(file, source),
            time: time,
            fetch: { KeySetFetch.perform(source, url: url, caFile: caFile, known: $0) },
            publish: { authenticator.replaceKeys(of: source.issuer, with: $0) },
            report: { [weak self] in self?.report(source, $0, of: $1, age: $2, file: file) }
        )
        try keeper.prepare()
        return .fetched(keeper, file)
    }

    // MARK: - Keys

    /// Looks for a key that a token names: see ``KeySetKeeper/settle(_:_:)``.
    func settle(_ key: MissingKey, _ resume: @escaping @Sendable () -> Void) -> KeySetKeeper.Settlement {
        guard case .fetched(let keeper, _)? = keepings.withLock({ $0[key.issuer] }) else { return .now }
        return keeper.settle(key.keyID, resume)
    }

    /// Looks whether key sets in files have changed.
    func refreshFiles() {
        for keeping in keepings.withLock({ $0.values }) {
            guard case .watched(let watch) = keeping, let outcome = watch.refresh(now: time.monotonic()) else {
                continue
            }
            if case .changed(let new, _) = outcome {
                authenticator.replaceKeys(of: watch.source.issuer, with: new.set.keys)
            }
            report(watch.source, outcome, of: nil, age: watch.age(now: time.monotonic()), file: nil)
        }
    }

    /// Each issuer that has a key set: how many keys, and the seconds since the set was last known to be right.
    func states() -> [(issuer: String, keys: Int, age: Double)] {
        keepings.withLock { $0 }.sorted { $0.key < $1.key }.compactMap { name, keeping in
            switch keeping {
            case .fetched(let keeper, _): keeper.state.map { (name, $0.keys, $0.age) }
            case .watched(let watch): (name, watch.set.set.keys.count, watch.age(now: time.monotonic()))
            }
        }
    }
}
