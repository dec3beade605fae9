// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

@testable import Identity

/// Tokens of an outside issuer whose keys and signatures PyJWT, joserfc, jwcrypto and Authlib made.
@Suite struct JOSEPeerTests {
    struct Issued {
        let name: String
        let algorithm: String
        let jwk: JSON
        let token: String
        /// The same, signed by another key of its kind.
        let forged: String
    }

    private static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent().path
    private static let pythonPath = "\(repository)/.tools/jose"

    /// They run, and fail without the libraries, unless the environment allows them to be skipped.
    private static let isWanted =
        FileManager.default.fileExists(atPath: "\(pythonPath)/PINS")
        || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil

    private static func issue(_ request: JSON) throws -> [Issued] {
        let (input, output) = (Pipe(), Pipe())
        let python = Process()
        python.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        python.arguments = ["python3", "\(repository)/Tests/Peers/jose_peer.py", "issue"]
        python.environment = ProcessInfo.processInfo.environment.merging(["PYTHONPATH": pythonPath]) { $1 }
        python.standardInput = input
        python.standardOutput = output
        python.standardError = FileHandle.nullDevice
        try python.run()
        try input.fileHandleForWriting.write(contentsOf: Data(request.serialized().utf8))
        try input.fileHandleForWriting.close()
        let answer = [UInt8](try output.fileHandleForReading.readToEnd() ?? Data())
        python.waitUntilExit()
        try #require(python.terminationStatus == 0, "make test-deps fetches the libraries")
        return try (JSON.parse(answer).array ?? []).map { entry in
            func text(_ name: String) throws -> String { try #require(entry[name]?.string) }
            return Issued(
                name: try text("library"),
                algorithm: try text("algorithm"),
                jwk: try #require(entry["jwk"]),
                token: try text("token"),
                forged: try text("forged")
            )
        }
    }

    @Test(
        "keys and tokens of four libraries, under every algorithm they have, are accepted, and no other signature is",
        .enabled(if: isWanted, "make test-deps fetches the libraries"),
        arguments: ["at+jwt", "JWT"]
    )
    func outsideIssuer(type: String) throws {
        let fixture = Fixture()
        let issued = try Self.issue([
            "header": ["typ": .string(type)],
            "claims": [
                "iss": "https://login.example", "aud": "api://gateway", "sub": "someone", "client_id": "app",
                "org": "acme", "scope": "predict", "jti": "peer-1", "iat": .integer(fixture.now.seconds),
                "exp": .integer(fixture.now.seconds + 600),
            ],
        ])
        #expect(issued.count == 42)
        let named = Set(issued.map(\.algorithm))
        #expect(named.isSuperset(of: ["EdDSA", "Ed25519"]) && named.count == 11)
        var keys: [String: VerificationKey] = [:]
        for one in issued { keys["\(one.name)-\(one.algorithm)"] = try VerificationKey(jwk: one.jwk) }
        let authenticator = Authenticator(
            directory: fixture.directory,
            pepper: fixture.pepper,
            issuers: [
                TrustedIssuer(
                    issuer: "https://login.example",
                    audiences: ["api://gateway"],
                    keys: keys,
                    kind: .outside(ClaimMapping(tenant: .claim("org")))
                )
            ],
            audience: Fixture.audience
        )
        func verify(_ token: String) -> Result<Principal, Refusal> {
            Array(token.utf8).withUnsafeBytes { authenticator.gate($0) }
                .flatMap { authenticator.admit($0, now: fixture.now) }
        }
        var accepted = 0
        for one in issued {
            let principal = try verify(one.token).get()
            #expect(principal.tenant == fixture.tenant.id && principal.clientID == "app", "\(one.name)")
            #expect(verify(one.forged).code == .tokenSignature, "\(one.name) \(one.algorithm)")
            accepted += 1
        }
        #expect(accepted == 42)
        #expect(authenticator.disagreements == 0, "libjwt reads what the libraries sign")
    }
}
