// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// The gateway's tokens in the hands of PyJWT, joserfc, jwcrypto and Authlib, and theirs in the gateway's.
@Suite(.serialized) struct JOSEPeerTests {
    private static let pythonPath = "\(TestRun.repository)/.tools/jose"

    /// They run, and fail without the libraries, unless the environment allows them to be skipped.
    private static let isWanted =
        FileManager.default.fileExists(atPath: "\(pythonPath)/PINS")
        || ProcessInfo.processInfo.environment["TOLLGATE_TEST_SKIP_MISSING_TOOLS"] == nil

    private static func peers(_ action: String, _ request: JSON, in directory: String) throws -> JSON {
        let file = "\(directory)/request-\(TestRun.next()).json"
        try request.serialized().write(toFile: file, atomically: true, encoding: .utf8)
        var environment = TestRun.environment
        environment["PYTHONPATH"] = pythonPath
        let arguments = ["\(TestRun.repository)/Tests/Peers/jose_peer.py", action]
        let ran = try ChildProcess.run(
            "python3",
            arguments,
            environment: environment,
            directory: directory,
            input: file
        )
        guard ran.end == .exited(0) else { throw HarnessError("jose_peer.py \(action): \(ran.errors)") }
        return try JSON.parse(ran.output)
    }

    @Test(
        "Four libraries verify what the gateway issues, under its public key, and not what was changed",
        .enabled(if: isWanted, "make test-deps fetches the libraries"),
        arguments: [SignatureAlgorithm.es256, .rs256]
    )
    func verify(algorithm: SignatureAlgorithm) throws {
        try withGateway(GatewayProcess.Settings(fields: ["tokens.algorithm": algorithm.rawValue])) { gateway in
            let tenant = try gateway.makeTenant()
            let token = try gateway.token(tenant)
            let key = try Forge(gateway, for: tenant, algorithm: algorithm).key
            func verdicts(_ token: String, _ audience: String = "tollgate") throws -> JSON {
                let request: JSON = [
                    "token": .string(token), "jwk": key.publicJWK, "algorithm": .string(algorithm.rawValue),
                    "issuer": "https://localhost:8443", "audience": .string(audience),
                ]
                return try Self.peers("verify", request, in: gateway.directory)
            }
            let right = try verdicts(token)
            for library in ["PyJWT", "joserfc", "jwcrypto", "Authlib"] {
                let claims = try #require(right[library])
                #expect(claims["client_id"]?.string == tenant.keyID, "\(library)")
                #expect(claims["tenant"]?.string == tenant.id, "\(library)")
            }
            var changed = Array(token.utf8)
            changed[changed.count - 20] = changed[changed.count - 20] == 65 ? 66 : 65
            for wrong in try [verdicts(String(decoding: changed, as: UTF8.self)), verdicts(token, "other")] {
                #expect(wrong.members?.count == 4)
                #expect(wrong.members?.allSatisfy { $0.value == .null } == true, "\(wrong)")
            }
        }
    }

    /// Puts a key in the place of the one that signs now.
    private static func plant(_ pem: String, of algorithm: SignatureAlgorithm, in path: String) throws {
        let planted: [String: JSON] = [
            "private_key": .string(pem),
            "kid": .string(try SigningKey(privatePEM: pem, algorithm: algorithm).keyID),
        ]
        let stored = try JSON.parse(Array(FileManager.default.contents(atPath: path) ?? Data()))
        let members = (stored.members ?? []).map { member in
            guard member.name == "keys", let keys = member.value.array else { return member }
            return JSON.Member(
                "keys",
                .array(
                    keys.map { key in
                        guard key["state"] == "current" else { return key }
                        return .object(
                            (key.members ?? []).map { JSON.Member($0.name, planted[$0.name] ?? $0.value) }
                        )
                    }
                )
            )
        }
        try JSON.object(members).serialized().write(toFile: path, atomically: true, encoding: .utf8)
        try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
    }

    @Test(
        "The gateway accepts what four libraries sign with keys they made, by the thumbprint they computed",
        .enabled(if: isWanted, "make test-deps fetches the libraries"),
        arguments: [(SignatureAlgorithm.es256, "JWT"), (.rs256, "at+jwt")]
    )
    func sign(algorithm: SignatureAlgorithm, type: String) throws {
        try withGateway(GatewayProcess.Settings(fields: ["tokens.algorithm": algorithm.rawValue])) { gateway in
            let tenant = try gateway.makeTenant()
            let claims = try JSON.object(
                Forge(gateway, for: tenant, algorithm: algorithm).claims.map { JSON.Member($0.key, $0.value) }
            )
            let request: JSON = [
                "claims": claims, "header": ["typ": .string(type)], "algorithm": .string(algorithm.rawValue),
            ]
            let signed = try Self.peers("sign", request, in: gateway.directory).array ?? []
            #expect(signed.count == 4)
            var earlier: String?
            for one in signed {
                let library = one["library"]?.string ?? ""
                let token = try #require(one["token"]?.string)
                try Self.plant(
                    try #require(one["pem"]?.string),
                    of: algorithm,
                    in: "\(gateway.state)/signing-keys"
                )
                try gateway.restart()
                #expect(try gateway.predict(token).status == 200, "\(library), \(type)")
                if let earlier { #expect(try gateway.predict(earlier).status == 401, "another key's token") }
                earlier = token
            }
        }
    }
}
