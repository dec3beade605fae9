// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// Whom a server trusts to vouch for clients, read from PEM files.
struct ClientTrust: ~Copyable {
    private let store: OpaquePointer
    private let isRequired: Bool
    private let authorities: PEMFile
    private let revocations: PEMFile?

    init(authorities path: String, revocations revocationPath: String?, isRequired: Bool) throws(TLSError) {
        guard let store = X509_STORE_new() else {
            throw TLSError(.invalidConfiguration, "out of memory for the authorities of clients")
        }
        do throws(TLSError) {
            let authorities = try PEMFile(path: path)
            try authorities.certificates { certificate, position throws(TLSError) in
                guard X509_check_ca(certificate) != 0 else {
                    throw TLSError(
                        .invalidCertificate,
                        "certificate \(position) may not issue others; the authorities that issue the clients' "
                            + "certificates are needed here",
                        file: path
                    )
                }
                X509_STORE_add_cert(store, certificate)
            }
            var revocations: PEMFile?
            if let revocationPath {
                let file = try PEMFile(path: revocationPath)
                try file.revocationLists { X509_STORE_add_crl(store, $0) }
                X509_STORE_set_flags(store, UInt(X509_V_FLAG_CRL_CHECK | X509_V_FLAG_CRL_CHECK_ALL))
                revocations = consume file
            }
            self.revocations = revocations
            self.authorities = authorities
        } catch {
            X509_STORE_free(store)
            throw error
        }
        self.store = store
        self.isRequired = isRequired
    }

    deinit {
        X509_STORE_free(store)
    }

    /// Makes `context` ask clients for certificates and check them.
    func install(in context: OpaquePointer) throws(TLSError) {
        try authorities.certificates { certificate, _ in
            // Told to clients, which choose a certificate by it (RFC 8446 section 4.2.4).
            SSL_CTX_add_client_CA(context, certificate)
        }
        guard tls_ask_clients(context, store, isRequired ? 1 : 0) == 1 else {
            throw TLSError(.invalidConfiguration, "OpenSSL did not take the authorities: \(TLSContext.cause())")
        }
    }

    /// Adds to `digest` what tells this trust from another.
    func hash(into digest: borrowing Digest) {
        digest.add([isRequired ? 1 : 2])
        authorities.withBytes { digest.add($0) }
        guard revocations != nil else { return }
        revocations?.withBytes { digest.add($0) }
    }
}

/// SHA-256 over fields that cannot run into each other.
struct Digest: ~Copyable {
    private let context = EVP_MD_CTX_new()

    init() {
        EVP_DigestInit_ex(context, EVP_sha256(), nil)
    }

    deinit {
        EVP_MD_CTX_free(context)
    }

    func add(_ field: UnsafeRawBufferPointer) {
        withUnsafeBytes(of: UInt64(field.count).bigEndian) { _ = EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
        EVP_DigestUpdate(context, field.baseAddress, field.count)
    }

    func add(_ field: [UInt8]) {
        field.withUnsafeBytes { add($0) }
    }

    consuming func finish() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 32)
        EVP_DigestFinal_ex(context, &bytes, nil)
        return bytes
    }
}
