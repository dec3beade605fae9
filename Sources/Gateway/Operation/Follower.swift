// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Glibc
import TLS
import Telemetry

/// The thread that gives way to requests: it keeps the saved limits and the search index close behind the log, watches
/// the files of certificates and key sets, renews the ticket keys and the signing keys, and forgets what has expired.
final class Follower: Sendable {
    private let ending = WaitableQueue<Void>(capacity: 1)
    private let thread: SystemThread

    /// Between two looks at the log and the files, in nanoseconds.
    private static let period: Int64 = 250_000_000
    private static let roundsOfMinute = 240

    /// - Throws: `SystemThread.StartError`.
    init(
        services: Services,
        stores: [CertificateStore],
        tickets: TicketKeyFile,
        signingKeys: SigningKeyFile
    ) throws {
        let ending = ending
        thread = try SystemThread(name: "follower") {
            // On Linux this is of the calling thread alone.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 19)
            var rounds = 0
            var signingKeysAgain = 0
            var housekeeping = Housekeeping(services)
            while !ending.waitUntilClosed(nanoseconds: Self.period) {
                services.follow()
                housekeeping.step()
                for store in stores { services.refresh(store) }
                services.issuers.refreshFiles()
                tickets.rotate(now: services.time.now(), log: services.log)
                if rounds >= signingKeysAgain, !services.followSigningKeys(signingKeys) {
                    signingKeysAgain = rounds + Self.roundsOfMinute
                }
                rounds += 1
                if rounds % Self.roundsOfMinute == 0 { services.forgetRevokedTokens() }
            }
        }
    }

    /// Ends the thread and waits for it.
    func stop() {
        ending.close()
        thread.join()
    }
}

extension Services {
    /// A step of what is built behind the log.
    fileprivate func follow() {
        do {
            try ledger.follow()
            // A long way is gone in steps, so that neither the snapshots nor the end must wait for it.
            for _ in 0..<16 where !life.isDraining {
                guard try search.follow() else { break }
            }
        } catch {
            log.error("the audit log cannot be followed", ["error": .string("\(error)")])
        }
    }

    /// Serves with certificates that changed on disk, or says why not.
    fileprivate func refresh(_ store: CertificateStore) {
        switch store.refresh() {
        case nil: return
        case .success(let context):
            metrics.certificateReloads.with(labels: [store.kind.rawValue, "success"]).increment(
                shard: metrics.otherShard
            )
            log.info(
                "changed certificates are served",
                [
                    "listener": .string(store.kind.rawValue),
                    "names": .string(context.identities.flatMap(\.names).joined(separator: " ")),
                ]
            )
        case .failure(let error):
            metrics.certificateReloads.with(labels: [store.kind.rawValue, "failure"]).increment(
                shard: metrics.otherShard
            )
            log.error(
                "changed certificates cannot be used; those before them stay",
                ["listener": .string(store.kind.rawValue), "reason": .string("\(error)")]
            )
        }
    }
}
