// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import TLS
import TestSupport

/// A fresh key and a certificate, as PEM files: signed by itself or by an authority.
// Nothing of it changes after `init`, and OpenSSL locks what it counts.
final class TestIdentity: @unchecked Sendable {
    enum Key {
        case p256
        case rsa(bits: Int)
        case ed25519
    }

    struct Failure: Error {
        let step: String
    }

    let directory: TemporaryDirectory
    let key: OpaquePointer
    let certificate: OpaquePointer
    var chainFile: String { directory.file("chain.pem") }
    var keyFile: String { directory.file("key.pem") }

    var configuration: TLSConfiguration { TLSConfiguration(identities: [identity]) }
    var identity: TLSConfiguration.Identity {
        .init(certificateChainFile: chainFile, privateKeyFile: keyFile)
    }

    /// A server context of the files, which are needed no longer after that.
    func context(_ change: (inout TLSConfiguration) -> Void = { _ in }) throws -> TLSContext {
        var configuration = configuration
        change(&configuration)
        return try TLSContext(configuration: configuration)
    }

    /// - Parameters:
    ///   - names: the subjectAltName in OpenSSL's notation; nil for none.
    ///   - extensions: more of them, by OpenSSL's numbers and in its notation.
    ///   - validity: seconds from now.
    init(
        _ kind: Key = .p256,
        passphrase: String? = nil,
        subject: String = "localhost",
        names: String? = "DNS:localhost,IP:127.0.0.1",
        extensions: [(Int32, String)] = [],
        serial: Int = 1,
        validity: ClosedRange<Int> = -3600...86400,
        issuer: TestIdentity? = nil
    ) throws {
        directory = try TemporaryDirectory()
        key = try Self.makeKey(kind)
        guard let certificate = X509_new() else { throw Failure(step: "certificate") }
        self.certificate = certificate
        X509_set_version(certificate, 2)
        ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial)
        X509_gmtime_adj(X509_getm_notBefore(certificate), validity.lowerBound)
        X509_gmtime_adj(X509_getm_notAfter(certificate), validity.upperBound)
        X509_set_pubkey(certificate, key)
        let name = X509_get_subject_name(certificate)
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8, subject, -1, -1, 0)
        X509_set_issuer_name(certificate, issuer.map { X509_get_subject_name($0.certificate) } ?? name)
        for (kind, text) in (names.map { [(NID_subject_alt_name, $0)] } ?? []) + extensions {
            guard let made = X509V3_EXT_conf_nid(nil, nil, kind, text) else { throw Failure(step: text) }
            X509_add_ext(certificate, made, -1)
            X509_EXTENSION_free(made)
        }
        let signer = issuer?.key ?? key
        let digest = EVP_PKEY_get_base_id(signer) == EVP_PKEY_ED25519 ? nil : EVP_sha256()
        guard X509_sign(certificate, signer, digest) > 0 else { throw Failure(step: "signature") }
        try save(passphrase)
    }

    deinit {
        EVP_PKEY_free(key)
        X509_free(certificate)
    }

    /// An authority that signs other certificates.
    static func authority(_ subject: String = "Test CA") throws -> TestIdentity {
        try TestIdentity(
            subject: subject,
            names: nil,
            extensions: [(NID_basic_constraints, "critical,CA:TRUE"), (NID_key_usage, "critical,keyCertSign,cRLSign")]
        )
    }

    /// A certificate for a client, signed by `issuer`.
    static func client(
        _ subject: String = "batch",
        of issuer: TestIdentity,
        serial: Int = 2,
        usage: String = "clientAuth",
        validity: ClosedRange<Int> = -3600...86400
    ) throws -> TestIdentity {
        try TestIdentity(
            subject: subject,
            names: nil,
            extensions: [(NID_ext_key_usage, usage)],
            serial: serial,
            validity: validity,
            issuer: issuer
        )
    }

    /// A PEM file with this authority's list of revoked serial numbers.
    func revocationList(_ serials: [Int], validity: ClosedRange<Int> = -3600...86400) throws -> String {
        guard let list = X509_CRL_new() else { throw Failure(step: "revocation list") }
        defer { X509_CRL_free(list) }
        X509_CRL_set_version(list, 1)
        X509_CRL_set_issuer_name(list, X509_get_subject_name(certificate))
        let time = X509_gmtime_adj(nil, validity.lowerBound)
        defer { ASN1_STRING_free(time) }
        X509_CRL_set1_lastUpdate(list, time)
        X509_gmtime_adj(time, validity.upperBound)
        X509_CRL_set1_nextUpdate(list, time)
        X509_gmtime_adj(time, -60)
        for serial in serials {
            let revoked = X509_REVOKED_new()
            let number = ASN1_INTEGER_new()
            defer { ASN1_INTEGER_free(number) }
            ASN1_INTEGER_set(number, serial)
            X509_REVOKED_set_serialNumber(revoked, number)
            X509_REVOKED_set_revocationDate(revoked, time)
            X509_CRL_add0_revoked(list, revoked)
        }
        guard X509_CRL_sign(list, key, EVP_sha256()) > 0 else { throw Failure(step: "revocation list") }
        let path = directory.file("crl-\(serials.map(String.init).joined(separator: "-")).pem")
        try Self.save(path) { PEM_write_bio_X509_CRL($0, list) }
        return path
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
        case .ed25519:
            context = EVP_PKEY_CTX_new_from_name(nil, "ED25519", nil)
            EVP_PKEY_keygen_init(context)
        }
        defer { EVP_PKEY_CTX_free(context) }
        var key: OpaquePointer?
        guard EVP_PKEY_generate(context, &key) == 1, let key else { throw Failure(step: "key") }
        return key
    }

    private func save(_ passphrase: String?) throws {
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

    private static func save(_ path: String, _ write: (OpaquePointer) -> Int32) throws {
        guard let bio = BIO_new_file(path, "w") else { throw Failure(step: path) }
        defer { BIO_free(bio) }
        guard write(bio) == 1 else { throw Failure(step: path) }
    }
}
