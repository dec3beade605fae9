// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import HTTP
import Identity
import Telemetry

/// `/admin/v1/signing-keys`: list the keys that sign access tokens, and let the next one sign.
struct SigningKeysAPI {
    let services: Services

    func answer(_ request: BlockingRequest) throws -> Reply {
        guard request.method == .post else { return .json(document) }
        let body = try JSONBody(request.body, fields: ["immediately"])
        let before = services.signingKeys.ring.current
        do {
            try services.signingKeys.rotate(
                now: services.time.now(),
                immediately: try body.bool("immediately") ?? false
            )
        } catch SigningKeyError.tooEarly(let moment) {
            throw Refusal(
                .conflict,
                "Those who cache the key set may not know the next key before \(moment); rotate then, or "
                    + "'immediately' if the current key is in other hands."
            )
        } catch let error as StateError {
            throw Refusal(
                .storageUnavailable,
                "The signing keys cannot be saved, so nothing was changed.",
                detail: "\(error)",
                retryAfter: 5
            )
        }
        let after = services.signingKeys.ring.current
        services.rotated(from: before, to: after, trigger: "command")
        var reply = Reply.json(document)
        reply.change = AdminChange(target: "signing-key/\(after.key.keyID)", before: before.json, after: after.json)
        return reply
    }

    private var document: JSON {
        let ring = services.signingKeys.ring
        return [
            "keys": .array(ring.keys.map(\.json)),
            "next_rotation": .string(ring.nextRotation(services.signingKeys.policy).description),
        ]
    }
}

extension RingKey {
    /// What an admin sees of a key: nothing secret.
    fileprivate var json: JSON {
        [
            "kid": .string(key.keyID), "algorithm": .string(key.algorithm.rawValue), "state": .string(state.rawValue),
            "created_at": .string(createdAt.description),
            "signs_since": signsSince.map { .string($0.description) } ?? .null,
            "verifies_until": verifiesUntil.map { .string($0.description) } ?? .null,
        ]
    }
}

extension Services {
    /// Lets signing keys come and go as their times say, and takes in what another process did with them.
    ///
    /// - Returns: false when that did not go, which the log says.
    func followSigningKeys(_ file: SigningKeyFile) -> Bool {
        do {
            if let ring = try file.changed() { signingKeys.take(ring) }
            // Whoever takes over has the keys now.
            guard !life.isDraining else { return true }
            let before = signingKeys.ring.current
            if try signingKeys.advance(now: time.now()) {
                rotated(from: before, to: signingKeys.ring.current, trigger: "schedule")
            }
            return true
        } catch {
            log.error("the signing keys cannot follow one another now", ["reason": .string("\(error)")])
            return false
        }
    }

    fileprivate func rotated(from old: RingKey, to new: RingKey, trigger: String) {
        metrics.signingKeyRotations.with(labels: [trigger]).increment(shard: metrics.otherShard)
        log.info(
            "another key signs access tokens",
            [
                "kid": .string(new.key.keyID), "algorithm": .string(new.key.algorithm.rawValue),
                "before": .string(old.key.keyID), "trigger": .string(trigger),
            ]
        )
    }
}
