// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import NIOOpenSSL
import TestSupport

/// A fresh key and a certificate for `localhost` that it signed itself, as PEM files.
struct TestIdentity {
    enum Key {
        case p256
        case rsa(bits: Int)
    }

    struct Failure: Error {
        let step: String
    }

    let directory: TemporaryDirectory
    var chainFile: String { directory.file("chain.pem") }
    var keyFile: String { directory.file("key.pem") }

    var configuration: TLSConfiguration {
        TLSConfiguration(certificateChainFile: chainFile, privateKeyFile: keyFile)
    }

    /// A server context of the files, which are needed no longer after that.
    func context(_ change: (inout TLSConfiguration) -> Void = { _ in }) throws -> TLSContext {
        var configuration = configuration
        change(&configuration)
        return try TLSContext(configuration: configuration)
    }

    init(_ kind: Key = .p256, passphrase: String? = nil) throws {
        directory = try TemporaryDirectory()
        let key = try Self.makeKey(kind)
        defer { EVP_PKEY_free(key) }
        let certificate = try Self.makeCertificate(key)
        defer { X509_free(certificate) }
        try Self.save(chainFile) { PEM_write_bio_X509($0, certificate) }
        try Self.save(keyFile) { bio in
            guard let passphrase else {
                return PEM_write_bio_PrivateKey(bio, key, nil, nil, 0, nil, nil)
            }
            return passphrase.utf8CString.withUnsafeBytes { bytes in
                PEM_write_bio_PrivateKey(
                    bio,
                    key,
                    EVP_aes_128_cbc(),
                    bytes.bindMemory(to: UInt8.self).baseAddress,
                    Int32(bytes.count - 1),
                    nil,
                    nil
                )
            }
        }
    }

    static func makeKey(_ kind: Key) throws -> OpaquePointer {
        let context: OpaquePointer?
        switch kind {
        case .p256:
            context = EVP_PKEY_CTX_new_from_name(nil, "EC", nil)
            EVP_PKEY_keygen_init(context)
            EVP_PKEY_CTX_set_group_name(context, "P-256")
        case .rsa(let bits):
            context = EVP_PKEY_CTX_new_from_name(nil, "RSA", nil)
            EVP_PKEY_keygen_init(context)
            EVP_PKEY_CTX_set_rsa_keygen_bits(context, Int32(bits))
        }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_generate(context, &key) == 1, let key else { throw Failure(step: "key") }
        return key
    }

    private static func makeCertificate(_ key: OpaquePointer) throws -> OpaquePointer {
        guard let certificate = X509_new() else { throw Failure(step: "certificate") }
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1)
        X509_gmtime_adj(X509_getm_notBefore(certificate), -3600)
        X509_gmtime_adj(X509_getm_notAfter(certificate), 86400)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, "localhost", -1, -1, 0)
        X509_set_issuer_name(certificate, name)
        let names = X509V3_EXT_conf_nid(nil, nil, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1")
        X509_add_ext(certificate, names, -1)
        X509_EXTENSION_free(names)
        guard X509_sign(certificate, key, EVP_sha256()) > 0 else { throw Failure(step: "signature") }
        return certificate
    }

    private static func save(_ path: String, _ write: (OpaquePointer) -> Int32) throws {
        guard let bio = BIO_new_file(path, "w") else { throw Failure(step: path) }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw Failure(step: path) }
    }
}
