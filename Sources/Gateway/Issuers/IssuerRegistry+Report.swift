// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Telemetry

/// What happens to key sets, for the log, the metrics and the next start.
extension IssuerRegistry {
    func restore(_ file: KeySetFile, _ source: KeySetSource) -> (set: KeySetText, age: Int64)? {
        do throws(KeySetFile.Failure) {
            return try file.load(now: time.now())
        } catch {
            log.warning(
                "an issuer's saved key set cannot be used; its tokens wait for a new one",
                ["issuer": .string(source.issuer), "path": .string(file.path), "reason": .string(error.description)]
            )
            return nil
        }
    }

    func report(
        _ source: KeySetSource,
        _ outcome: KeySetFetch,
        of set: KeySetText?,
        age: Double?,
        file: KeySetFile?
    ) {
        metrics.jwksFetches.with(labels: [source.issuer, outcome.result.rawValue])
            .increment(shard: metrics.otherShard)
        var fields: LogFields = ["issuer": .string(source.issuer)]
        if let file, let set, !outcome.isFailure {
            do throws(KeySetFile.Failure) {
                try file.save(set, now: time.now())
            } catch {
                log.error(
                    "an issuer's key set cannot be saved; a start will need the issuer",
                    [
                        "issuer": .string(source.issuer), "path": .string(file.path),
                        "reason": .string(error.description),
                    ]
                )
            }
        }
        switch outcome {
        case .changed(let new, _):
            fields["keys"] = .integer(Int64(new.set.keys.count))
            fields["skipped"] = .list(new.set.skipped.prefix(8).map(\.description))
            log.info("an issuer's key set is taken", fields)
        case .unchanged:
            log.debug("an issuer's key set is as it was", fields)
        case .failed(let failure):
            fields["reason"] = .string(failure.reason)
            fields["age_s"] = age.map { .integer(Int64($0)) }
            log.warning(
                age == nil
                    ? "an issuer's key set cannot be had; its tokens are answered with 503"
                    : "an issuer's key set cannot be renewed; the one at hand stays",
                fields
            )
        }
    }
}
