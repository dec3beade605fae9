// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import GatewayCore
import Storage

/// A log as a busy gateway makes it: 200 tenants of very different size, two keys each, 5 % refusals, 10,000 subjects on
/// 20,000 machines, an administrator's change now and then, and a stranger's flood.
struct MadeUpLog {
    let count: Int
    private static let start = UnixTime(seconds: 1_795_500_000)
    private static let refusals: [(reason: ReasonCode, status: Int64, detail: String?)] = [
        (.rateExceeded, 429, nil), (.quotaExceeded, 429, nil), (.modelNotFound, 404, "model resnet50"),
        (.fieldInvalid, 400, "the instance 3 has 783 numbers"),
    ]

    /// Squares an evenly spread number, so that the first are had far more often than the last.
    private static func skewed(_ word: UInt64, _ count: UInt64) -> UInt64 {
        let part = Double(word >> 11) / Double(1 << 53)
        return UInt64(part * part * part * Double(count))
    }

    func write(to directory: String) throws {
        let audit = try AuditLog(
            configuration: AuditConfiguration(directory: directory, durability: .written, gateway: "bench"),
            time: .system
        )
        let sealed = DispatchSemaphore(value: 0)
        let batch = RecordBatch(mailbox: Mailbox { sealed.signal() })
        for number in 0..<count {
            batch.append(record(number), ticket: 0)
            guard batch.count == 1024 || number == count - 1 else { continue }
            audit.submit(batch)
            sealed.wait()
            batch.removeAll()
        }
        audit.close()
    }

    func id(_ number: Int) -> RequestID {
        RequestID(high: 0x0199_aa00_0000_7000 &+ UInt64(number) << 16, low: 0x8000_0000_0000_0000 &+ mixed(number))
    }

    /// A number that looks random, the same for each run (SplitMix64's finaliser).
    private func mixed(_ number: Int) -> UInt64 {
        var word = UInt64(number) &* 0x9e37_79b9_7f4a_7c15
        word = (word ^ word >> 30) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ word >> 27) &* 0x94d0_49bb_1331_11eb
        return word ^ word >> 31
    }

    private func record(_ number: Int) -> AuditRecord {
        let word = mixed(number)
        let other = mixed(number &+ 0x5eed_0000_0000)
        let tenant = Self.skewed(word, 200)
        let refusal = other % 20 == 0 ? Self.refusals[Int(other >> 8 & 3)] : nil
        var record = AuditRecord(
            time: UnixTime(nanoseconds: Self.start.nanoseconds + Int64(number) * 100_000),
            gateway: "bench",
            durability: .written,
            decision: refusal == nil ? .allowed : .refused,
            reason: refusal?.reason ?? .ok
        )
        record.id = id(number)
        record.action = "predict"
        record.auth = .token
        record.configGeneration = 1
        record.connection = word >> 40
        record.detail = refusal?.detail
        record.issuer = "https://idp.example/realms/\(tenant % 5)"
        record.keyID = "key\(tenant)\(other & 1 == 0 ? "a" : "b")"
        record.listener = .tenant
        record.method = "POST"
        record.model = tenant % 3 == 0 ? "iris" : "digits"
        record.modelVersion = 1 + Int64(number / max(1, count / 3))
        record.protocol = "HTTP/2"
        record.role = "tenant"
        record.route = "/v1/models/{model}:predict"
        record.scope = "predict"
        // A subject has one machine, or two.
        let subject = Self.skewed(other, 50)
        let machine = (tenant &* 50 &+ subject) &* 2 &+ (word >> 20 & 1)
        record.source = AuditSource(
            address: "10.\(machine >> 16).\(machine >> 8 & 255).\(machine & 255)",
            port: UInt16(truncatingIfNeeded: word)
        )
        record.status = refusal?.status ?? 200
        record.subject = "client-\(tenant)-\(subject)"
        record.tenant = "tenant-\(tenant)"
        record.requestBytes = 3000
        record.responseBytes = 120
        record.totalMicros = Int64(word >> 54)
        if number % 50_000 == 77 {
            record.action = "key.revoke"
            record.target = "key/\(number)"
            record.tenant = "system"
            record.status = 204
        }
        // A stranger tries keys for a while, at one place in the log.
        if number > count / 4, number < count / 4 + count / 100 {
            record.tenant = nil
            record.keyID = nil
            record.subject = nil
            record.issuer = nil
            record.decision = .refused
            record.reason = ReasonCode.keyInvalid.rawValue
            record.status = 401
            record.detail = "no key of id z\(number)"
            record.source = AuditSource(address: "203.0.113.9", port: UInt16(truncatingIfNeeded: word))
        }
        return record
    }

    func queries() throws -> [(String, AuditQuery)] {
        func ask(_ name: String, _ change: (inout AuditQuery) -> Void) -> (String, AuditQuery) {
            var query = AuditQuery()
            change(&query)
            return (name, query)
        }
        func time(_ part: Double) -> UnixTime {
            UnixTime(nanoseconds: Self.start.nanoseconds + Int64(Double(count) * part) * 100_000)
        }
        return [
            ask("all") { _ in },
            ask("one request id") { $0.requestID = id(count / 2).description },
            ask("tenant, the largest") { $0.tenant = "tenant-0" },
            ask("tenant, the smallest") { $0.tenant = "tenant-199" },
            ask("key of a small tenant") { $0.keyID = "key190b" },
            ask("subject with few records") { $0.subject = "client-198-48" },
            ask("source address with few records") { $0.source = "10.0.77.87" },
            ask("source of a flood, long ago") { $0.source = "203.0.113.9" },
            ask("model and version, long ago") { ($0.model, $0.modelVersion) = ("iris", 1) },
            ask("status 429") { $0.status = 429 },
            ask("reason key_invalid, long ago") { $0.reason = "key_invalid" },
            ask("tenant and status 404") { ($0.tenant, $0.status) = ("tenant-150", 404) },
            ask("source and status that never meet") { ($0.source, $0.status) = ("203.0.113.9", 429) },
            ask("source and subject that seldom meet") { ($0.source, $0.subject) = ("10.0.57.208", "client-148-0") },
            ask("action key.revoke") { $0.action = "key.revoke" },
            ask("a minute, long ago") { ($0.since, $0.until) = (time(0.1), time(0.1) + 60) },
            ask("refusals of a tenant in an hour") {
                ($0.tenant, $0.decision, $0.since) = ("tenant-3", "refused", time(0.5))
                $0.until = time(0.5) + 3600
            },
            ask("words: one that all have") { $0.words = AuditWords("predict") },
            ask("words: 783 numbers tenant-199") { $0.words = AuditWords("\"783 numbers\" tenant-199") },
            ask("words: one note of a flood") { $0.words = AuditWords("z\(count / 4 + 5)") },
            ask("words: those of 100,000 notes") { $0.words = AuditWords("\"no key of id\"") },
            ask("words: resnet50 10.0.77.87") { $0.words = AuditWords("resnet50 10.0.77.87") },
            ask("words: none") { $0.words = AuditWords("nobody") },
        ]
    }
}
