// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// SHA-256 (FIPS 180-4) of bytes that come in pieces.
public struct SHA256Digest: ~Copyable {
    private let context: OpaquePointer

    /// Starts a digest of nothing.
    public init() {
        // Allocation is the only way either call fails.
        guard let context = EVP_MD_CTX_new(), EVP_DigestInit_ex(context, sha256, nil) == 1 else {
            preconditionFailure("out of memory for a SHA-256 context")
        }
        self.context = context
    }

    deinit { EVP_MD_CTX_free(context) }

    /// Appends bytes to the message.
    public mutating func update(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, !bytes.isEmpty else { return }
        guard EVP_DigestUpdate(context, base, bytes.count) == 1 else {
            preconditionFailure("SHA-256 update fails for no input")
        }
    }

    /// Ends the message, writes its 32 bytes and starts the next one, with the same context: cheaper than a new digest.
    ///
    /// - Precondition: there is room for 32 bytes.
    public mutating func finish(into out: UnsafeMutableRawBufferPointer) {
        precondition(out.count >= 32, "a SHA-256 digest has 32 bytes")
        guard EVP_DigestFinal_ex(context, out.baseAddress?.assumingMemoryBound(to: UInt8.self), nil) == 1,
            EVP_DigestInit_ex(context, sha256, nil) == 1
        else { preconditionFailure("SHA-256 final fails for no input") }
    }

    /// Ends the message; 32 bytes.
    public consuming func finalize() -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: 32) { buffer, count in
            var length: UInt32 = 0
            guard EVP_DigestFinal_ex(context, buffer.baseAddress, &length) == 1 else {
                preconditionFailure("SHA-256 final fails for no input")
            }
            count = Int(length)
        }
    }
}

// Fetched once and kept: with EVP_sha256() every digest would look for its implementation anew, and allocate for it.
nonisolated(unsafe) private let sha256: OpaquePointer = {
    guard let algorithm = EVP_MD_fetch(nil, "SHA256", nil) else {
        preconditionFailure("OpenSSL has SHA-256 in every provider")
    }
    return algorithm
}()
