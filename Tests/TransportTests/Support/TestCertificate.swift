// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import TestSupport

/// A key and a certificate for `localhost`, made anew for each run.
enum TestCertificate {
    struct Failure: Error {}

    /// A server's context with them; the files are gone when it returns.
    static func context() throws -> TLSContext { try shared.get() }

    // One for all tests: making a context is slow, sharing one is what servers do.
    private static let shared = Result { try make() }

    private static func make() throws -> TLSContext {
        let directory = try TemporaryDirectory()
        let context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
        defer { EVP_PKEY_CTX_free(context) }
        EVP_PKEY_keygen_init(context)
        EVP_PKEY_CTX_set_group_name(context, "P-256")
        var key: OpaquePointer?
        guard EVP_PKEY_generate(context, &key) == 1, let certificate = X509_new() else { throw Failure() }
        defer {
            EVP_PKEY_free(key)
            X509_free(certificate)
        }
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 86400)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, "localhost", -1, -1, 0)
        X509_set_issuer_name(certificate, name)
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw Failure() }
        try save(directory.file("chain.pem")) { PEM_write_bio_X509($0, certificate) }
        try save(directory.file("key.pem")) { PEM_write_bio_PrivateKey($0, key, nil, nil, 0, nil, nil) }
        return try TLSContext(
            configuration: TLSConfiguration(identities: [
                .init(certificateChainFile: directory.file("chain.pem"), privateKeyFile: directory.file("key.pem"))
            ])
        )
    }

    private static func save(_ path: String, _ write: (OpaquePointer?) -> Int32) throws {
        let file = BIO_new_file(path, "w")
        defer { BIO_free(file) }
        guard file != nil, write(file) == 1 else { throw Failure() }
    }
}
