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

    /// Puts certificate, chain and key into `context` and checks that they belong together.
    func install(in context: OpaquePointer) throws(TLSError) {
        try chain.withBIO { bio throws(TLSError) in
            try installChain(from: bio, in: context)
        }
        try key.withBIO { bio throws(TLSError) in
            try installKey(from: bio, in: context)
        }
    }

    private func installChain(from bio: OpaquePointer, in context: OpaquePointer) throws(TLSError) {
        var count = 0
        while true {
            ErrorQueue.clear()
            guard let certificate = PEM_read_bio_X509(bio, nil, nil, nil) else { break }
            defer { X509_free(certificate) }
            let accepted =
                count == 0
                ? SSL_CTX_use_certificate(context, certificate) == 1
                : nioossl_add_chain_certificate(context, certificate) == 1
            guard accepted else {
                throw refusal("certificate \(count + 1) was refused: \(TLSContext.cause())")
            }
            count += 1
        }
        let end = ErrorQueue.take()
        guard let end, end.library == ERR_LIB_PEM, end.reason == PEM_R_NO_START_LINE else {
            throw refusal("certificate \(count + 1) is damaged: \(end?.text ?? "no reason given")")
        }
        guard count > 0 else {
            throw refusal("holds no PEM block \"BEGIN CERTIFICATE\"; was the key's path given in its place?")
        }
    }

    private func refusal(_ reason: String) -> TLSError {
        TLSError(.invalidCertificate, reason, file: chain.path)
    }

    private func installKey(from bio: OpaquePointer, in context: OpaquePointer) throws(TLSError) {
        ErrorQueue.clear()
        var encrypted: Int32 = 0
        guard let parsed = nioossl_read_private_key(bio, &encrypted) else {
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
