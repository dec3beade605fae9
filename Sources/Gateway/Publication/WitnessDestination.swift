// SPDX-License-Identifier: Apache-2.0

import Audit
import HTTPClient

/// A witness that cosigns checkpoints, by HTTPS (C2SP tlog-witness, `add-checkpoint`).
struct WitnessDestination: CheckpointDestination {
    private let witness: NoteVerifier
    private let url: String
    private let log: String
    private let cosigned: CosignedCheckpoints
    private let client: HTTPClient
    /// The size of the tree that the witness knows, as far as is known here.
    private var known: UInt64

    /// For one request, with everything.
    static let timeoutSeconds = 10
    /// A witness may have several keys, and other cosigners' lines among its own.
    private static let maximumBodyBytes = 64 << 10
    /// So often in a row a witness may answer that it knows another size.
    private static let maximumConflicts = 3

    /// - Parameters:
    ///   - log: the log's folder.
    ///   - known: the size that the witness cosigned last; 0 when it is not known.
    init(
        _ configuration: Configuration.Witness,
        _ witness: NoteVerifier,
        log: String,
        cosigned: CosignedCheckpoints,
        known: UInt64
    ) {
        self.witness = witness
        url = (configuration.url.hasSuffix("/") ? configuration.url : configuration.url + "/") + "add-checkpoint"
        self.log = log
        self.cosigned = cosigned
        self.known = known
        client = HTTPClient(
            caFile: configuration.caFile.isEmpty ? nil : configuration.caFile,
            timeoutSeconds: Self.timeoutSeconds,
            maxBodyBytes: Self.maximumBodyBytes,
            isPlainAllowed: false
        )
    }

    mutating func deliver(_ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure) {
        let size = checkpoint.checkpoint.size
        var old = min(known, size)
        for _ in 0..<Self.maximumConflicts {
            let response = try ask(checkpoint, from: old)
            switch response.status {
            case 200:
                try keep(response.body, checkpoint)
                known = size
                return
            case 409:
                guard let other = Self.size(response.body) else {
                    throw DeliveryFailure("\(url): answers with 409 and no tree size")
                }
                guard other <= size else {
                    throw DeliveryFailure(
                        "\(url): has cosigned \(other) records of this log, which has \(size): the log was rolled back, "
                            + "or somebody else signs with its key; keep both states, and find out which",
                        refusal: .rollback
                    )
                }
                guard other != old else {
                    throw DeliveryFailure(
                        "\(url): has cosigned another tree of \(other) records of this log: its history was rewritten, "
                            + "or somebody else signs with its key; keep both states, and find out which",
                        refusal: .fork
                    )
                }
                (old, known) = (other, other)
            default: throw Self.failure(response.status, url, old: old, size: size)
            }
        }
        throw DeliveryFailure("\(url): names another tree size with each answer")
    }

    private func ask(_ checkpoint: VerifiedCheckpoint, from old: UInt64) throws(DeliveryFailure) -> HTTPResponse {
        let body: [UInt8]
        do {
            body = try CosignatureRequest(from: old, to: checkpoint, TileReader(directory: log)).bytes
        } catch {
            throw DeliveryFailure("\(error)")
        }
        do {
            let fields = [("Content-Type", "text/plain; charset=utf-8")]
            return try client.send(HTTPRequest("POST", url, headers: fields, body: body))
        } catch {
            throw DeliveryFailure("\(error)")
        }
    }

    private func keep(_ lines: [UInt8], _ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure) {
        let cosignature: Cosignature
        do throws(Cosignature.Fault) {
            cosignature = try Cosignature(lines, over: checkpoint, by: witness)
        } catch {
            throw DeliveryFailure(
                "\(url): the lines that it answered \(error), \(witness.name): nothing of it is kept; compare the key with "
                    + "the witness's operator",
                refusal: .signature
            )
        }
        do {
            try cosigned.add(cosignature, to: checkpoint)
        } catch {
            throw DeliveryFailure("\(error)")
        }
    }

    private static func failure(_ status: Int, _ url: String, old: UInt64, size: UInt64) -> DeliveryFailure {
        switch status {
        case 422:
            DeliveryFailure(
                "\(url): does not find that the tree of \(size) records continues the one of \(old) that it cosigned: the "
                    + "log's history was rewritten, or somebody else signs with its key; keep both states, and find out which",
                refusal: .fork
            )
        case 404:
            DeliveryFailure("\(url): does not know this log; give its operator the log's key", refusal: .unknownLog)
        case 403:
            DeliveryFailure(
                "\(url): does not know the key that signs this log; give its operator the log's key",
                refusal: .unknownKey
            )
        case 300...399:
            DeliveryFailure("\(url): redirects with status \(status), which is not followed; set url to its target")
        default: DeliveryFailure("\(url): answers with status \(status)")
        }
    }

    /// The body of 409: decimal digits and a line's end.
    static func size(_ body: [UInt8]) -> UInt64? {
        guard body.last == 0x0a, let text = String(validating: body.dropLast(), as: UTF8.self), let size = UInt64(text),
            String(size) == text
        else { return nil }
        return size
    }
}
