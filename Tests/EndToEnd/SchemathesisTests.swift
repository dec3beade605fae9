// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// The gateway's description against what it does with thousands of requests, good and bad, by schemathesis.
struct SchemathesisTests {
    /// Where `make test-deps` puts it.
    private static let path = "\(TestRun.repository)/.tools/schemathesis"

    private static var isWanted: Bool {
        FileManager.default.fileExists(atPath: path)
            || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil
    }

    @Test(
        "schemathesis finds both listeners as described, every check on",
        .enabled(if: isWanted, "schemathesis is missing: run Tests/Peers/schemathesis.sh")
    )
    func everyCheck() throws {
        let gateway = try GatewayProcess(GatewayProcess.Settings(models: InferenceModels.make()))
        defer { gateway.stop() }
        let keys: JSON = [
            "tenant": .string(try gateway.makeTenant().key), "admin": .string(try gateway.issueKey(role: "admin")),
            "auditor": .string(gateway.auditorKey), "metrics": .string(try gateway.metricsKey()),
        ]
        let input = "\(gateway.directory)/keys.json"
        try keys.serialized().write(toFile: input, atomically: true, encoding: .utf8)
        var environment = TestRun.environment
        environment["PYTHONPATH"] = Self.path
        environment["PYTHONDONTWRITEBYTECODE"] = "1"
        environment["TOLLGATE_TEST_EXAMPLES"] = ProcessInfo.processInfo.environment["TOLLGATE_TEST_EXAMPLES"]
        let ran = try ChildProcess.run(
            "python3",
            [
                "\(TestRun.repository)/Tests/Peers/openapi_peer.py", String(gateway.tenantPort),
                String(gateway.managementPort), try Certificates.shared.authority, gateway.directory,
            ],
            environment: environment,
            directory: gateway.directory,
            input: input
        )
        #expect(ran.end == .exited(0), "\(ran.output.suffix(8000))\n\(ran.errors)")
        #expect(!gateway.log.contains("a request failed"), "\(gateway.log)")
    }
}
