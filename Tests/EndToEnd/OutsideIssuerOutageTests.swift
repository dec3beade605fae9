// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Testing

/// An issuer that is down, or is not who it should be: no valid token pays for it with a 401.
@Suite struct OutsideIssuerOutageTests {
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// The metric's word for it.
        let result: String
        /// In the log.
        let reason: String
        let apply: @Sendable (OutsideIssuer) throws -> Void
    }

    static let faults = [
        Fault(testDescription: "nobody listens", result: "unreachable", reason: "connect") { $0.stop() },
        Fault(testDescription: "another authority's certificate", result: "unreachable", reason: "certificate") {
            $0.stop()
            try $0.start(Certificates.another())
        },
        Fault(testDescription: "no answer in time", result: "unreachable", reason: "timed out") { try $0.hold() },
        Fault(testDescription: "a redirect", result: "refused", reason: "redirects with status 302") {
            try $0.answer(302, headers: ["Location": "http://127.0.0.1:1/jwks"], body: "")
        },
        Fault(testDescription: "an error", result: "refused", reason: "status 500") {
            try $0.answer(500, body: "oops")
        },
        Fault(testDescription: "a page", result: "invalid", reason: "is not JSON") {
            try $0.answer(200, body: "<html>maintenance</html>")
        },
        Fault(testDescription: "no keys", result: "invalid", reason: "no key to verify") {
            try $0.publish([])
        },
        Fault(testDescription: "too much", result: "invalid", reason: "longer than the 262144 bytes") {
            try $0.answer(200, body: "{\"keys\":[" + String(repeating: " ", count: 300_000) + "]}")
        },
    ]

    @Test(
        "Without any key set the answer is 503 with a reason of its own; once the issuer is back it is 200",
        arguments: faults
    )
    func never(fault: Fault) throws {
        let key = try SigningKey.generate(.es256)
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        try issuer.publish([key.publicJWK])
        try fault.apply(issuer)
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(issuer.entry(["timeout_seconds": "1", "cooldown_seconds": "1"]))
            let token = try issuer.token(key, for: tenant.id)
            let answer = try gateway.predict(token)
            try expectRefusal(answer, 503, "issuer_unavailable", of: gateway)
            #expect(answer.header("Retry-After") != nil && answer.header("WWW-Authenticate") == nil)
            try gateway.awaitFetch(issuer, fault.result)
            _ = try gateway.awaitLog(
                "an issuer's key set cannot be had; its tokens are answered with 503",
                reason: fault.reason
            )
            // All others go on.
            #expect(try gateway.predict(gateway.token(tenant)).status == 200)
            #expect(try gateway.predict(tenant.key).status == 200)

            issuer.stop()
            try? issuer.release()
            try issuer.publish([key.publicJWK])
            try issuer.start()
            try gateway.awaitFetch(issuer, "changed")
            #expect(try gateway.predict(token).status == 200)
        }
    }

    @Test("With a key set at hand its tokens go on; only a key that is not in it is refused", arguments: faults)
    func later(fault: Fault) throws {
        let (key, stranger) = (try SigningKey.generate(.es256), try SigningKey.generate(.es256))
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        try issuer.publish([key.publicJWK])
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(issuer.entry(["timeout_seconds": "1", "refresh_seconds": "1"]))
            try gateway.awaitFetch(issuer, "changed")
            try fault.apply(issuer)
            try gateway.awaitFetch(issuer, fault.result)
            let line = try gateway.awaitLog(
                "an issuer's key set cannot be renewed; the one at hand stays",
                reason: fault.reason
            )
            #expect(line["age_s"]?.integer != nil)
            #expect(try gateway.metric("tollgate_jwks_age_seconds", "issuer=\"\(issuer.name)\"") > 0)
            #expect(try gateway.predict(issuer.token(key, for: tenant.id)).status == 200)
            let answer = try gateway.predict(issuer.token(stranger, for: tenant.id))
            try expectRefusal(answer, 401, "token_key_unknown", of: gateway)
        }
    }

    /// The path of the key set that the gateway saved, once it has.
    private func savedKeySet(of gateway: GatewayProcess) throws -> String {
        let folder = "\(gateway.state)/issuers"
        return try eventually("a saved key set") {
            try FileManager.default.contentsOfDirectory(atPath: folder).first { $0.hasSuffix(".json") }
                .map { "\(folder)/\($0)" }
        }
    }

    @Test("A start while the issuer is down goes on with the last good key set", arguments: GatewayProcess.Way.allCases)
    func restart(way: GatewayProcess.Way) throws {
        let key = try SigningKey.generate(.es256)
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        try issuer.publish([key.publicJWK])
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(issuer.entry())
            try gateway.awaitFetch(issuer, "changed")
            _ = try savedKeySet(of: gateway)
            issuer.stop()
            try gateway.restart(way)
            #expect(try gateway.predict(issuer.token(key, for: tenant.id)).status == 200)
            #expect(try gateway.metric("tollgate_jwks_age_seconds", "issuer=\"\(issuer.name)\"") >= 0)
        }
    }

    struct Tampering: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let reason: String
        let apply: @Sendable (_ path: String) throws -> Void
    }

    static let tamperings = [
        Tampering(testDescription: "a damaged file", reason: "damaged") {
            try "{".write(toFile: $0, atomically: true, encoding: .utf8)
        },
        Tampering(testDescription: "a file that others may write", reason: "others") { chmod($0, 0o666) },
        Tampering(testDescription: "a link", reason: "symbolic link") {
            try FileManager.default.moveItem(atPath: $0, toPath: $0 + ".old")
            try FileManager.default.createSymbolicLink(atPath: $0, withDestinationPath: $0 + ".old")
        },
    ]

    @Test("A saved key set that is not as it was left is not used: 503, and the log says why", arguments: tamperings)
    func tampered(tampering: Tampering) throws {
        let key = try SigningKey.generate(.es256)
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        try issuer.publish([key.publicJWK])
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(issuer.entry())
            try gateway.awaitFetch(issuer, "changed")
            let file = try savedKeySet(of: gateway)
            issuer.stop()
            #expect(try gateway.terminate() == .exited(0))
            try tampering.apply(file)
            try gateway.restart(.kill)
            let line = try gateway.awaitLog("an issuer's saved key set cannot be used; its tokens wait for a new one")
            #expect(line["reason"]?.string?.contains(tampering.reason) == true, "\(line)")
            try expectRefusal(
                try gateway.predict(issuer.token(key, for: tenant.id)),
                503,
                "issuer_unavailable",
                of: gateway
            )
        }
    }

    @Test("A key set that is older than it may be serves no more, and that is no 401 either")
    func tooOld() throws {
        let key = try SigningKey.generate(.es256)
        let issuer = try OutsideIssuer()
        defer { issuer.stop() }
        try issuer.publish([key.publicJWK])
        try withGateway { gateway in
            let tenant = try gateway.makeTenant()
            try gateway.trust(issuer.entry(["max_stale_seconds": "2", "refresh_seconds": "1"]))
            try gateway.awaitFetch(issuer, "changed")
            let token = try issuer.token(key, for: tenant.id)
            #expect(try gateway.predict(token).status == 200)
            issuer.stop()
            _ = try eventually("the end of the key set") {
                try gateway.metric("tollgate_jwks_keys", "issuer=\"\(issuer.name)\"") == 0 ? true : nil
            }
            try expectRefusal(try gateway.predict(token), 503, "issuer_unavailable", of: gateway)
            try issuer.start()
            try gateway.awaitFetch(issuer, "changed", atLeast: 2)
            #expect(try gateway.predict(token).status == 200)
        }
    }
}
