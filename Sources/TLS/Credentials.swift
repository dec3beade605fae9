// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// A certificate chain and its private key, read from PEM files on their way into an `SSL_CTX`.
struct Credentials: ~Copyable {
    private let chain: PEMFile
    private let key: PEMFile

    init(_ identity: TLSConfiguration.Identity) throws(TLSError) {
        let chain = try PEMFile(path: identity.certificateChainFile)
        let key = try PEMFile(path: identity.privateKeyFile)
        self.chain = chain
        self.key = key
    }

    /// Lends the server's own certificate, the first in its file.
    func withCertificate<Result>(_ body: (OpaquePointer) -> Result) throws(TLSError) -> Result {
        var result: Result?
        try chain.certificates { certificate, position in
            if position == 1 { result = body(certificate) }
        }
        guard let result else { throw refusal("holds no certificate") }
        return result
    }

    /// Puts certificate, chain and key into `context` and checks that they belong together.
    func install(in context: OpaquePointer) throws(TLSError) {
        try chain.certificates { certificate, position throws(TLSError) in
            let accepted =
                position == 1
                ? SSL_CTX_use_certificate(context, certificate) == 1
                : tls_add_chain_certificate(context, certificate) == 1
            guard accepted else {
                throw refusal("certificate \(position) was refused: \(TLSContext.cause())")
            }
        }
        try key.withBIO { bio throws(TLSError) in
            try installKey(from: bio, in: context)
        }
    }

    private func refusal(_ reason: String) -> TLSError {
        TLSError(.invalidCertificate, reason, file: chain.path)
    }

    private func installKey(from bio: OpaquePointer, in context: OpaquePointer) throws(TLSError) {
        ErrorQueue.clear()
        var encrypted: Int32 = 0
        guard let parsed = tls_read_private_key(bio, &encrypted) else {
            let cause = TLSContext.cause()
            if encrypted != 0 {
                throw TLSError(
                    .encryptedPrivateKey,
                    "the key is encrypted and the server has nobody to ask for a passphrase; decrypt it with "
                        + "'openssl pkey -in \(key.path) -out FILE' and protect the new file by its permissions",
                    file: key.path
                )
            }
            throw TLSError(
                .invalidPrivateKey,
                "holds no private key in PEM form that OpenSSL can read: \(cause)",
                file: key.path
            )
        }
        defer { EVP_PKEY_free(parsed) }
        // SSL_CTX_use_PrivateKey compares only with a certificate of the key's own type.
        guard let certificate = SSL_CTX_get0_certificate(context), X509_check_private_key(certificate, parsed) == 1,
            SSL_CTX_use_PrivateKey(context, parsed) == 1, SSL_CTX_check_private_key(context) == 1
        else {
            throw TLSError(
                .keyMismatch,
                "is not the key of the certificate in \(chain.path): \(TLSContext.cause()); the server's own "
                    + "certificate must come first in that file",
                file: key.path
            )
        }
    }
}
