// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// How long the audit log is kept, through the real program: pruning, holds, what is left, and what is found out.
struct RetentionTests {
    /// A gateway whose log begins with those records; nothing is pruned before ``prune(_:_:)``.
    private func withGateway(_ old: [OldRecords], _ body: (GatewayProcess) throws -> Void) throws {
        let settings = GatewayProcess.Settings(
            fields: ["audit.checkpoint_milliseconds": "50"],
            prepare: { try OldRecords.append(old, to: $0) }
        )
        try EndToEnd.withGateway(settings) { gateway in try body(gateway) }
    }

    /// Puts a policy in force.
    private func prune(_ gateway: GatewayProcess, _ policy: String) throws {
        let file = gateway.configurationFile
        let text = try String(contentsOfFile: file, encoding: .utf8)
        try "\(text)  \(policy)\n".write(toFile: file, atomically: true, encoding: .utf8)
        try gateway.admin("POST", "/reload", .object([]))
    }

    private func makeTenant(_ gateway: GatewayProcess, _ id: String) throws -> TestTenant {
        try gateway.admin("POST", "/tenants", ["id": .string(id), "plan": "unlimited"])
        return TestTenant(id: id, key: try gateway.issueKey(tenant: id))
    }

    /// The first record that is held.
    private func firstKept(_ gateway: GatewayProcess) throws -> Int64 {
        try gateway.admin("GET", "/audit/retention")["first_kept"]?.integer ?? -1
    }

    /// Waits until records are pruned.
    @discardableResult
    private func pruned(_ gateway: GatewayProcess) throws -> Int64 {
        try eventually("a pruning; \(gateway.log.suffix(2000))") {
            let first = try firstKept(gateway)
            guard first > 0 else { return nil }
            // The bundles go behind the note.
            return bundles(gateway).min().map { $0 * 256 == first } == true ? first : nil
        }
    }

    private func bundles(_ gateway: GatewayProcess) -> [Int64] {
        let folder = "\(gateway.state)/audit/log/tile/entries"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { $0.count == 3 }.compactMap { Int64($0) }
    }

