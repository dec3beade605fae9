// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

extension TLSError {
    static let plaintextRequest = TLSError(
        .plaintextRequest,
        "the client sent plain HTTP to a TLS port; it should use an https:// address"
    )

    static let flood = TLSError(
        .protocolViolation,
        "the client asked for new keys or a new handshake again and again and sent no data between"
    )

    /// A handshake that OpenSSL gave up; `firstByte` is the first one the client ever sent, `verification` what came of
    /// looking at its certificate (`X509_V_OK` when it showed none).
    static func handshake(_ entry: ErrorQueue.Entry?, firstByte: UInt8?, verification: Int) -> TLSError {
        // OpenSSL knows four methods; any capital letter is a method, and never a TLS record (RFC 8446 section 5.1).
        if let firstByte, (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(firstByte) {
            return .plaintextRequest
        }
        // Asked first, because the queue begins with whatever found the fault, often not libssl.
        if verification != X509_V_OK {
            return TLSError(
                .clientCertificateRefused,
                "the client's certificate was refused: \(String(cString: X509_verify_cert_error_string(verification)))"
            )
        }
        guard let entry else {
            return TLSError(.handshakeFailed, "the TLS handshake failed; OpenSSL gave no reason")
        }
        guard entry.library == ERR_LIB_SSL, entry.reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE else {
            return handshake(entry)
        }
        return TLSError(.clientCertificateMissing, "the client showed no certificate, and this server requires one")
    }

    private static func handshake(_ entry: ErrorQueue.Entry) -> TLSError {
        TLSError(
            .handshakeFailed,
            entry.isAlert
                ? "the client broke off the TLS handshake: \(entry.text)" : "the TLS handshake failed: \(entry.text)"
        )
    }

    /// A connection that broke after its handshake.
    static func connection(_ entry: ErrorQueue.Entry?) -> TLSError {
        guard let entry else {
            return TLSError(.protocolViolation, "the TLS connection broke; OpenSSL gave no reason")
        }
        return TLSError(
            .protocolViolation,
            entry.isAlert
                ? "the client broke off the TLS connection: \(entry.text)" : "the TLS connection broke: \(entry.text)"
        )
    }
}

extension ErrorQueue.Entry {
    /// Whether the peer said it in an alert; OpenSSL numbers those from 1000.
    fileprivate var isAlert: Bool {
        library == ERR_LIB_SSL && reason >= SSL_AD_REASON_OFFSET
    }
}
