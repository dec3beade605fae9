// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import Testing

/// OpenSSL's error queue belongs to the thread; what others leave on it must not be taken for ours.
@Suite struct ErrorQueueTests {
    /// Leaves behind what a refused token signature does.
    private func failSomewhereElse(_ key: OpaquePointer) throws {
        let digest = EVP_MD_CTX_new()
        defer { EVP_MD_CTX_free(digest) }
        EVP_DigestVerifyInit(digest, nil, EVP_sha256(), nil, key)
        let garbage = [UInt8](repeating: 1, count: 256)
        #expect(EVP_DigestVerify(digest, garbage, garbage.count, garbage, garbage.count) != 1)
        try #require(ERR_peek_error() != 0, "a failed verification leaves an entry")
    }

    @Test(arguments: bothVersions)
    func `entries left by others disturb no step of a connection's life`(version: Int32) throws {
        let key = try TestIdentity.makeKey(.rsa(bits: 2048))
        defer { EVP_PKEY_free(key) }
        let pair = try Pair(TestIdentity().context(), TestClient(version: version))
        pair.chunkSize = 100
        for _ in 0..<5 where pair.agreement == nil {
            pair.client.handshake()
            for part in pair.client.takeOutput().chunks(of: 100) {
                try failSomewhereElse(key)
                pair.deliver(part)
            }
            pair.collect()
        }
        #expect(pair.agreement != nil)

        // An idle read: the record is not whole, so libssl must answer "wants more", not "failed".
        _ = pair.client.handshake()
        pair.client.write("hello")
        for byte in pair.client.takeOutput() {
            try failSomewhereElse(key)
            pair.deliver([byte])
        }
        #expect(pair.text == "hello")

        try failSomewhereElse(key)
        pair.write("answer")
        pair.collect()
        #expect(pair.client.readText() == "answer")

        try failSomewhereElse(key)
        pair.shutdown()
        pair.collect()
        _ = pair.client.read()
        #expect(pair.client.receivedCloseNotify)

        pair.client.shutdown()
        let goodbye = pair.client.takeOutput()
        try failSomewhereElse(key)
        pair.deliver(goodbye)
        #expect(pair.isPeerClosed)
        #expect(pair.error == nil)
        ERR_clear_error()
    }

    @Test func `a failed connection leaves nothing behind for others`() throws {
        ERR_clear_error()
        let pair = try Pair(TestIdentity().context(), TestClient())
        pair.deliver([UInt8](repeating: 0xff, count: 64))
        #expect(pair.error != nil)
        #expect(ERR_peek_error() == 0)
    }
}

extension Array {
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
