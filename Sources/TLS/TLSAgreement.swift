// SPDX-License-Identifier: Apache-2.0

/// What client and server agreed on in a handshake.
public struct TLSAgreement: Sendable, Equatable {
    /// The protocol version.
    public enum Version: String, Sendable {
        case tls12 = "TLSv1.2"
        case tls13 = "TLSv1.3"
    }

    /// The protocol version.
    public let version: Version
    /// The cipher suite by its IANA name, for example `TLS_AES_128_GCM_SHA256`.
    public let cipherSuite: String
    /// The protocol chosen through ALPN (RFC 7301); `http/1.1` when the client offered none.
    public let applicationProtocol: ApplicationProtocol
    /// The host name the client asked for (RFC 6066 section 3), as sent; nil when it sent none.
    public let serverName: String?
    /// Whether an earlier session was resumed with a ticket.
    public let resumed: Bool
    /// The certificate that the client proved to hold, now or in the session that was resumed; nil when it showed none.
    public let clientCertificate: ClientCertificate?

    /// A client's certificate that checked out.
    public struct ClientCertificate: Sendable, Equatable {
        /// The subject's distinguished name as text (RFC 4514), in ASCII: `CN=batch,O=Acme`.
        public let subject: String
        /// SHA-256 of the certificate in DER, in 64 lower-case hexadecimal digits.
        public let fingerprint: String
    }
}

/// The protocols that can be spoken inside, by their ALPN names.
public enum ApplicationProtocol: String, Sendable, CaseIterable {
    case http2 = "h2"
    case http11 = "http/1.1"
}
