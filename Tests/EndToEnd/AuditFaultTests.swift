// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// A log that cannot be written: nothing is answered but 503, nothing is done, and it goes on by itself when it can.
@Suite(.serialized) struct AuditFaultTests {
    /// A gateway with a tenant, while its journal fails.
    private struct Scene {
        let gateway: GatewayProcess
        let tenant: TestTenant
        /// Answers of before, with their indices.
        var acknowledged: [Answer] = []

        init(_ gateway: GatewayProcess) throws {
            self.gateway = gateway
            tenant = try gateway.makeTenant()
            // While the log fails no key can be issued.
            _ = try gateway.metricsKey()
            for digit in 0..<5 { acknowledged.append(try gateway.predict(tenant.key, digit)) }
            for answer in acknowledged { #expect(answer.status == 200) }
        }

        /// Breaks the log, looks at what is answered then, and mends it.
        mutating func fail(_ break: () throws -> Void, mend: () throws -> Void) throws {
            let (before, healthy) = (try inferences(), messages("the audit log is written again"))
            try `break`()
            let client = try gateway.tenants()
            // Whoever comes first finds it out: with a request that infers nothing.
            _ = try eventually("a refusal") {
                let answer = try client.send("GET", "/v1/models/digits", credential: tenant.key)
                if answer.status == 200 { acknowledged.append(answer) }
                return answer.status == 503 ? true : nil
            }
            for _ in 0..<20 {
                for (method, path, body) in [
                    ("POST", "/predict", Digit.body(1)), ("GET", "/v1/models/digits", nil), ("GET", "/nowhere", nil),
                    ("GET", "/readyz", nil), ("GET", "/livez", nil), ("POST", "/predict", "{"),
                ] as [(String, String, String?)] {
                    try expectUnavailable(try client.send(method, path, credential: tenant.key, body: body))
                }
                try expectUnavailable(
                    try client.send(
                        "POST",
                        "/oauth/token",
                        headers: [basic(tenant.keyID, tenant.key), form],
                        body: "grant_type=client_credentials"
                    )
                )
            }
            let management = try gateway.management()
            try expectUnavailable(
                try management.send(
                    "POST",
                    "/admin/v1/tenants",
                    credential: gateway.adminKey,
                    body: "{\"id\":\"nobody\"}"
                )
            )
            try expectUnavailable(try management.send("GET", "/readyz"))
            try seesWhy(management)
            #expect(messages("the audit log is written again") == healthy, "it was called well between two failures")
            try gateway.awaitLog("the audit log cannot be written")

            try mend()
            _ = try eventually("200 from /readyz") {
                try client.send("GET", "/readyz").status == 200 ? true : nil
            }
            #expect(messages("the audit log is written again") == healthy + 1)
            #expect(try inferences() == before, "inference was invoked for requests that could not be recorded")
            #expect(try gateway.metric("tollgate_audit_healthy") == 1)
            try expectCounted()
            for digit in 0..<5 { acknowledged.append(try gateway.predict(tenant.key, digit)) }
            let tenants = try gateway.admin("GET", "/tenants")["tenants"]?.array ?? []
            #expect(!tenants.contains { $0["id"] == "nobody" })
        }

        /// Who looks after the gateway can see what is wrong with it, and the log has all of it later.
        private func seesWhy(_ management: Client) throws {
            for _ in 0..<3 {
                let alive = try management.send("GET", "/livez")
                #expect(alive.status == 200 && alive.header("Audit-Index") == nil)
            }
            #expect(try gateway.metric("tollgate_audit_healthy") == 0)
            #expect(try gateway.metric("tollgate_audit_unrecorded_answers_total", "route=\"/livez\"") >= 3)
            // Strangers see nothing.
            try expectUnavailable(try management.send("GET", "/metrics"))
            try expectUnavailable(try management.send("GET", "/metrics", credential: tenant.key))
        }

        /// Each answer that left without a record is counted by one that was made when the log was back.
        private func expectCounted() throws {
            for route in ["/livez", "/metrics"] {
                let left = try gateway.metric("tollgate_audit_unrecorded_answers_total", "route=\"\(route)\"")
                _ = try eventually("records of \(left) answers of \(route)") {
                    let counted = try gateway.allRecords().values.filter {
                        $0["route"]?.string == route && $0["detail"]?.string?.contains("without a record") == true
                    }
                    return counted.reduce(0) { $0 + Double($1["count"]?.integer ?? 1) } == left ? true : nil
                }
                #expect(left > 0)
            }
        }

        private func expectUnavailable(_ answer: Answer) throws {
            #expect(answer.status == 503, "\(answer.text)")
            #expect(answer.header("Retry-After").flatMap { Int($0) } ?? 0 > 0)
            #expect(answer.header("Audit-Index") == nil)
            // The token endpoint has errors of its own form (RFC 6749, section 5.2).
            let json = try answer.json
            #expect(json["code"] == "audit_unavailable" || json["error"] == "temporarily_unavailable", "\(answer.text)")
        }

        private func inferences() throws -> Double {
            try gateway.metric("tollgate_model_inference_duration_seconds_count")
        }

        private func messages(_ message: String) -> Int {
            GatewayProcess.lines(gateway.log).count { $0["message"]?.string == message }
        }

        /// All that was acknowledged is in the log, which is whole.
        func finish() throws {
            let records = try gateway.allRecords()
            for answer in acknowledged {
                let record = try #require(answer.auditIndex.flatMap { records[$0] })
                #expect(record["request_id"]?.string == answer.requestID)
                #expect(record["status"]?.integer == Int64(answer.status))
            }
            #expect(try gateway.terminate() == .exited(0))
            let verified = try gateway.command(["audit", "verify", "--state", gateway.state])
            #expect(verified.end == .exited(0), "\(verified.output)\(verified.errors)")
        }
    }

