// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Foundation

/// A blocking TLS client for what no HTTP client would send: broken framing, half a body, requests behind each other.
final class RawTLS {
    /// How the other side ended a connection.
    enum End: Equatable {
        /// With TLS's close_notify.
        case closed
        /// Without it.
        case cut
        case reset
        case timedOut
    }

    enum Version: Int {
        case tls1_2 = 0x0303
        case tls1_3 = 0x0304
    }

    private let context: OpaquePointer
    private let ssl: OpaquePointer
    private let descriptor: Int32
    private var received: [UInt8] = []

    /// Connects, and checks the certificate against the tests' authority.
    ///
    /// - Parameters:
    ///   - protocols: offered for ALPN (RFC 7301), as `h2`; empty offers none.
    ///   - receiveBuffer: of the socket, in bytes, so that a client that does not read is soon full.
    /// - Throws: ``RefusedConnection`` when nobody listens.
    init(port: Int, version: Version? = nil, protocols: [String] = [], receiveBuffer: Int32? = nil) throws {
        descriptor = try RawTCP.connect(port: port, receiveBuffer: receiveBuffer)
        guard let context = SSL_CTX_new(TLS_client_method()), let ssl = SSL_new(context) else {
            throw HarnessError("libssl is out of memory")
        }
        (self.context, self.ssl) = (context, ssl)
        guard SSL_CTX_load_verify_locations(context, try Certificates.shared.authority, nil) == 1 else {
            throw HarnessError("libssl cannot read the tests' authority")
        }
        SSL_set_verify(ssl, SSL_VERIFY_PEER, nil)
        SSL_set1_host(ssl, "localhost")
        if let version {
            SSL_ctrl(ssl, SSL_CTRL_SET_MIN_PROTO_VERSION, version.rawValue, nil)
            SSL_ctrl(ssl, SSL_CTRL_SET_MAX_PROTO_VERSION, version.rawValue, nil)
        }
        let offer = protocols.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
        if !offer.isEmpty { SSL_set_alpn_protos(ssl, offer, UInt32(offer.count)) }
        SSL_set_fd(ssl, descriptor)
        ERR_clear_error()
        guard SSL_connect(ssl) == 1 else {
            throw HarnessError("the TLS handshake failed: \(String(cString: ERR_error_string(ERR_peek_error(), nil)))")
        }
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
        close(descriptor)
    }

    var version: String { String(cString: SSL_get_version(ssl)) }

