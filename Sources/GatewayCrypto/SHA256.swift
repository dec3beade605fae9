// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// SHA-256 (FIPS 180-4).
public enum SHA256 {
    /// The digest of the bytes, 32 bytes long.
    public static func hash(_ bytes: some Collection<UInt8>) -> [UInt8] {
        bytes.withContiguousStorageIfAvailable { hash(UnsafeRawBufferPointer($0)) }
            ?? Array(bytes).withUnsafeBytes { hash($0) }
    }

    /// The digest of the bytes, 32 bytes long.
    public static func hash(_ bytes: UnsafeRawBufferPointer) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { out, count in
            let done = EVP_Digest(bytes.baseAddress, bytes.count, out.baseAddress, nil, digest, nil)
            precondition(done == 1, "SHA-256 of bytes in memory fails only when there is no memory left")
            count = 32
        }
    }

    // Fetched once: EVP_sha256() would look the implementation up again for each hash. An EVP_MD never changes.
    private nonisolated(unsafe) static let digest: OpaquePointer = {
        guard let digest = EVP_MD_fetch(nil, "SHA256", nil) else {
            preconditionFailure("libcrypto offers no SHA-256: check its openssl.cnf")
        }
        return digest
    }()
}