    enum Fault: String, CaseIterable, Sendable {
        case syncs = "fdatasync EIO"
        case writes = "pwritev EIO"
        case space = "pwritev ENOSPC\nposix_fallocate ENOSPC"
        case opening = "fdatasync EIO\nopen EACCES"
    }

    @Test("Calls that fail stop every answer, and the log goes on when they do not", arguments: Fault.allCases)
    func injected(_ fault: Fault) throws {
        let faults = try JournalFaults()
        try withGateway(.init(environment: faults.environment)) { gateway in
            var scene = try Scene(gateway)
            for _ in 0..<2 {
                try scene.fail {
                    try faults.set(fault.rawValue)
                } mend: {
                    try faults.set()
                }
            }
            try scene.finish()
        }
    }

    @Test("In written mode a write that fails stops every answer as well")
    func written() throws {
        let faults = try JournalFaults()
        try withGateway(.init(fields: ["audit.durability": "written"], environment: faults.environment)) { gateway in
            var scene = try Scene(gateway)
            try scene.fail {
                try faults.set(Fault.writes.rawValue)
            } mend: {
                try faults.set()
            }
            try scene.finish()
        }
    }

    enum Removal: CaseIterable, Sendable { case segmentRenamed, segmentDeleted, directoryRenamed }

    @Test("A log that was removed stops every answer until it is back", arguments: Removal.allCases)
    func removed(_ removal: Removal) throws {
        try withGateway { gateway in
            var scene = try Scene(gateway)
            let manager = FileManager.default
            let journal = "\(gateway.state)/audit/journal"
            let segment = "\(journal)/00000000000000000000.journal"
            switch removal {
            case .segmentRenamed:
                try scene.fail {
                    try manager.moveItem(atPath: segment, toPath: "\(gateway.directory)/away")
                } mend: {
                    try manager.moveItem(atPath: "\(gateway.directory)/away", toPath: segment)
                }
            case .segmentDeleted:
                try scene.fail {
                    try manager.removeItem(atPath: segment)
                } mend: {
                    // As the log line says: the bytes are still there.
                    let line = try gateway.awaitLog("the audit log cannot be written")
                    let reason = try #require(line["reason"]?.string)
                    let range = try #require(reason.range(of: "/proc/"))
                    let bytes = try #require(manager.contents(atPath: String(reason[range.lowerBound...])))
                    try Data(bytes).write(to: URL(fileURLWithPath: segment), options: .atomic)
                }
            case .directoryRenamed:
                try scene.fail {
                    try manager.moveItem(atPath: journal, toPath: "\(gateway.directory)/away")
                } mend: {
                    try manager.moveItem(atPath: "\(gateway.directory)/away", toPath: journal)
                }
            }
            try scene.finish()
        }
    }

    @Test("A file system that is full stops every answer, and the log goes on when there is room")
    func full() throws {
        try withGateway { gateway in
            let audit = "\(gateway.state)/audit"
            let away = "\(gateway.directory)/audit"
            func mount(_ arguments: String...) throws -> Bool {
                try ChildProcess.run("mount", arguments, directory: gateway.directory).end == .exited(0)
            }
            var isMounted = false
            defer {
                if isMounted {
                    gateway.kill()
                    _ = try? ChildProcess.run("umount", [audit], directory: gateway.directory)
                }
            }
            try gateway.restart {
                try FileManager.default.moveItem(atPath: audit, toPath: away)
                try FileManager.default.createDirectory(
                    atPath: audit,
                    withIntermediateDirectories: false,
                    attributes: [.posixPermissions: 0o700]
                )
                isMounted = try mount("-t", "tmpfs", "-o", "size=8m,mode=700", "tmpfs", audit)
                for name in try FileManager.default.contentsOfDirectory(atPath: away) {
                    try FileManager.default.copyItem(atPath: "\(away)/\(name)", toPath: "\(audit)/\(name)")
                }
            }
            // Only root may mount; the injected faults are for everybody.
            guard isMounted else { return }
            var scene = try Scene(gateway)
            for _ in 0..<2 {
                try scene.fail {
                    let end = try ChildProcess.run(
                        "dd",
                        ["if=/dev/zero", "of=\(audit)/ballast", "bs=4k"],
                        directory: gateway.directory
                    )
                    #expect(end.end == .exited(1))
                } mend: {
                    try FileManager.default.removeItem(atPath: "\(audit)/ballast")
                }
            }
            try scene.finish()
        }
    }
}
