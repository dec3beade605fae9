// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import Testing

let bothVersions = [TLS1_2_VERSION, TLS1_3_VERSION]

@Suite struct HandshakeTests {
    let identity: TestIdentity
    let context: TLSContext

    init() throws {
        identity = try TestIdentity()
        context = try identity.context()
    }

    @Test func `TLS 1.3 is agreed on`() throws {
        let pair = try Pair(context, TestClient(protocols: ["http/1.1"], serverName: "api.example"))
        pair.shakeHands()
        let agreement = try #require(pair.agreement)
        #expect(agreement.version == .tls13)
        #expect(agreement.cipherSuite == "TLS_AES_128_GCM_SHA256")
        #expect(agreement.applicationProtocol == .http11)
        #expect(agreement.serverName == "api.example")
        #expect(!agreement.resumed)
        #expect(agreement.clientCertificate == nil)
    }

    @Test func `TLS 1.2 is agreed on under the intermediate policy`() throws {
        let pair = try Pair(context, TestClient(version: TLS1_2_VERSION))
        pair.shakeHands()
        let agreement = try #require(pair.agreement)
        #expect(agreement.version == .tls12)
        #expect(agreement.cipherSuite == "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256")
        #expect(agreement.serverName == nil)
    }

    @Test(arguments: bothVersions)
    func `certificates with RSA and Ed25519 keys serve`(version: Int32) throws {
        for identity in [try TestIdentity(.rsa(bits: 2048)), try TestIdentity(.ed25519)] {
            let pair = try Pair(identity.context(), TestClient(version: version))
            pair.shakeHands()
            #expect(pair.agreement != nil)
        }
    }

    @Test func `the modern policy refuses TLS 1.2`() throws {
        let pair = try Pair(identity.context { $0.policy = .modern }, TestClient(version: TLS1_2_VERSION))
        pair.shakeHands()
        #expect(pair.error?.code == .handshakeFailed)
    }

    @Test(arguments: TLSPolicy.allCases, [TLS1_VERSION, TLS1_1_VERSION])
    func `older versions are refused under every policy`(policy: TLSPolicy, version: Int32) throws {
        let pair = try Pair(
            identity.context { $0.policy = policy },
            TestClient(version: version, ciphers: "ALL:@SECLEVEL=0")
        )
        pair.shakeHands()
        #expect(pair.error?.code == .handshakeFailed)
    }

    @Test(arguments: ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA256", "DHE-RSA-AES128-GCM-SHA256", "NULL", "aNULL"])
    func `a suite without forward secrecy or authenticated encryption is refused`(suite: String) throws {
        let pair = try Pair(context, TestClient(version: TLS1_2_VERSION, ciphers: suite + ":@SECLEVEL=0"))
        pair.shakeHands()
        #expect(pair.agreement == nil)
        #expect(pair.error?.code == .handshakeFailed)
    }

    @Test(arguments: ["ECDSA+SHA1", "RSA+SHA1"])
    func `a client that only knows SHA-1 signatures is refused`(signatures: String) throws {
        for identity in [identity, try TestIdentity(.rsa(bits: 2048))] {
            let pair = try Pair(identity.context(), TestClient(version: TLS1_2_VERSION, signatures: signatures))
            pair.shakeHands()
            #expect(pair.error?.code == .handshakeFailed)
        }
    }

    @Test func `a client that puts ChaCha20 first has it`() throws {
        let suites = "ECDHE-ECDSA-CHACHA20-POLY1305:ECDHE-ECDSA-AES128-GCM-SHA256"
        let pair = try Pair(context, TestClient(version: TLS1_2_VERSION, ciphers: suites))
        pair.shakeHands()
        #expect(pair.agreement?.cipherSuite == "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256")
    }

    @Test func `every suite of the policy is agreed on with a client that offers only that, by its IANA name`() throws {
        let rsa = try TestIdentity(.rsa(bits: 2048)).context()
        let suites = [
            "AES128-GCM-SHA256": "AES_128_GCM_SHA256", "AES256-GCM-SHA384": "AES_256_GCM_SHA384",
            "CHACHA20-POLY1305": "CHACHA20_POLY1305_SHA256",
        ]
        for (offered, name) in suites {
            for (context, key) in [(context, "ECDSA"), (rsa, "RSA")] {
                let client = try TestClient(version: TLS1_2_VERSION, ciphers: "ECDHE-\(key)-\(offered)")
                let pair = Pair(context, client)
                pair.shakeHands()
                #expect(pair.agreement?.cipherSuite == "TLS_ECDHE_\(key)_WITH_\(name)")
            }
            let client = try TestClient()
            SSL_set_ciphersuites(client.ssl, "TLS_\(name)")
            let pair = Pair(context, client)
            pair.shakeHands()
            #expect(pair.agreement?.cipherSuite == "TLS_\(name)")
        }
    }

    @Test(arguments: bothVersions)
    func `the server's favourite protocol wins over the client's order`(version: Int32) throws {
        let pair = try Pair(
            identity.context { $0.applicationProtocols = [.http2, .http11] },
            TestClient(version: version, protocols: ["http/1.1", "h2"])
        )
        pair.shakeHands()
        #expect(pair.agreement?.applicationProtocol == .http2)
    }

    @Test(arguments: bothVersions)
    func `a client with none of our protocols is refused`(version: Int32) throws {
        let pair = try Pair(context, TestClient(version: version, protocols: ["h3", "smb"]))
        pair.shakeHands()
        #expect(pair.agreement == nil)
        #expect(pair.error?.reason.contains("no application protocol") == true)
    }

    @Test func `without protocols of our own the client's are ignored`() throws {
        let pair = try Pair(identity.context { $0.applicationProtocols = [] }, TestClient(protocols: ["h2"]))
        pair.shakeHands()
        #expect(pair.agreement?.applicationProtocol == .http11)
    }

    @Test(arguments: bothVersions)
    func `a handshake survives being delivered byte by byte`(version: Int32) throws {
        let pair = try Pair(context, TestClient(version: version))
        pair.isEcho = true
        pair.chunkSize = 1
        pair.shakeHands()
        pair.client.write("one byte at a time")
        pair.pump()
        #expect(pair.text == "one byte at a time")
        #expect(pair.client.readText() == "one byte at a time")
    }

    @Test func `data sent together with the end of the handshake is kept for the reader`() throws {
        let pair = try Pair(context, TestClient())
        pair.client.handshake()
        pair.pump()
        #expect(pair.client.handshake())
        pair.client.write("early bird")
        pair.pump()
        #expect(pair.isEstablished)
        #expect(pair.text == "early bird")
    }
}
