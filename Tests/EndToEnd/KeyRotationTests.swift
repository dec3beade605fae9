// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// Signing keys follow one another, on command and by their times, and no client ever notices.
struct KeyRotationTests {
    private func keys(_ gateway: GatewayProcess) throws -> [JSON] {
        try gateway.admin("GET", "/signing-keys")["keys"]?.array ?? []
    }

    private func published(_ gateway: GatewayProcess) throws -> [String] {
        let answer = try gateway.tenants().send("GET", "/.well-known/jwks.json")
        return try (answer.json["keys"]?.array ?? []).compactMap { $0["kid"]?.string }
    }

    @Test(
        "Under load no request fails while keys rotate, and every token verifies with the set published before it",
        arguments: ["ES256", "Ed25519"]
    )
    func underLoad(algorithm: String) throws {
        let fields = ["tokens.algorithm": algorithm, "tokens.jwks_max_age_seconds": "0"]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let (isOver, issued) = (Tally(), Tally())
            let tenants = try (0..<4).map { _ in try gateway.makeTenant() }
            let clients = Workers(tenants.count) { number -> (requests: Int, kids: Set<String>) in
                let client = try gateway.tenants()
                var kids: Set<String> = []
                var requests = 0
                var tokens: [String] = []
                while isOver.count == 0 {
                    let published = try self.published(gateway)
                    let token = try gateway.token(tenants[number])
                    let kid = try Claims(header: token)["kid"]?.string ?? "none"
                    // What was the next key then may be the current one by now: it was published all the same, or the key
                    // after it is, when two rotations came between.
                    if !published.contains(kid) { #expect(try self.published(gateway).contains(kid)) }
                    kids.insert(kid)
                    issued.add()
                    tokens.append(token)
                    // An old token on a kept connection, where it is remembered, and on a new one.
                    for text in [token, tokens[requests % tokens.count], tokens[0]] {
                        let answer = try client.send("POST", "/predict", credential: text, body: Digit.body())
                        guard answer.status == 200 else { throw HarnessError("\(answer.status) \(answer.text)") }
                    }
                    let fresh = try gateway.predict(tokens[0])
                    guard fresh.status == 200 else { throw HarnessError("\(fresh.status) \(fresh.text)") }
                    requests += 1
                }
                return (requests, kids)
            }
            for _ in 0..<6 {
                // Until tokens of the current key have been seen in use.
                let before = issued.count
                _ = try eventually("eight more tokens") { issued.count >= before + 8 ? true : nil }
                let first = try keys(gateway)
                let after = try gateway.admin("POST", "/signing-keys", [:])["keys"]?.array ?? []
                #expect(after.last { $0["state"] == "current" }?["kid"] == first.last?["kid"])
                #expect(after.suffix(2).map { $0["state"] } == ["current", "next"])
            }
            isOver.add()
            let results = try clients.join()
            #expect(results.allSatisfy { $0.requests > 0 })
            #expect(Set(results.flatMap(\.kids)).count >= 6)
            #expect(try keys(gateway).count == 8)
            #expect(try Set(published(gateway)) == Set(keys(gateway).compactMap { $0["kid"]?.string }))
        }
    }

    @Test("Keys and their tokens outlive the process, and the next key is the same afterwards")
    func restart() throws {
        try withGateway(GatewayProcess.Settings(fields: ["tokens.jwks_max_age_seconds": "0"])) { gateway in
            let tenant = try gateway.makeTenant()
            let token = try gateway.token(tenant)
            try gateway.admin("POST", "/signing-keys", [:])
            let before = try keys(gateway)
            #expect(before.map { $0["state"] } == ["retiring", "current", "next"])
            try gateway.restart(.kill)
            #expect(try keys(gateway) == before)
            #expect(try gateway.predict(token).status == 200)
            #expect(try Claims(header: gateway.token(tenant))["kid"] == before[1]["kid"])
        }
    }

    @Test("A key goes when its last token has ended, and with it what was signed by it")
    func gone() throws {
        let fields = [
            "tokens.jwks_max_age_seconds": "0", "tokens.lifetime_seconds": "1", "tokens.leeway_seconds": "0",
        ]
        try withGateway(GatewayProcess.Settings(fields: fields)) { gateway in
            let forge = try Forge(gateway, for: gateway.makeTenant())
            // Longer than the gateway's own live, to see the key go.
            let token = try forge.token()
            #expect(try gateway.predict(token).status == 200)
            let kid = forge.key.keyID
            try gateway.admin("POST", "/signing-keys", [:])
            #expect(try published(gateway).contains(kid))
            #expect(try gateway.predict(token).status == 200)
            _ = try eventually("the end of the retiring key") { try published(gateway).contains(kid) ? nil : true }
            #expect(try keys(gateway).map { $0["state"] } == ["current", "next"])
            // The answer comes after the set is published without it.
            let refused = try eventually("a refusal") { () throws -> Answer? in
                let answer = try gateway.predict(token)
                return answer.status == 200 ? nil : answer
            }
            try expectRefusal(refused, 401, "token_key_unknown", of: gateway)
        }
    }

