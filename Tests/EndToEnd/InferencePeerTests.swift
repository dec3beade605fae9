// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

/// The inference protocols with the clients of others, as they are.
struct InferencePeerTests {
    /// Where `make test-deps` puts the clients and models of others.
    private static let tools = "\(TestRun.repository)/.tools"

    private static func isWanted(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(tools)/\(name)/PINS")
            || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil
    }

    @Test(
        "Triton's HTTP client: probes, metadata, infer in JSON and bytes, every type, gzip, classes, statistics, load",
        .enabled(if: isWanted("inference"), "Triton's client is missing: run Tests/Peers/inference.sh")
    )
    func triton() throws {
        let gateway = try GatewayProcess(GatewayProcess.Settings(models: InferenceModels.make()))
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        try run(
            "inference_peer.py",
            ["inference"],
            gateway,
            [
                String(gateway.tenantPort), String(gateway.managementPort), Certificates.shared.authority, tenant.key,
                gateway.adminKey, body(gateway),
            ]
        )

        // Each of its calls is on record, none twice.
        let records = try gateway.records("tenant=\(tenant.id)&page_size=1000")
        let infers = records.compactMap { $0["record"] }.filter { $0["route"]?.string == "/v2/models/{model}/infer" }
        #expect(infers.contains { $0["action"]?.string == "predict" && $0["instances"]?.integer == 200 })
        let changes = try gateway.records("page_size=1000").compactMap { $0["record"] }
            .filter { ["model.load", "model.unload"].contains($0["action"]?.string ?? "") && $0["status"] == 200 }
        #expect(changes.count == 2 && changes.allSatisfy { $0["target"]?.string == "model/pair" })
    }

    @Test(
        "KServe's Python client: probes, infer in JSON and bytes, texts, refusals, the V1 protocol",
        .enabled(if: isWanted("kserve"), "KServe's client is missing: run Tests/Peers/kserve.sh")
    )
    func kserve() throws {
        let gateway = try GatewayProcess(GatewayProcess.Settings(models: InferenceModels.make()))
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        try run(
            "kserve_peer.py",
            ["kserve"],
            gateway,
            [String(gateway.tenantPort), Certificates.shared.authority, tenant.key, body(gateway)]
        )
    }

    @Test(
        "Models from PyPI (pictures, speech, wake words, file types) answer as ONNX Runtime in Python does",
        .enabled(if: isWanted("models"), "the models are missing: run Tests/Peers/models.sh")
    )
    func publishedModels() throws {
        let models = "\(Self.tools)/models/repository"
        let gateway = try GatewayProcess(
            GatewayProcess.Settings(fields: ["models.default": "files"], models: models)
        )
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        try run(
            "models_peer.py",
            ["models", "inference"],
            gateway,
            [
                String(gateway.tenantPort), String(gateway.managementPort), Certificates.shared.authority, tenant.key,
                gateway.adminKey, models,
            ]
        )
    }

    @Test("A model that needs ONNX Runtime says so where its library is not, and the others are served")
    func withoutLibrary() throws {
        let models = try InferenceModels.make()
        let folder = "\(models)/branch/1"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(BranchModel().bytes).write(to: URL(fileURLWithPath: "\(folder)/model.onnx"))
        let gateway = try GatewayProcess(
            GatewayProcess.Settings(
                fields: ["models.onnxruntime_library": "/nowhere/libonnxruntime.so"],
                models: models
            )
        )
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        let client = try gateway.tenants()
        let answer = try client.send(
            "POST",
            "/v1/models/branch:predict",
            credential: tenant.key,
            body: "{\"instances\":[[1]]}"
        )
        #expect(answer.status == 503)
        #expect(answer.text.contains("If-17") && answer.text.contains("make onnxruntime"), "\(answer.text)")
        #expect(!answer.text.contains("/nowhere"))
        #expect(try client.send("GET", "/v2/models/open/ready", credential: tenant.key).status == 200)
    }

    private func body(_ gateway: GatewayProcess) throws -> String {
        let body = "\(gateway.directory)/body.json"
        try Digit.body(3).write(toFile: body, atomically: true, encoding: .utf8)
        return body
    }

    private func run(_ script: String, _ tools: [String], _ gateway: GatewayProcess, _ arguments: [String]) throws {
        var environment = TestRun.environment
        environment["PYTHONPATH"] = tools.map { "\(Self.tools)/\($0)" }.joined(separator: ":")
        let ran = try ChildProcess.run(
            "python3",
            ["\(TestRun.repository)/Tests/Peers/\(script)"] + arguments,
            environment: environment,
            directory: gateway.directory
        )
        #expect(ran.end == .exited(0), "\(ran.errors)\n\(gateway.log)")
    }
}
