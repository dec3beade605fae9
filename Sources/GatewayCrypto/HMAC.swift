// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// HMAC (RFC 2104) with a key that libcrypto holds; the bytes of the key are not kept here.
final class HMAC: Sendable {
    // Keyed once and never written again: each use works on a duplicate, so threads only read it.
    private nonisolated(unsafe) let keyed: OpaquePointer
    let length: Int

    /// - Parameters:
    ///   - digest: the name libcrypto knows it by.
    ///   - length: bytes of its output.
    init(digest: String, length: Int, key: [UInt8]) {
        precondition(!key.isEmpty, "an HMAC without a key proves nothing")
        guard let context = EVP_MAC_CTX_new(Self.algorithm) else { preconditionFailure("out of memory") }
        let done = tg_hmac_init(context, digest, key, key.count)
        precondition(done == 1, "libcrypto offers no HMAC with \(digest): check its openssl.cnf")
        keyed = context
        self.length = length
    }

    deinit { EVP_MAC_CTX_free(keyed) }

    func authenticate(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: length) { out, count in
            let context = EVP_MAC_CTX_dup(keyed)
            defer { EVP_MAC_CTX_free(context) }
            let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
            let done =
                context != nil && EVP_MAC_update(context, start, bytes.count) == 1
                && EVP_MAC_final(context, out.baseAddress, &count, length) == 1
            precondition(done && count == length, "an HMAC of bytes in memory fails only when there is no memory left")
        }
    }

    private nonisolated(unsafe) static let algorithm: OpaquePointer = {
        guard let algorithm = EVP_MAC_fetch(nil, "HMAC", nil) else {
            preconditionFailure("libcrypto offers no HMAC: check its openssl.cnf")
        }
        return algorithm
    }()
}

/// HMAC-SHA256 (RFC 2104, RFC 6234) under one key.
public struct HMACSHA256: Sendable {
    private let hmac: HMAC

    /// - Parameter key: at least one byte; 32 random bytes are right.
    public init(key: [UInt8]) {
        hmac = HMAC(digest: "SHA256", length: 32, key: key)
    }

    /// The code of the bytes, 32 bytes long.
    public func authenticate(_ bytes: UnsafeRawBufferPointer) -> [UInt8] { hmac.authenticate(bytes) }

    /// The code of the bytes, 32 bytes long.
    public func authenticate(_ bytes: [UInt8]) -> [UInt8] { bytes.withUnsafeBytes { hmac.authenticate($0) } }
}
