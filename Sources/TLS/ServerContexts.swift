// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// One `SSL_CTX` for each set of host names, alike in all but their certificates, and what their callbacks read.
///
/// OpenSSL keeps one certificate of each key type in a context and chooses among them by the signatures that a client
/// takes, so certificates with the same names and keys of different types share one.
final class ServerContexts {
    private struct Group {
        let context: OpaquePointer
        let names: [String]
        var keys: [TLSIdentity.Key]
    }

    private let configuration: TLSConfiguration
    private let ticketKeys: TLSTicketKeys
    private let trust: ClientTrust?
    private let sessionContext: [UInt8]
    private let protocols: UnsafeMutablePointer<tls_alpn>?
    private let names: UnsafeMutablePointer<tls_names>
    private var groups: [Group] = []

    /// Without an identity yet.
    init(_ configuration: TLSConfiguration) throws(TLSError) {
        let trust = try Self.trust(configuration.clientCertificates)
        sessionContext = Self.sessionContext(configuration, trust)
        self.trust = trust
        self.configuration = configuration
        ticketKeys = configuration.ticketKeys ?? TLSTicketKeys()
        protocols = try Self.offer(configuration.applicationProtocols)
        guard let names = calloc(1, MemoryLayout<tls_names>.size)?.assumingMemoryBound(to: tls_names.self) else {
            preconditionFailure("out of memory")
        }
        names.pointee.strict = configuration.strictServerNames ? 1 : 0
        self.names = names
    }

    deinit {
        for group in groups { SSL_CTX_free(group.context) }
        tls_names_free(names)
        free(protocols)
    }

    /// The context in which every connection begins.
    var first: OpaquePointer? { groups.first?.context }

    /// Reads an identity and serves with it.
    func add(_ identity: TLSConfiguration.Identity) throws(TLSError) -> TLSIdentity {
        let credentials = try Credentials(identity)
        let facts = try credentials.withCertificate { TLSIdentity($0) }
        let place = try place(for: facts)
        try credentials.install(in: groups[place].context)
        groups[place].keys.append(facts.key)
        for name in facts.names {
            guard tls_names_add(names, name, name.utf8.count, groups[place].context) == 1 else {
                preconditionFailure("out of memory")
            }
        }
        return facts
    }

    /// The group that lacks just this identity, or a new one.
    private func place(for identity: TLSIdentity) throws(TLSError) -> Int {
        let names = Set(identity.names).sorted()
        if let place = groups.firstIndex(where: { $0.names == names && !$0.keys.contains(identity.key) }) {
            return place
        }
        groups.append(Group(context: try make(), names: names, keys: []))
        return groups.count - 1
    }

    private func make() throws(TLSError) -> OpaquePointer {
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw TLSError(.invalidConfiguration, "OpenSSL made no context: \(TLSContext.cause())")
        }
        do throws(TLSError) {
            try apply(to: context)
            if trust != nil { try trust?.install(in: context) }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        return context
    }

    private func apply(to context: OpaquePointer) throws(TLSError) {
        tls_configure(context, configuration.policy.minimumVersion)
        SSL_CTX_set_security_level(context, 2)
        guard
            SSL_CTX_set_cipher_list(context, TLSPolicy.cipherList) == 1,
            SSL_CTX_set_ciphersuites(context, TLSPolicy.cipherSuites) == 1,
            tls_set_groups(context, TLSPolicy.groups) == 1,
            tls_set_signatures(context, TLSPolicy.signatures) == 1,
            SSL_CTX_set_session_id_context(context, sessionContext, UInt32(sessionContext.count)) == 1,
            tls_use_ticket_keys(context, ticketKeys.keys) == 1
        else {
            throw TLSError(
                .invalidConfiguration,
                "OpenSSL refused the cipher suites, groups or signatures of the policy: \(TLSContext.cause()); "
                    + "check openssl.cnf"
            )
        }
        tls_use_names(context, names)
        if let protocols { tls_use_alpn(context, protocols) }
    }

    // MARK: - Parts

    private static func trust(_ clients: TLSConfiguration.ClientCertificates) throws(TLSError) -> ClientTrust? {
        switch clients {
        case .none: nil
        case .optional(let authorities, let revocations):
            try ClientTrust(authorities: authorities, revocations: revocations, isRequired: false)
        case .required(let authorities, let revocations):
            try ClientTrust(authorities: authorities, revocations: revocations, isRequired: true)
        }
    }

    /// What a ticket is good for: a session of one server, or from before its trust changed, is not resumed at another.
    private static func sessionContext(_ configuration: TLSConfiguration, _ trust: borrowing ClientTrust?) -> [UInt8] {
        let digest = Digest()
        digest.add(Array(configuration.name.utf8))
        digest.add([configuration.policy == .modern ? 1 : 0])
        trust?.hash(into: digest)
        return digest.finish()
    }

    /// The names for ALPN in wire form, RFC 7301 section 3.1: each behind its length.
    private static func offer(_ protocols: [ApplicationProtocol]) throws(TLSError) -> UnsafeMutablePointer<tls_alpn>? {
        guard !protocols.isEmpty else { return nil }
        let wire = protocols.flatMap { [UInt8($0.rawValue.utf8.count)] + Array($0.rawValue.utf8) }
        guard let offered = tls_make_alpn(wire, UInt32(wire.count)) else {
            throw TLSError(.invalidConfiguration, "out of memory for the application protocols")
        }
        return offered
    }
}
