// SPDX-License-Identifier: Apache-2.0

import Audit

/// Somewhere that checkpoints are sent; made and used by one thread, which may block.
protocol CheckpointDestination {
    /// Gives it a checkpoint and waits until it has it.
    mutating func deliver(_ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure)
}

/// Why a destination does not have a checkpoint.
struct DeliveryFailure: Error, Equatable, CustomStringConvertible {
    /// For the log: what was wrong and what to do.
    let description: String
    /// What a witness refused for; nil for what may be better next time.
    var refusal: WitnessRefusal?

    init(_ description: String, refusal: WitnessRefusal? = nil) {
        self.description = description
        self.refusal = refusal
    }
}

/// Why a witness does not cosign; the metric's words.
enum WitnessRefusal: String, CaseIterable, Sendable {
    /// The log contradicts what the witness saw of it.
    case fork
    /// The witness has seen more records than the log has.
    case rollback
    /// It does not know the log.
    case unknownLog = "unknown_log"
    /// It does not know the log's key.
    case unknownKey = "unknown_key"
    /// It answers with a signature that is not its key's.
    case signature

    /// Whether the log itself may have been tampered with.
    var isAlarming: Bool { self == .fork || self == .rollback }
}
