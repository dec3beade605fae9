// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// One certificate that is served.
public struct TLSIdentity: Sendable, Equatable {
    /// The kind of a certificate's key.
    public enum Key: String, Sendable {
        case rsa = "RSA"
        case ecdsa = "ECDSA"
        case ed25519 = "Ed25519"
        case other
    }

    /// The host names it is for, in lower case: the `dNSName`s of its subjectAltName (RFC 6125), exact, or `*.` and a
    /// domain. A common name is none.
    public let names: [String]
    /// When it begins, in seconds since 1970 (RFC 5280, section 4.1.2.5).
    public let notBefore: Int64
    /// When it ends, in seconds since 1970 (RFC 5280, section 4.1.2.5).
    public let notAfter: Int64
    /// What it signs with.
    public let key: Key

    init(_ certificate: OpaquePointer) {
        names = Self.names(certificate)
        notBefore = Self.seconds(X509_get0_notBefore(certificate))
        notAfter = Self.seconds(X509_get0_notAfter(certificate))
        key =
            switch X509_get0_pubkey(certificate).map(EVP_PKEY_get_base_id) {
            case EVP_PKEY_RSA, EVP_PKEY_RSA_PSS: .rsa
            case EVP_PKEY_EC: .ecdsa
            case EVP_PKEY_ED25519: .ed25519
            default: .other
            }
    }

    private static func names(_ certificate: OpaquePointer) -> [String] {
        guard let all = tls_alternative_names(certificate) else { return [] }
        defer { GENERAL_NAMES_free(all) }
        return (0..<tls_alternative_name_count(all)).compactMap { index in
            var length: Int32 = 0
            guard let bytes = tls_host_name(all, index, &length) else { return nil }
            let name = UnsafeBufferPointer(start: bytes, count: Int(length))
            return String(decoding: name.map { (65...90).contains($0) ? $0 + 32 : $0 }, as: UTF8.self)
        }
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64 {
        var parts = tm()
        guard ASN1_TIME_to_tm(time, &parts) == 1 else {
            ErrorQueue.clear()
            return 0
        }
        return Int64(timegm(&parts))
    }
}

extension TLSAgreement.ClientCertificate {
    init(_ certificate: OpaquePointer) {
        var digest = [UInt8](repeating: 0, count: 32)
        X509_digest(certificate, EVP_sha256(), &digest, nil)
        let digits = Array("0123456789abcdef".utf8)
        fingerprint = String(decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
        subject = Self.text(X509_get_subject_name(certificate))
    }

    private static func text(_ name: OpaquePointer?) -> String {
        guard let bio = BIO_new(BIO_s_mem()) else { return "" }
        defer { BIO_free(bio) }
        tls_print_name(bio, name)
        var bytes: UnsafePointer<UInt8>?
        let count = tg_bio_contents(bio, &bytes)
        return String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }
}
