// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import Glibc
import Synchronization
import Telemetry

/// The witnesses and destinations of the audit log's checkpoints, each with what sends to it.
///
/// `checkpoint` waits for none of them. With a quorum, what is sent to destinations is what so many witnesses cosigned.
final class CheckpointPublication: Sendable {
    private struct Current {
        var settings = Configuration.AuditSettings()
        var cosigned: CosignedCheckpoints?
        var senders: [CheckpointSender] = []
    }

    private let integrator: Integrator
    private let state: StateDirectory
    private let log: StructuredLog
    private let metrics: GatewayMetrics
    private let current = Mutex(Current())

    /// Nobody is sent anything before ``apply(_:)``.
    init(integrator: Integrator, state: StateDirectory, log: StructuredLog, metrics: GatewayMetrics) {
        self.integrator = integrator
        self.state = state
        self.log = log
        self.metrics = metrics
    }

    /// The newest checkpoint that enough witnesses cosigned; nil without.
    var cosigned: VerifiedCheckpoint? { current.withLock { $0.cosigned }?.newest }

    /// What each witness and destination has, in the order of the configuration.
    func states() -> [(name: CheckpointSender.Name, state: CheckpointSender.State)] {
        current.withLock { $0.senders }.map { ($0.name, $0.state) }
    }

    /// Sends to exactly these witnesses and destinations; what is the same stays as it is.
    ///
    /// - Throws: `AuditError`, `SystemThread.StartError`; those of before are ended then.
    func apply(_ settings: Configuration.AuditSettings) throws {
        try current.withLock { current in
            let isSame =
                settings.witnesses == current.settings.witnesses && settings.publish == current.settings.publish
                && settings.witnessSeconds == current.settings.witnessSeconds
                && settings.witnessQuorum == current.settings.witnessQuorum
                && settings.publishSeconds == current.settings.publishSeconds
            guard !isSame else { return }
            end(&current)
            current.settings = settings
            do {
                try startWitnesses(&current)
                try startDestinations(&current)
            } catch {
                end(&current)
                throw error
            }
        }
    }

    /// Nothing is sent any more.
    func stop() { current.withLock { end(&$0) } }

    private func end(_ current: inout Current) {
        for sender in current.senders { sender.end() }
        current.cosigned?.close()
        for sender in current.senders {
            metrics.witnessRefusals.remove(label: "witness", value: sender.name.destination)
        }
        current = Current()
    }

    // MARK: - Starting

    private func startWitnesses(_ current: inout Current) throws {
        let witnesses = current.settings.witnesses.compactMap { configured in
            configured.verifier.map { (configured, $0) }
        }
        guard !witnesses.isEmpty else { return }
        let directory = integrator.directory
        let cosigned = try CosignedCheckpoints(
            directory: directory,
            verifier: integrator.verifier,
            witnesses: witnesses.map(\.1),
            quorum: current.settings.witnessQuorum
        )
        current.cosigned = cosigned
        let round = WitnessRound { [integrator] in integrator.published }
        for (configured, verifier) in witnesses {
            let known = cosigned.size(cosignedBy: verifier)
            let name = CheckpointSender.Name(kind: "witness", destination: verifier.name)
            let sender = CheckpointSender(name, size: known)
            current.senders.append(sender)
            // From 0 on, so that the first refusal is an increase.
            for refusal in WitnessRefusal.allCases {
                _ = metrics.witnessRefusals.with(labels: [verifier.name, refusal.rawValue])
            }
            try sender.start(
                interval: Int64(current.settings.witnessSeconds) * 1_000_000_000,
                next: { round.checkpoint(of: $0) },
                destination: {
                    WitnessDestination(configured, verifier, log: directory, cosigned: cosigned, known: known ?? 0)
                },
                report: { [weak self] in self?.report(name, $0, $1, $2) }
            )
        }
    }

    private func startDestinations(_ current: inout Current) throws {
        let cosigned = current.settings.witnessQuorum > 0 ? current.cosigned : nil
        for configured in current.settings.publish {
            let name = CheckpointSender.Name(kind: configured.kind.rawValue, destination: configured.to)
            let sender = CheckpointSender(name)
            let own = state.timestamps
            current.senders.append(sender)
            try sender.start(
                interval: Int64(current.settings.publishSeconds) * 1_000_000_000,
                next: { [integrator] _ in cosigned == nil ? integrator.published : cosigned?.newest },
                destination: {
                    switch configured.kind {
                    case .file:
                        return FileDestination(folder: CheckpointFolder(path: configured.place, writer: .file))
                    case .https:
                        return PostDestination(configured)
                    case .tsa:
                        // The gateway's own folder is made; another that is missing may be a disk that is not mounted.
                        if configured.folder.isEmpty { mkdir(own, 0o700) }
                        let path = configured.folder.isEmpty ? own : configured.folder
                        return TimestampDestination(configured, folder: CheckpointFolder(path: path, writer: .tsa))
                    }
                },
                report: { [weak self] in self?.report(name, $0, $1, $2) }
            )
        }
    }

    // MARK: - Reporting

    private func report(
        _ name: CheckpointSender.Name,
        _ checkpoint: VerifiedCheckpoint,
        _ failure: DeliveryFailure?,
        _ failuresBefore: Int
    ) {
        var fields: LogFields = [
            "kind": .string(name.kind), "destination": .string(name.destination),
            "size": .integer(Int64(clamping: checkpoint.checkpoint.size)),
        ]
        guard let failure else {
            guard failuresBefore > 0 else { return log.debug("a checkpoint was sent", fields) }
            fields["failures"] = .integer(Int64(failuresBefore))
            return log.info("checkpoints are sent again", fields)
        }
        fields["reason"] = .string(failure.description)
        guard let refusal = failure.refusal else {
            return log.warning("a checkpoint cannot be sent; it is tried again", fields)
        }
        metrics.witnessRefusals.with(labels: [name.destination, refusal.rawValue]).increment(shard: metrics.otherShard)
        fields["refusal"] = .string(refusal.rawValue)
        fields["root"] = .string("\(checkpoint.checkpoint.root)")
        log.error(
            refusal.isAlarming
                ? "A WITNESS CONTRADICTS THE AUDIT LOG: its history was rewritten, or another signs with its key"
                : "a witness does not cosign the audit log",
            fields
        )
    }
}

extension Services {
    /// What a reload changes of the witnesses and destinations.
    func publish(_ settings: Configuration.AuditSettings) {
        do {
            try publication.apply(settings)
        } catch {
            log.error("checkpoints are sent nowhere until the next reload", ["reason": .string("\(error)")])
        }
    }
}

/// Has all witnesses asked for the same checkpoint in one tick of their schedules: only so can there be a quorum for one.
private final class WitnessRound: Sendable {
    private let newest: @Sendable () -> VerifiedCheckpoint?
    private let last: Mutex<(tick: Int64, checkpoint: VerifiedCheckpoint?)> = Mutex((.min, nil))

    init(newest: @escaping @Sendable () -> VerifiedCheckpoint?) {
        self.newest = newest
    }

    func checkpoint(of tick: Int64) -> VerifiedCheckpoint? {
        last.withLock { last in
            // The first who asks for a tick decides for all.
            if tick > last.tick || last.checkpoint == nil { last = (tick, newest()) }
            return last.checkpoint
        }
    }
}
