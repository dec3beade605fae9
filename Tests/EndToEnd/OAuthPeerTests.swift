// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// OAuth with the libraries that others use: Authlib, PyJWT, joserfc and jwcrypto.
struct OAuthPeerTests {
    /// Where `make test-deps` puts them.
    private static let pythonPath = "\(TestRun.repository)/.tools/oauth"

    /// Whether the tests run: they do, and fail without the libraries, unless the environment allows them to be skipped.
    private static var isWanted: Bool {
        FileManager.default.fileExists(atPath: pythonPath)
            || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil
    }

    @Test(
        "Python's libraries find, get, verify, introspect and revoke tokens of each algorithm",
        .enabled(if: isWanted, "the libraries are missing: run Tests/Peers/oauth.sh"),
        arguments: [("ES256", "JWT"), ("ES256", "at+jwt"), ("RS256", "at+jwt"), ("Ed25519", "JWT")]
    )
    func python(algorithm: String, typ: String) throws {
        let issuer = "https://gateway.example"
        let fields = ["tokens.algorithm": algorithm, "tokens.typ": typ, "tokens.issuer": issuer]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let tenant = try gateway.makeTenant()
            var environment = TestRun.environment
            environment["PYTHONPATH"] = Self.pythonPath
            let secret = "\(gateway.directory)/secret"
            try tenant.key.write(toFile: secret, atomically: true, encoding: .utf8)
            let ran = try ChildProcess.run(
                "python3",
                [
                    "\(TestRun.repository)/Tests/Peers/oauth_peer.py", "https://localhost:\(gateway.tenantPort)",
                    try Certificates.shared.authority, issuer, "tollgate", tenant.keyID,
                ],
                environment: environment,
                directory: gateway.directory,
                input: secret
            )
            guard ran.end == .exited(0) else { throw HarnessError("oauth_peer.py: \(ran.errors.suffix(600))") }
            let found = try JSON.parse(ran.output)
            #expect(found["used"] == [200, 200])
            #expect(found["stranger"] == "invalid_client")
            var verifiers = ["joserfc", "jwcrypto"]
            if algorithm != "Ed25519" { verifiers.append("pyjwt") }
            if typ == "at+jwt" { verifiers.append("authlib") }
            for verifier in verifiers { #expect(found["verified"]?[verifier]?.string == algorithm, "\(verifier)") }
        }
    }
}
