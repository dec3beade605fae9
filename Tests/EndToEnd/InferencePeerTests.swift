// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The inference protocols with the clients of others, as they are.
struct InferencePeerTests {
    /// Where `make test-deps` puts Triton's client.
    private static let path = "\(TestRun.repository)/.tools/inference"

    private static var isWanted: Bool {
        FileManager.default.fileExists(atPath: path)
            || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil
    }

    @Test(
        "Triton's HTTP client: probes, metadata, infer in JSON and bytes, every type, gzip, classes, statistics, load",
        .enabled(if: isWanted, "Triton's client is missing: run Tests/Peers/inference.sh")
    )
    func triton() throws {
        let gateway = try GatewayProcess(GatewayProcess.Settings(models: InferenceModels.make()))
        defer { gateway.stop() }
        let tenant = try gateway.makeTenant()
        let body = "\(gateway.directory)/body.json"
        try Digit.body(3).write(toFile: body, atomically: true, encoding: .utf8)
        var environment = TestRun.environment
        environment["PYTHONPATH"] = Self.path
        let ran = try ChildProcess.run(
            "python3",
            [
                "\(TestRun.repository)/Tests/Peers/inference_peer.py", String(gateway.tenantPort),
                String(gateway.managementPort), try Certificates.shared.authority, tenant.key, gateway.adminKey, body,
            ],
            environment: environment,
            directory: gateway.directory
        )
        #expect(ran.end == .exited(0), "\(ran.errors)\n\(gateway.log)")

        // Each of its calls is on record, none twice.
        let records = try gateway.records("tenant=\(tenant.id)&page_size=1000")
        let infers = records.compactMap { $0["record"] }.filter { $0["route"]?.string == "/v2/models/{model}/infer" }
        #expect(infers.contains { $0["action"]?.string == "predict" && $0["instances"]?.integer == 200 })
        let changes = try gateway.records("page_size=1000").compactMap { $0["record"] }
            .filter { ["model.load", "model.unload"].contains($0["action"]?.string ?? "") && $0["status"] == 200 }
        #expect(changes.count == 2 && changes.allSatisfy { $0["target"]?.string == "model/pair" })
    }
}
