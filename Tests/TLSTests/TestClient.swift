// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// A TLS client of OpenSSL over memory, independent of the code under test.
final class TestClient {
    private let context: OpaquePointer
    let ssl: OpaquePointer
    /// The secret of what the client sends in TLS 1.3 (RFC 8446 section 7.1).
    private(set) var trafficSecret: [UInt8] = []
    private let fromServer: OpaquePointer
    private let toServer: OpaquePointer

    init(
        version: Int32 = TLS1_3_VERSION,
        protocols: [String] = [],
        serverName: String? = nil,
        ciphers: String? = nil,
        signatures: String? = nil,
        certificate: TestIdentity? = nil,
        resuming session: OpaquePointer? = nil
    ) throws {
        guard let context = SSL_CTX_new(TLS_client_method()) else { throw TestIdentity.Failure(step: "client") }
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(version), nil)
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        // Lets a client offer what the server must refuse.
        SSL_CTX_set_security_level(context, 0)
        if let ciphers {
            SSL_CTX_set_cipher_list(context, ciphers)
        }
        if let signatures {
            precondition(tls_set_signatures(context, signatures) == 1, "the test names signatures that exist")
        }
        if let certificate {
            SSL_CTX_use_certificate(context, certificate.certificate)
            SSL_CTX_use_PrivateKey(context, certificate.key)
        }
        guard let ssl = SSL_new(context), let fromServer = BIO_new(BIO_s_mem()), let toServer = BIO_new(BIO_s_mem())
        else { throw TestIdentity.Failure(step: "client") }
        SSL_set_bio(ssl, fromServer, toServer)
        SSL_set_connect_state(ssl)
        if !protocols.isEmpty {
            let wire = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            SSL_set_alpn_protos(ssl, wire, UInt32(wire.count))
        }
        if let serverName {
            var name = Array(serverName.utf8CString)
            SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME, Int(TLSEXT_NAMETYPE_host_name), &name)
        }
        if let session {
            // A copy: a connection that ends without goodbye spoils its session for others.
            let own = SSL_SESSION_dup(session)
            SSL_set_session(ssl, own)
            SSL_SESSION_free(own)
        }
        self.context = context
        self.ssl = ssl
        self.fromServer = fromServer
        self.toServer = toServer
        SSL_set_ex_data(ssl, 0, Unmanaged.passUnretained(self).toOpaque())
        SSL_CTX_set_keylog_callback(context) { ssl, line in
            guard let ssl, let line, let client = SSL_get_ex_data(ssl, 0) else { return }
            let words = String(cString: line).split(separator: " ")
            guard words.first == "CLIENT_TRAFFIC_SECRET_0", let last = words.last else { return }
            let digits = Array(last.utf8)
            Unmanaged<TestClient>.fromOpaque(client).takeUnretainedValue().trafficSecret =
                stride(from: 0, to: digits.count, by: 2).compactMap {
                    UInt8(String(decoding: digits[$0...$0 + 1], as: UTF8.self), radix: 16)
                }
        }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
    }

    /// True when the handshake is done on this side.
    @discardableResult
    func handshake() -> Bool {
        ERR_clear_error()
        return SSL_do_handshake(ssl) == 1
    }

    func write(_ bytes: [UInt8]) {
        var written = 0
        ERR_clear_error()
        precondition(SSL_write_ex(ssl, bytes, bytes.count, &written) == 1, "memory takes everything")
    }

    func write(_ text: String) {
        write(Array(text.utf8))
    }

    /// Everything the server has sent so far, decrypted.
    func read() -> [UInt8] {
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        var got = 0
        ERR_clear_error()
        while SSL_read_ex(ssl, &chunk, chunk.count, &got) == 1 {
            all += chunk[..<got]
        }
        return all
    }

    func readText() -> String {
        String(decoding: read(), as: UTF8.self)
    }

    var receivedCloseNotify: Bool {
        SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0
    }

    func shutdown() {
        ERR_clear_error()
        SSL_shutdown(ssl)
    }

    /// The session with its ticket, for another client to resume; the caller frees it.
    func session() -> OpaquePointer? {
        SSL_get_session(ssl).flatMap { SSL_SESSION_dup($0) }
    }

    /// The certificate that the server showed: its common name.
    var serverSubject: String? {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return nil }
        var text = [CChar](repeating: 0, count: 256)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &text, 256)
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Takes the records this side wants to send.
    func takeOutput() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: BIO_ctrl_pending(toServer))
        guard !bytes.isEmpty else { return [] }
        BIO_read(toServer, &bytes, Int32(bytes.count))
        return bytes
    }

    func feed(_ bytes: [UInt8]) {
        guard !bytes.isEmpty else { return }
        BIO_write(fromServer, bytes, Int32(bytes.count))
    }

    /// OpenSSL's number of the last error; the queue is empty afterwards.
    static func lastError() -> Int32 {
        defer { ERR_clear_error() }
        return ERR_GET_REASON(ERR_peek_last_error())
    }
}
