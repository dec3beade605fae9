// SPDX-License-Identifier: Apache-2.0

/// What went wrong with a certificate, a key or a connection.
///
/// Making a ``TLSContext`` throws the errors about files and configuration; those about a connection are the outcome
/// ``TLSConnection/Outcome/failed(_:)`` of one of its operations, and its last.
public struct TLSError: Error, Sendable, Equatable {
    /// The kind of error, for programs.
    public struct Code: Sendable, Hashable, CustomStringConvertible {
        private enum Kind: String, Sendable {
            case invalidConfiguration, unreadableFile, invalidCertificate, invalidPrivateKey, encryptedPrivateKey
            case keyMismatch, handshakeFailed, plaintextRequest
            case protocolViolation, invalidTicketKeys, invalidRevocationList
            case clientCertificateMissing, clientCertificateRefused
        }

        private let kind: Kind

        private init(_ kind: Kind) {
            self.kind = kind
        }

        /// The name of the code.
        public var description: String { kind.rawValue }

        /// A property of ``TLSConfiguration`` has a value that cannot be used.
        public static let invalidConfiguration = Code(.invalidConfiguration)
        /// A file is missing, may not be read, is no regular file or is too large.
        public static let unreadableFile = Code(.unreadableFile)
        /// A file holds no certificate, a damaged one, or one too weak to serve with.
        public static let invalidCertificate = Code(.invalidCertificate)
        /// A file holds no private key or a damaged one.
        public static let invalidPrivateKey = Code(.invalidPrivateKey)
        /// The private key needs a passphrase.
        public static let encryptedPrivateKey = Code(.encryptedPrivateKey)
        /// The private key is not the certificate's.
        public static let keyMismatch = Code(.keyMismatch)
        /// Client and server found no terms, or the client sent something that is no handshake.
        public static let handshakeFailed = Code(.handshakeFailed)
        /// The client spoke HTTP without TLS.
        public static let plaintextRequest = Code(.plaintextRequest)
        /// The client broke the protocol after the handshake, or a record was damaged on the way.
        public static let protocolViolation = Code(.protocolViolation)
        /// Bytes are no serialised ``TLSTicketKeys``.
        public static let invalidTicketKeys = Code(.invalidTicketKeys)
        /// A file holds no certificate revocation list or a damaged one.
        public static let invalidRevocationList = Code(.invalidRevocationList)
        /// The client must show a certificate and showed none.
        public static let clientCertificateMissing = Code(.clientCertificateMissing)
        /// The client's certificate does not check out: not trusted, expired, revoked, or not for clients.
        public static let clientCertificateRefused = Code(.clientCertificateRefused)
    }

    /// The kind of error.
    public let code: Code

    /// What was wrong and what to do about it, for people. Holds no key material.
    public let reason: String

    /// The file concerned, when the error is about one.
    public let file: String?

    init(_ code: Code, _ reason: String, file: String? = nil) {
        self.code = code
        self.reason = reason
        self.file = file
    }
}

extension TLSError: CustomStringConvertible {
    /// The error as one line: code, file and reason.
    public var description: String {
        guard let file else { return "\(code): \(reason)" }
        return "\(code): \(file): \(reason)"
    }
}