    /// What ALPN settled on; empty for nothing.
    var applicationProtocol: String {
        var name: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &count)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(count)), as: UTF8.self)
    }

    /// SHA-256 of the certificate that the other side showed.
    var certificateDigest: [UInt8] {
        guard let certificate = SSL_get1_peer_certificate(ssl) else { return [] }
        defer { X509_free(certificate) }
        var digest = [UInt8](repeating: 0, count: 32)
        var count: UInt32 = 0
        X509_digest(certificate, EVP_sha256(), &digest, &count)
        return digest
    }

    // MARK: - Bytes

    /// - Returns: whether the other side still takes them.
    @discardableResult
    func send(_ bytes: [UInt8]) -> Bool {
        ERR_clear_error()
        var written = 0
        return SSL_write_ex(ssl, bytes, bytes.count, &written) == 1
    }

    @discardableResult
    func send(_ text: String) -> Bool { send(Array(text.utf8)) }

    /// Sends the first half of a TLS record, so that the other side has to wait within it.
    ///
    /// - Returns: the other half, for ``send(wire:)``.
    func sendHalf(_ text: String) -> ArraySlice<UInt8> {
        let memory = BIO_new(BIO_s_mem())
        SSL_set0_wbio(ssl, memory)
        send(text)
        var record = [UInt8](repeating: 0, count: text.utf8.count + 1024)
        let count = Int(BIO_read(memory, &record, Int32(record.count)))
        SSL_set0_wbio(ssl, BIO_new_socket(descriptor, BIO_NOCLOSE))
        send(wire: record[..<(count / 2)])
        return record[(count / 2)..<count]
    }

    func send(wire bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBytes { _ = write(descriptor, $0.baseAddress, $0.count) }
    }

    /// Reads until the other side ends the connection.
    ///
    /// - Returns: what came and was not yet taken by ``answer(toHead:)``, and how it ended.
    func readToEnd() -> (bytes: [UInt8], end: End) {
        while true {
            if let end = receive() {
                defer { received = [] }
                return (received, end)
            }
        }
    }

    /// Waits for what comes next, and takes all of it that is not yet taken.
    ///
    /// - Returns: nil when the other side ended the connection.
    func next() -> [UInt8]? {
        if received.isEmpty, receive() != nil { return nil }
        defer { received = [] }
        return received
    }

    /// Takes what comes in that time, and tells whether the other side ended the connection.
    func isEnded(within seconds: Double) -> Bool {
        let end = ContinuousClock.now + .seconds(seconds)
        defer { RawTCP.setPatience(descriptor, microseconds: 120_000_000) }
        while true {
            let left = (end - ContinuousClock.now) / .microseconds(1)
            guard left >= 1 else { return false }
            RawTCP.setPatience(descriptor, microseconds: Int(left))
            if let how = receive() { return how != .timedOut }
        }
    }

    /// Waits that long for bytes or the end; what came stays for the next calls.
    func hasMore(within seconds: Double) -> Bool {
        if !received.isEmpty { return true }
        return isEnded(within: seconds) || !received.isEmpty
    }

    /// - Returns: nil when bytes came.
    private func receive() -> End? {
        var buffer = [UInt8](repeating: 0, count: 16_384)
        var count = 0
        ERR_clear_error()
        let code = SSL_read_ex(ssl, &buffer, buffer.count, &count)
        let reason = errno
        if code == 1 {
            received += buffer[..<count]
            return nil
        }
        switch SSL_get_error(ssl, code) {
        case SSL_ERROR_ZERO_RETURN: return .closed
        case SSL_ERROR_WANT_READ: return .timedOut
        case SSL_ERROR_SYSCALL where reason == EAGAIN: return .timedOut
        case SSL_ERROR_SYSCALL where reason == ECONNRESET || reason == EPIPE: return .reset
        default: return .cut
        }
    }

    // MARK: - HTTP

    /// Reads the next response; further ones stay for the next calls.
    ///
    /// - Throws: when the connection ends before the response does.
    func answer(toHead isHead: Bool = false) throws -> Answer {
        let end = Array("\r\n\r\n".utf8)
        var headEnd: Int?
        while headEnd == nil {
            headEnd = received.indices.first { received[$0...].starts(with: end) }
            if headEnd == nil, let how = receive() {
                throw HarnessError(
                    "the connection ended (\(how)) within a head: \(String(decoding: received, as: UTF8.self))"
                )
            }
        }
        guard let headEnd else { throw HarnessError("no head") }
        var lines = String(decoding: received[..<headEnd], as: UTF8.self).components(separatedBy: "\r\n")
        let start = lines.removeFirst().split(separator: " ", maxSplits: 2)
        guard start.count >= 2, start[0].hasPrefix("HTTP/1."), let status = Int(start[1]) else {
            throw HarnessError("no status line: \(start)")
        }
        var answer = Answer(version: String(start[0]), status: status, headers: [], body: [])
        for line in lines {
            guard let colon = line.firstIndex(of: ":") else { throw HarnessError("no field: \(line)") }
            answer.headers.append(
                (String(line[..<colon]), line[line.index(after: colon)...].trimmingCharacters(in: .whitespaces))
            )
        }
        received.removeFirst(headEnd + 4)
        guard !isHead, status >= 200, status != 204 else { return answer }
        guard let length = answer.header("Content-Length").flatMap({ Int($0) }) else {
            throw HarnessError("the response has no Content-Length")
        }
        while received.count < length {
            if let how = receive() { throw HarnessError("the connection ended (\(how)) within a body") }
        }
        answer.body = Array(received[..<length])
        received.removeFirst(length)
        return answer
    }

    struct RefusedConnection: Error {}
}

@available(*, unavailable)
extension RawTLS: Sendable {}