    private func segments(_ gateway: GatewayProcess) -> [Int64] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(gateway.state)/audit/journal")) ?? []
        return names.filter { $0.hasSuffix(".journal") }.compactMap { Int64($0.prefix(20)) }.sorted()
    }

    private func verify(_ gateway: GatewayProcess) throws -> (end: ChildProcess.End, report: JSON, errors: String) {
        let result = try gateway.command([
            "audit", "verify", "--config", gateway.configurationFile, "--output", "json",
        ])
        return (result.end, try JSON.parse(result.output), result.errors)
    }

    private func read(_ gateway: GatewayProcess, _ path: String) throws -> Answer {
        try gateway.management().send("GET", path, credential: gateway.auditorKey)
    }

    @Test func `old records go, and everything that is left still verifies`() throws {
        let old = [40, 20].map { OldRecords(tenant: "acme", count: 3000, daysAgo: $0) }
        try withGateway(old) { gateway in
            let tenant = try makeTenant(gateway, "acme")
            try prune(gateway, "retention_days: 30")
            // Beside the gateway that prunes, the log is whole at every moment.
            var beside: JSON?
            while beside?["pruned_records"]?.integer ?? 0 == 0 {
                let (end, report, errors) = try verify(gateway)
                #expect(end == .exited(0), "\(errors)")
                guard end == .exited(0) else { break }
                beside = report
            }
            let first = try pruned(gateway)
            #expect(first % 256 == 0 && first > 2700 && first <= 3100)
            _ = try gateway.predict(tenant.key)

            // A record says so, and the metrics.
            let said = try gateway.records("action=audit.prune")
            let change = try #require(said.first?["record"]?["change"])
            #expect(change["before"]?["first_kept"] == 0 && change["after"]?["first_kept"]?.integer == first)
            #expect(change["after"]?["rule"] == "age")
            let metrics = try gateway.management().send("GET", "/metrics", credential: try gateway.metricsKey()).text
            #expect(metrics.contains("tollgate_audit_pruned_records_total \(first)"))
            #expect(metrics.contains("tollgate_audit_oldest_record_index \(first)"))

            // Nothing older is found; what is younger is.
            #expect(
                try gateway.records("tenant=\(tenant.id)&order=oldest&page_size=1000").allSatisfy {
                    ($0["index"]?.integer ?? 0) >= first
                }
            )
            #expect(try gateway.records("request_id=old-\(tenant.id)-40-17").isEmpty)
            #expect(try gateway.records("request_id=old-\(tenant.id)-20-17").count == 1)

            // The log's files: the bundle is gone, the hashes are there, and proofs are made from them.
            let gone = try read(gateway, "/audit/log/tile/entries/000")
            #expect(gone.status == 410)
            #expect(try gone.json["code"] == "record_pruned")
            #expect(try read(gateway, "/audit/log/tile/0/000").status == 200)
            #expect(try read(gateway, "/audit/log/tile/entries/0\(first / 256)").status == 200)
            #expect(try read(gateway, "/audit/log/pruned").text.hasPrefix("tollgate pruned v1\n"))
            #expect(try read(gateway, "/audit/proof?index=3").status == 200)
            let own = try gateway.tenants().send("GET", "/audit/proof?index=3", credential: tenant.key)
            #expect(own.status == 410)

            // Verified with nothing of ours; what no note says has gone is missed.
            let copy = "\(gateway.directory)/copy"
            try FileManager.default.copyItem(atPath: "\(gateway.state)/audit/log", toPath: copy)
            for tool in LogPeer.available {
                let (end, errors) = try tool.verify(copy, for: gateway)
                #expect(end == .exited(0), "\(errors)")
            }
            let note = try String(contentsOfFile: "\(copy)/pruned", encoding: .utf8)
            try FileManager.default.removeItem(atPath: "\(copy)/pruned")
            #expect(try LogPeer.go.verify(copy, for: gateway).errors.contains("tile/entries/000: no such file"))
            try note.replacing("\n\(first)\n", with: "\n\(first - 256)\n")
                .write(toFile: "\(copy)/pruned", atomically: true, encoding: .utf8)
            #expect(try LogPeer.go.verify(copy, for: gateway).errors.contains("pruned: invalid signature"))

            // The journal goes by whole segments.
            #expect(segments(gateway).count > 1 && segments(gateway)[0] > 0 && segments(gateway)[1] > first)

            for _ in 0..<2 {
                let (end, report, errors) = try verify(gateway)
                #expect(end == .exited(0), "\(errors)")
                #expect(report["whole"] == true && report["pruned_records"]?.integer == first)
                try gateway.restart(.kill)
                #expect(try firstKept(gateway) == first)
            }
            #expect(try gateway.terminate() == .exited(0))
            let rebuilt = try gateway.command(["audit", "index", "rebuild", "--config", gateway.configurationFile])
            #expect(rebuilt.end == .exited(0), "\(rebuilt.errors)")
            let (end, report, errors) = try verify(gateway)
            #expect(end == .exited(0), "\(errors)")
            #expect(report["indexed_records"] == report["journal_records"])
        }
    }

    @Test func `a bundle that is missing without a note, or above it, is found out`() throws {
        try withGateway([OldRecords(count: 1500, daysAgo: 40), OldRecords(count: 2500, daysAgo: 1)]) { gateway in
            try prune(gateway, "retention_days: 30")
            let first = try pruned(gateway)
            #expect(try gateway.terminate() == .exited(0))
            let log = "\(gateway.state)/audit/log"
            let above = "\(log)/tile/entries/00\(first / 256 + 1)"
            try FileManager.default.moveItem(atPath: above, toPath: "\(log)/moved")
            var (end, report, errors) = try verify(gateway)
            #expect(end == .exited(1) && report["first_bad_record"]?.integer == first + 256, "\(errors)")
            try FileManager.default.moveItem(atPath: "\(log)/moved", toPath: above)

            let note = try #require(FileManager.default.contents(atPath: "\(log)/pruned"))
            try FileManager.default.removeItem(atPath: "\(log)/pruned")
            (end, report, errors) = try verify(gateway)
            #expect(end == .exited(1) && report["first_bad_record"] == 0, "\(errors)")

            // A note that says more than was signed.
            let text = String(decoding: note, as: UTF8.self)
            try text.replacing("\n\(first)\n", with: "\n\(first + 256)\n")
                .write(toFile: "\(log)/pruned", atomically: true, encoding: .utf8)
            (end, report, errors) = try verify(gateway)
            #expect(end == .exited(1) && errors.contains("is not signed by the log's key"), "\(errors)")
        }
    }

    @Test func `a hold keeps what is old, until it is lifted`() throws {
        let old = [
            OldRecords(count: 600, daysAgo: 50), OldRecords(tenant: "acme", count: 1, daysAgo: 45),
            OldRecords(count: 3000, daysAgo: 40),
        ]
        try withGateway(old) { gateway in
            let tenant = try makeTenant(gateway, "acme")
            let add = ["audit", "hold", "add", "--tenant", tenant.id, "--reason", "case 4711", "--output", "json"]
            let tried = try gateway.command(add + ["--dry-run"])
            #expect(tried.end == .exited(0), "\(tried.errors)")
            let effect = try JSON.parse(tried.output)
            #expect(effect["after"]?["reason"] == "case 4711" && effect["after"]?["id"] == nil)
            #expect(try gateway.admin("GET", "/audit/holds")["holds"]?.array?.isEmpty == true)
            let added = try gateway.command(add)
            #expect(added.end == .exited(0), "\(added.errors)")
            let id = try #require(try JSON.parse(added.output)["id"]?.string)
            try prune(gateway, "retention_bytes: 100000")
            #expect(try pruned(gateway) == 512)
            _ = try eventually("word of what the hold keeps") {
                gateway.log.contains("a legal hold keeps the audit log above audit.retention_bytes") ? true : nil
            }
            #expect(try gateway.admin("GET", "/audit/retention")["held_over_limit_bytes"]?.integer ?? 0 > 0)
            #expect(try gateway.records("request_id=old-\(tenant.id)-45-0").count == 1)

            let list = try gateway.command(["audit", "hold", "list"])
            #expect(list.output.contains("case 4711"))
            #expect(try gateway.command(["audit", "hold", "remove", id]).end == .exited(64), "it must be confirmed")
            let lifting = try gateway.command(["audit", "hold", "remove", id, "--dry-run"])
            #expect(lifting.end == .exited(0) && lifting.output.contains("audit-hold/\(id) would be deleted"))
            #expect(try gateway.command(["audit", "hold", "list"]).output == list.output)
            let removed = try gateway.command(["audit", "hold", "remove", id, "--yes"])
            #expect(removed.end == .exited(0), "\(removed.errors)")
            let actions = ["audit.hold.add", "audit.hold.remove"]
            for action in actions {
                let change = try gateway.records("action=\(action)").first?["record"]?["change"]
                let side = action == actions[0] ? "after" : "before"
                #expect(change?[side]?["reason"] == "case 4711")
            }
            try gateway.restart()
            _ = try eventually("what the hold kept to go") { try firstKept(gateway) > 512 ? true : nil }
            #expect(try verify(gateway).end == .exited(0))
        }
    }

    @Test func `a tenant's own policy is longer or shorter than the gateway's`() throws {
        let old = [
            OldRecords(count: 700, daysAgo: 50), OldRecords(tenant: "long", count: 1, daysAgo: 45),
            OldRecords(tenant: "short", count: 600, daysAgo: 20, subject: "alice"),
            OldRecords(count: 1500, daysAgo: 8), OldRecords(tenant: "short", count: 1, daysAgo: 1, subject: "alice"),
        ]
        try withGateway(old) { gateway in
            let (short, long) = (try makeTenant(gateway, "short"), try makeTenant(gateway, "long"))
            for (tenant, days) in [(short, "5"), (long, "forever")] {
                let done = try gateway.command([
                    "tenant", "update", tenant.id, "--audit-retention-days", days,
                ])
                #expect(done.end == .exited(0), "\(done.errors)")
            }
            let change = try gateway.records("action=tenant.update&tenant=system").first?["record"]?["change"]
            #expect(change?["before"]?["audit_retention_days"] == .null)
            #expect(change?["after"]?["audit_retention_days"] == 0)
            try prune(gateway, "retention_days: 30")
            #expect(try pruned(gateway) == 512)
            #expect(try gateway.records("request_id=old-\(long.id)-45-0").count == 1)
            #expect(try gateway.records("subject=alice").count == 1, "what is over is not shown")
            #expect(try gateway.records("request_id=old-\(short.id)-20-3").isEmpty)
            #expect(try gateway.terminate() == .exited(0))
            let (end, report, errors) = try verify(gateway)
            #expect(end == .exited(0), "\(errors)")
            #expect(report["index_left_out"]?.integer ?? 0 > 500, "what is in no search is told")
        }
    }
}
