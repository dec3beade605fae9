// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// What all connections of a TLS server share: certificate, key, policy, ticket keys.
///
/// Making one is expensive (files, keys, OpenSSL's look-ups); using one is not, from any thread. It never changes. To
/// serve a new certificate, make a new context and give it to the connections that come next; those that exist keep
/// the old one alive until they end.
public final class TLSContext: Sendable {
    // Set once in `init`; OpenSSL counts references and locks inside an SSL_CTX itself.
    nonisolated(unsafe) private let context: OpaquePointer
    nonisolated(unsafe) private let protocols: UnsafeMutablePointer<nioossl_alpn>?

    /// What it serves with, in the configuration's order.
    public let identities: [TLSIdentity]

    /// Reads and checks the files of `configuration`.
    ///
    /// - Throws: ``TLSError`` that names the file and the reason: unreadable, not PEM, encrypted, weak, or a key that
    ///   is not the certificate's.
    public init(configuration: TLSConfiguration) throws(TLSError) {
        ErrorQueue.clear()
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw TLSError(.invalidConfiguration, "OpenSSL made no context: \(Self.cause())")
        }
        do throws(TLSError) {
            try Self.apply(configuration.policy, to: context)
            SSL_CTX_set_num_tickets(context, 1)
            try Credentials(configuration.identities[0]).install(in: context)
            protocols = try Self.offer(configuration.applicationProtocols, in: context)
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        self.context = context
        identities = [TLSIdentity(names: [], notAfter: Self.notAfter(context))]
    }

    deinit {
        SSL_CTX_free(context)
        free(protocols)
    }

    private static func notAfter(_ context: OpaquePointer) -> Int64 {
        guard let certificate = SSL_CTX_get0_certificate(context) else { return 0 }
        var time = tm()
        guard ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &time) == 1 else {
            ErrorQueue.clear()
            return 0
        }
        return Int64(timegm(&time))
    }

    /// The name of the OpenSSL that is linked: `OpenSSL 3.0.22 …`.
    public static var libraryVersion: String {
        OpenSSL_version(OPENSSL_VERSION).map { String(cString: $0) } ?? "unknown"
    }

    /// A new `SSL *`, owned by the caller.
    func makeSSL() -> OpaquePointer? {
        SSL_new(context)
    }

    private static func apply(_ policy: TLSPolicy, to context: OpaquePointer) throws(TLSError) {
        nioossl_configure(context, policy.minimumVersion)
        SSL_CTX_set_security_level(context, 2)
        // Sessions of another program that happens to hold the same ticket keys must not be taken for ours.
        let name: StaticString = "NIOOpenSSL"
        guard
            SSL_CTX_set_cipher_list(context, TLSPolicy.cipherList) == 1,
            SSL_CTX_set_ciphersuites(context, TLSPolicy.cipherSuites) == 1,
            nioossl_set_groups(context, TLSPolicy.groups) == 1,
            SSL_CTX_set_session_id_context(context, name.utf8Start, UInt32(name.utf8CodeUnitCount)) == 1
        else {
            throw TLSError(
                .invalidConfiguration,
                "OpenSSL refused the cipher suites or groups of the policy: \(cause()); check openssl.cnf"
            )
        }
    }

    /// Turns ALPN on. The names are length-prefixed, RFC 7301 section 3.1.
    private static func offer(
        _ protocols: [ApplicationProtocol],
        in context: OpaquePointer
    ) throws(TLSError) -> UnsafeMutablePointer<nioossl_alpn>? {
        guard !protocols.isEmpty else { return nil }
        var wire: [UInt8] = []
        for name in protocols {
            let name = name.rawValue
            wire.append(UInt8(name.utf8.count))
            wire.append(contentsOf: name.utf8)
        }
        guard let offered = nioossl_set_alpn(context, wire, UInt32(wire.count)) else {
            throw TLSError(.invalidConfiguration, "out of memory for the application protocols")
        }
        return offered
    }

    static func cause() -> String {
        ErrorQueue.take()?.text ?? "no reason given"
    }
}

/// One certificate that is served.
public struct TLSIdentity: Sendable, Equatable {
    /// The host names it is for (RFC 6125): exact, or `*.` and a domain.
    public let names: [String]
    /// When it ends, in seconds since 1970 (RFC 5280, section 4.1.2.5).
    public let notAfter: Int64
}
