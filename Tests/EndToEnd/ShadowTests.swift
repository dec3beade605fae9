// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

/// A version that runs aside: callers notice nothing of it, operators see how it does.
@Suite struct ShadowTests {
    /// 1 doubles three numbers, 2 squares them, and 3 takes two inputs: it cannot answer what 1 is asked.
    private func models() throws -> VersionsFolder {
        let folder = try VersionsFolder()
        try folder.addSmall(1)
        for (version, inputs) in [(2, ["x"]), (3, ["x", "y"])] {
            try FileManager.default.createDirectory(
                atPath: folder.file("\(version)"),
                withIntermediateDirectories: true
            )
            let model = ElementwiseModel(
                inputs.map { .init($0, "f32", [-1, 3]) },
                [.init("y", "Multiply", 0, inputs.count - 1)]
            )
            try folder.write(model.xml, to: "\(version)/model.xml")
            try folder.write("", to: "\(version)/model.bin")
        }
        return folder
    }

    private func run(_ gateway: GatewayProcess, _ arguments: String...) throws -> JSON {
        let ran = try gateway.command(["model"] + arguments + ["--output", "json"])
        guard ran.end == .exited(0) else { throw HarnessError("\(arguments): \(ran.errors)") }
        return try JSON.parse(ran.output.trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Asks, and expects the answer of version 1.
    private func ask(_ client: Client, _ tenant: TestTenant, _ numbers: [Int], _ path: String = "/predict") throws {
        let list = numbers.map(String.init).joined(separator: ",")
        let isTensors = path.hasPrefix("/v2")
        let body =
            isTensors
            ? #"{"inputs":[{"name":"x","datatype":"FP32","shape":[1,3],"data":[\#(list)]}]}"#
            : #"{"instances":[[\#(list)]]}"#
        let answer = try client.send("POST", path, credential: tenant.key, body: body)
        let doubled = numbers.map { "\(Double(2 * $0))" }.joined(separator: ",")
        #expect(answer.status == 200, "\(answer.text)")
        #expect(answer.text.contains("[\(doubled)]"), "\(answer.text)")
    }

    private func awaitOutcome(_ gateway: GatewayProcess, _ outcome: String, _ version: Int, _ count: Int) throws {
        try gateway.awaitMetric(
            "tollgate_model_shadow_requests_total",
            "version=\"\(version)\",outcome=\"\(outcome)\"",
            atLeast: Double(count)
        )
    }

    @Test(
        "What it says is compared and seen by no caller, and a shadow that fails fails alone",
        arguments: ["500", "0"]
    )
    func comparison(loopMicroseconds: String) throws {
        let folder = try models()
        let fields = ["inference.loop_microseconds": loopMicroseconds]
        try withGateway(GatewayProcess.Settings(fields: fields, models: folder.path)) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.tenants()
            _ = try run(gateway, "promote", "digits", "1")
            let shown = try run(gateway, "shadow", "digits", "2", "--share", "1")
            #expect(shown["shadow"]?["version"] == 2 && shown["shadow"]?["tenants"] == .null)
            #expect(shown["versions"]?.array?.map { $0["shadow"] } == [false, true, false])
            // The same place is the largest of 2, 4, 6 and of 1, 4, 9; of -6, 2, 4 and 9, 1, 4 it is not.
            for _ in 0..<5 { try ask(client, tenant, [1, 2, 3]) }
            try ask(client, tenant, [1, 2, 3], "/v2/models/digits/infer")
            for _ in 0..<2 { try ask(client, tenant, [-3, 1, 2]) }
            try awaitOutcome(gateway, "agreed", 2, 6)
            try awaitOutcome(gateway, "differed", 2, 2)
            let figures = try #require(try run(gateway, "show", "digits")["shadow_figures"])
            #expect(figures["agreed"] == 6 && figures["differed"] == 2 && figures["failed"] == 0)
            #expect(figures["dropped"] == 0 && figures["instances"] == 8)
            #expect(figures["agreement"]?.number == 0.75 && figures["max_difference"]?.number == 15)
            #expect(figures["mean_us"]?.number ?? 0 > 0)
            #expect(try gateway.metric("tollgate_model_shadow_duration_seconds_count", "version=\"2\"") == 8)
            // Nobody paid for it, and no record names it but that of its setting.
            #expect(try gateway.metric("tollgate_tenant_instances_total", "tenant=\"\(tenant.id)\"") == 8)
            #expect(try gateway.metric("tollgate_model_instances_total", "version=\"2\"") == 0)
            let record = try #require(try gateway.records("action=model.shadow").first?["record"])
            #expect(record["change"]?["before"]?["traffic"]?["shadow"] == .null)
            #expect(record["change"]?["after"]?["traffic"]?["shadow"]?["version"] == 2)
            let table = try gateway.command(["model", "show", "digits"])
            #expect(table.output.contains("shadow agreed") || table.output.contains("SHADOW AGREED"), "\(table.output)")

            let failing = try run(gateway, "shadow", "digits", "3", "--share", "1")
            #expect(failing["shadow_figures"]?["agreed"] == 0)
            for _ in 0..<3 { try ask(client, tenant, [1, 2, 3]) }
            try awaitOutcome(gateway, "failed", 3, 3)
            let failure = try run(gateway, "show", "digits")["shadow_figures"]?["last_failure"]?.string
            #expect(failure?.contains("expected 2 inputs") == true, "\(failure ?? "")")
            #expect(try run(gateway, "shadow", "digits", "--off")["shadow"] == .null)
            try ask(client, tenant, [1, 2, 3])
            #expect(try run(gateway, "show", "digits")["shadow_figures"] == .null)
        }
    }

    @Test("Only its tenants' requests that name no version are run, also after a restart; faults are said")
    func choice() throws {
        let folder = try models()
        try withGateway(GatewayProcess.Settings(models: folder.path)) { gateway in
            let (mine, other) = (try gateway.makeTenant(), try gateway.makeTenant())
            _ = try run(gateway, "promote", "digits", "1")
            _ = try run(gateway, "shadow", "digits", "2", "--share", "1", "--tenant", mine.id)
            try gateway.restart()
            let client = try gateway.tenants()
            try ask(client, other, [1, 2, 3])
            try ask(client, mine, [1, 2, 3], "/v1/models/digits/versions/1:predict")
            // What comes last is run last, so the others would have been counted.
            try ask(client, mine, [1, 2, 3])
            try awaitOutcome(gateway, "agreed", 2, 1)
            #expect(try gateway.metric("tollgate_model_shadow_requests_total") == 1)
            for (body, code) in [
                (["version": 2], "field_invalid"), (["version": 2, "share": 1.5], "field_invalid"),
                (["version": 2, "share": 1, "percent": 1], "field_invalid"),
                (["version": 1, "share": 1], "conflict"), (["version": 9, "share": 1], "version_not_found"),
            ] as [(JSON, String)] {
                let answer = try gateway.call("PUT", "/models/digits/shadow", body)
                #expect(try answer.json["code"]?.string == code, "\(body): \(answer.text)")
            }
            #expect(try gateway.call("POST", "/models/digits/unload", ["version": 2]).status == 409)
            // It takes the traffic, and is no shadow any more.
            let promoted = try run(gateway, "promote", "digits", "2")
            #expect(promoted["serving"] == 2 && promoted["shadow"] == .null)
            let usage = try gateway.command(["model", "shadow", "digits", "2"])
            #expect(usage.end == .exited(64) && usage.errors.contains("--share"))
        }
    }
}
