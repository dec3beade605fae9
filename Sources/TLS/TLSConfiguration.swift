// SPDX-License-Identifier: Apache-2.0

/// How a TLS server presents itself and what it accepts.
public struct TLSConfiguration: Sendable {
    /// A certificate with its private key.
    public struct Identity: Sendable, Equatable {
        /// Path of a PEM file: the server's certificate, then the intermediate certificates that lead to a root.
        public var certificateChainFile: String
        /// Path of a PEM file with the certificate's private key, not encrypted.
        public var privateKeyFile: String

        /// An identity by its files.
        public init(certificateChainFile: String, privateKeyFile: String) {
            self.certificateChainFile = certificateChainFile
            self.privateKeyFile = privateKeyFile
        }
    }

    /// Whether clients show a certificate (RFC 8446 section 4.3.2).
    ///
    /// `authorities` is a PEM file of the issuers that are trusted, roots at the top; `revocations` one of their
    /// revocation lists (RFC 5280 section 5). With lists, each issuer on the way must have a current one, or the client
    /// is refused. A chain has four issuers at most; the certificate must be for TLS clients.
    public enum ClientCertificates: Sendable, Equatable {
        /// They are not asked.
        case none
        /// They may; one that does not check out is refused.
        case optional(authorities: String, revocations: String?)
        /// They must.
        case required(authorities: String, revocations: String?)
    }

    /// One at least. The client's server name (RFC 6066 section 3) chooses; the first serves where no name fits.
    public var identities: [Identity]

    /// Whether a client that asks for a name none of the identities is for is refused with `unrecognized_name`, where
    /// otherwise the first identity serves. A client that asks for no name gets the first one either way.
    public var strictServerNames = false

    /// Protocols offered through ALPN (RFC 7301), the server's favourite first.
    ///
    /// A client that offers only others is refused with `no_application_protocol`; one that offers none speaks HTTP/1.1.
    public var applicationProtocols: [ApplicationProtocol] = [.http11]

    /// Protocol versions and cipher suites.
    public var policy: TLSPolicy = .intermediate

    /// Whether clients prove who they are.
    public var clientCertificates: ClientCertificates = .none

    /// Keys of the session tickets (RFC 8446 section 2.2, RFC 5077); nil lets the context make its own.
    public var ticketKeys: TLSTicketKeys?

    /// Tells this server from another that has the same ticket keys: a ticket of one does not resume at the other.
    public var name = "server"

    /// A configuration with the defaults of every other property.
    ///
    /// The files are read when a ``TLSContext`` is made of it.
    public init(identities: [Identity]) {
        self.identities = identities
    }
}
