// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// What all connections of a TLS server share: identities, policy, ticket keys, trust in clients.
///
/// Making one is expensive (files, keys, OpenSSL's look-ups); using one is not, from any thread. It never changes. To
/// serve a new certificate, make a new context and give it to the connections that come next; those that exist keep
/// the old one alive until they end.
public final class TLSContext: Sendable {
    // Filled in `init` and not changed after that; OpenSSL counts references and locks inside an SSL_CTX itself.
    nonisolated(unsafe) private let parts: ServerContexts

    /// What it serves with, in the configuration's order.
    public let identities: [TLSIdentity]

    /// Reads and checks the files of `configuration`.
    ///
    /// - Throws: ``TLSError`` that names the file and the reason: unreadable, not PEM, encrypted, weak, or a key that
    ///   is not the certificate's.
    public init(configuration: TLSConfiguration) throws(TLSError) {
        ErrorQueue.clear()
        parts = try ServerContexts(configuration)
        var identities: [TLSIdentity] = []
        for identity in configuration.identities {
            identities.append(try parts.add(identity))
        }
        guard !identities.isEmpty else {
            throw TLSError(.invalidConfiguration, "no certificate is given; a server needs one at least")
        }
        self.identities = identities
    }

    /// The name of the OpenSSL that is linked: `OpenSSL 3.0.22 …`.
    public static var libraryVersion: String {
        OpenSSL_version(OPENSSL_VERSION).map { String(cString: $0) } ?? "unknown"
    }

    /// A new `SSL *`, owned by the caller.
    func makeSSL() -> OpaquePointer? {
        SSL_new(parts.first)
    }

    static func cause() -> String {
        ErrorQueue.take()?.text ?? "no reason given"
    }
}
