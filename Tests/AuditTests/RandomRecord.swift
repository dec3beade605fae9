// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore

/// Records with any members, within the bounds, and hostile texts.
enum RandomRecord {
    private static let pieces = [
        "a", "Z9", "\"", "\\", "\n", "\r", "\t", "\u{0}", "\u{1}", "\u{1b}[31m", "\u{7f}", "\u{85}", "\u{2028}",
        "\u{2029}", "é", "漢", "🦉", "\u{fffd}", "{", "}", "/", " ", "\u{202e}", "e\u{301}",
    ]

    static func make(_ random: inout some RandomNumberGenerator) -> AuditRecord {
        func text(_ bound: Int, plain: Bool = false) -> String {
            var text = ""
            for _ in 0..<Int.random(in: 0...12, using: &random) {
                let piece = pieces.randomElement(using: &random)!
                if plain, piece.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
                    continue
                }
                if plain, piece == "\u{2028}" || piece == "\u{2029}" { continue }
                if text.utf8.count + piece.utf8.count <= bound { text += piece }
            }
            return text
        }
        func maybe<Value>(_ value: @autoclosure () -> Value) -> Value? {
            Bool.random(using: &random) ? value() : nil
        }
        func number() -> Int64 {
            Int64.random(in: .min ... .max, using: &random) >> Int64.random(in: 0...63, using: &random)
        }
        func digest() -> [UInt8] { (0..<32).map { _ in UInt8.random(in: 0...255, using: &random) } }

        var record = AuditRecord(
            time: UnixTime(nanoseconds: Int64.random(in: 0...4_000_000_000_000_000, using: &random) * 1000),
            gateway: text(128),
            durability: AuditDurability.allCases.randomElement(using: &random)!,
            decision: AuditDecision.allCases.randomElement(using: &random)!,
            reason: ReasonCode.allCases.randomElement(using: &random)!
        )
        record.action = maybe(text(64))
        record.auth = maybe(AuditAuth.allCases.randomElement(using: &random)!)
        record.change = maybe(
            AuditChange(before: .string(text(64)), after: maybe(["a": .integer(number()), "b": nil]))
        )
        record.charge = maybe(AuditCharge(instances: number(), requests: number()))
        record.clientID = maybe(text(256))
        record.configGeneration = maybe(number())
        record.connection = maybe(UInt64.random(in: 0...UInt64(Int64.max), using: &random))
        record.count = maybe(number())
        record.detail = maybe(text(1024, plain: true))
        record.inferMicros = maybe(number())
        record.inputSHA256 = maybe(digest())
        record.instances = maybe(number())
        record.issuer = maybe(text(512))
        record.keyID = maybe(text(64))
        for _ in 0..<Int.random(in: 0...6, using: &random) {
            record.limits.append(
                AuditLimit(
                    policy: AuditPolicyName(text(64)),
                    limit: number(),
                    remaining: number(),
                    resetSeconds: number()
                )
            )
        }
        record.listener = maybe(AuditListener.allCases.randomElement(using: &random)!)
        record.method = maybe(text(32))
        record.model = maybe(text(128))
        record.modelDigest = maybe(text(128))
        record.modelVersion = maybe(number())
        record.outputSHA256 = maybe(digest())
        record.plan = maybe(text(64))
        record.protocol = maybe(text(16))
        record.queueMicros = maybe(number())
        record.requestBytes = maybe(number())
        record.requestID = maybe(text(128))
        record.responseBytes = maybe(number())
        record.role = maybe(text(32))
        record.route = maybe(text(128))
        record.scope = maybe(text(512))
        record.source = maybe(AuditSource(address: text(128), port: .random(in: 0...65535, using: &random)))
        record.status = maybe(number())
        record.subject = maybe(text(256))
        record.target = maybe(text(256))
        record.tenant = maybe(text(64))
        record.tls = maybe(
            AuditTLS(
                cipher: text(64),
                version: text(16),
                isResumed: .random(using: &random),
                clientSHA256: maybe(text(64))
            )
        )
        record.tokenID = maybe(text(256))
        record.totalMicros = maybe(number())
        return record
    }
}