    @Test("A changed algorithm is published before it signs, and the tokens before it still count")
    func algorithm() throws {
        try withGateway(GatewayProcess.Settings(fields: ["tokens.jwks_max_age_seconds": "2"])) { gateway in
            let tenant = try gateway.makeTenant()
            let token = try gateway.token(tenant)
            let text = try String(contentsOfFile: gateway.configurationFile, encoding: .utf8)
            try (text + "tokens:\n  algorithm: RS256\n")
                .write(toFile: gateway.configurationFile, atomically: true, encoding: .utf8)
            try gateway.restart()
            _ = try eventually("a token by RS256") {
                try Claims(header: gateway.token(tenant))["alg"] == "RS256" ? true : nil
            }
            #expect(try keys(gateway).map { $0["algorithm"] } == ["ES256", "RS256", "RS256"])
            #expect(try gateway.predict(token).status == 200)
            #expect(try gateway.predict(gateway.token(tenant)).status == 200)
        }
    }

    @Test("A rotation is refused while others may not know the next key, and is an admin's alone")
    func refused() throws {
        try withGateway { gateway in
            let first = try keys(gateway)
            let answer = try gateway.management().send(
                "POST",
                "/admin/v1/signing-keys",
                credential: gateway.adminKey,
                body: "{}"
            )
            try expectRefusal(answer, 409, "conflict", of: gateway)
            #expect(try keys(gateway) == first)
            for method in ["GET", "POST"] {
                let forbidden = try gateway.management().send(
                    method,
                    "/admin/v1/signing-keys",
                    credential: gateway.auditorKey,
                    body: method == "POST" ? "{}" : nil
                )
                try expectRefusal(forbidden, 403, "role_forbidden", of: gateway)
            }
            let now = try gateway.admin("POST", "/signing-keys", ["immediately": true])
            #expect(now["keys"]?.array?.map { $0["state"] } == ["retiring", "current", "next"])
            let record = try #require(try gateway.records("action=signing_key.rotate&status=200").first?["record"])
            #expect(record["target"]?.string == "signing-key/\(first[1]["kid"]?.string ?? "")")
            #expect(!record.serialized().contains("PRIVATE"))
        }
    }

    @Test("The command lists and rotates")
    func command() throws {
        try withGateway { gateway in
            let listed = try gateway.command(["signing-key", "list"])
            #expect(listed.end == .exited(0) && listed.output.contains("current") && listed.output.contains("ES256"))
            let early = try gateway.command(["signing-key", "rotate"])
            #expect(early.end == .exited(2) && early.errors.contains("conflict"))
            let rotated = try gateway.command(["signing-key", "rotate", "--immediately", "--yes", "-o", "json"])
            #expect(rotated.end == .exited(0), "\(rotated.errors)")
            #expect(try keys(gateway).count == 3)
            #expect(!rotated.output.contains("PRIVATE"))
        }
    }

    @Test("A file of signing keys that is damaged, or that others may read, stops the start and says so")
    func damaged() throws {
        try withGateway { gateway in
            _ = try gateway.terminate()
            let file = "\(gateway.state)/signing-keys"
            let good = try String(contentsOfFile: file, encoding: .utf8)
            func start() throws -> String {
                let ran = try ChildProcess.run(
                    TestRun.binary,
                    ["serve", "--config", gateway.configurationFile, "--port", "0", "--management-port", "0"],
                    environment: GatewayProcess.environment([:]),
                    directory: gateway.directory
                )
                #expect(ran.end != .exited(0))
                return ran.errors
            }
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: file)
            #expect(try start().contains("signing-keys may be read"))
            try good.replacing("current", with: "retired").write(toFile: file, atomically: false, encoding: .utf8)
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: file)
            let errors = try start()
            #expect(errors.contains("signing-keys cannot be used") && !errors.contains("-----BEGIN"))
            try good.write(toFile: file, atomically: false, encoding: .utf8)
            try gateway.restart(.kill)
        }
    }
}
