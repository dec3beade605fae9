// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// One TLS connection, server side: the owner of an `SSL *` and of the wire under it.
///
/// It does no I/O. Received bytes go in, plaintext comes out; plaintext goes in, records come out. Whatever OpenSSL
/// wants to send on its own account (handshake flights, alerts, tickets) is appended to the output of the call during
/// which it came up.
public struct TLSConnection: ~Copyable {
    /// What an operation came to.
    public enum Outcome {
        case done
        /// All received bytes are used up; more are needed.
        case wantsMore
        /// The peer sent close_notify.
        case peerClosed
        case failed(TLSError)
    }

    /// Whether the handshake is done.
    public private(set) var isEstablished = false

    private let ssl: OpaquePointer
    // Belongs to the BIO, which belongs to `ssl`.
    private let wire: UnsafeMutablePointer<tls_wire>
    // Holds what callbacks of the SSL_CTX point to.
    private let context: TLSContext
    private var firstByte: UInt8?

    /// A connection whose handshake is still to come.
    public init(context: TLSContext) {
        // Both fail only when memory has run out, where Swift ends the process as well.
        guard let ssl = context.makeSSL(), let bio = BIO_new(wireMethod), let wire = tls_wire_of(bio) else {
            preconditionFailure("OpenSSL could not allocate a connection: out of memory")
        }
        SSL_set_bio(ssl, bio, bio)
        SSL_set_accept_state(ssl)
        self.ssl = ssl
        self.wire = wire
        self.context = context
    }

    deinit {
        SSL_free(ssl)
    }

    // MARK: Inbound

    /// Goes on with the handshake.
    ///
    /// - Parameter consumed: how many of the received bytes were used.
    public mutating func handshake(
        _ received: UnsafeRawBufferPointer,
        consumed: inout Int,
        output: inout ByteQueue
    ) -> Outcome {
        if firstByte == nil { firstByte = received.first }
        lend(received)
        let code = tls_handshake(ssl)
        consumed = received.count - takeBack()
        takeOutput(into: &output)
        switch code {
        case SSL_ERROR_NONE:
            isEstablished = true
            return .done
        case SSL_ERROR_WANT_READ: return .wantsMore
        default:
            let error = TLSError.handshake(
                ErrorQueue.take(),
                firstByte: firstByte,
                verification: SSL_get_verify_result(ssl)
            )
            if error == .plaintextRequest { Self.answerPlaintext(&output) }
            return .failed(error)
        }
    }

    /// Decrypts until `plaintext` is full (`done`) or what was received is used up (`wantsMore`).
    ///
    /// - Parameters:
    ///   - consumed: how many of the received bytes were used.
    ///   - count: how many bytes of plaintext there are, whatever the outcome.
    public mutating func read(
        _ received: UnsafeRawBufferPointer,
        consumed: inout Int,
        into plaintext: UnsafeMutableRawBufferPointer,
        count: inout Int,
        output: inout ByteQueue
    ) -> Outcome {
        lend(received)
        let code = tls_read(
            ssl,
            wire,
            plaintext.baseAddress?.assumingMemoryBound(to: UInt8.self),
            plaintext.count,
            &count
        )
        consumed = received.count - takeBack()
        takeOutput(into: &output)
        return outcome(code)
    }

    // MARK: Outbound

    /// Room that `length` bytes take as records: header, nonce and tag for each 16 KiB.
    private static func sealedSize(_ length: Int) -> Int {
        length + 64 * (length / recordSize + 1)
    }

    /// The largest plaintext of one record (RFC 8446 section 5.1).
    private static let recordSize = 16 * 1024

    /// Seals all of `plaintext`, at least one byte, onto the end of `output`.
    public mutating func write(_ plaintext: UnsafeRawBufferPointer, into output: inout ByteQueue) -> Outcome {
        var code = SSL_ERROR_NONE
        output.appendUninitialised(minimum: Self.sealedSize(plaintext.count)) { room in
            wire.pointee.out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            wire.pointee.out_capacity = room.count
            code = tls_write(ssl, plaintext.baseAddress, plaintext.count)
            defer {
                wire.pointee.out = nil
                wire.pointee.out_capacity = 0
                wire.pointee.out_length = 0
            }
            return wire.pointee.out_length
        }
        takeOutput(into: &output)
        return outcome(code)
    }

    /// Makes a close_notify alert (RFC 8446 section 6.1); only after the handshake.
    public mutating func shutdown(into output: inout ByteQueue) -> Outcome {
        let code = tls_shutdown(ssl)
        takeOutput(into: &output)
        return outcome(code)
    }

    /// Moves what OpenSSL wants sent onto the end of `output`.
    private mutating func takeOutput(into output: inout ByteQueue) {
        guard wire.pointee.spill_length > 0 else { return }
        output.append(UnsafeRawBufferPointer(start: wire.pointee.spill, count: wire.pointee.spill_length))
        tls_wire_free_spill(wire)
    }

    /// Gives back the memory that OpenSSL keeps for records, some 34 KB; it takes it again at the next one.
    ///
    /// For connections that are idle: a busy one would pay for two allocations with every record.
    public mutating func releaseBuffers() {
        // It refuses, harmlessly, while a record is read or written in part.
        _ = SSL_free_buffers(ssl)
    }

    // MARK: Facts

    /// What the handshake agreed on; meaningful once it is done.
    public var agreement: TLSAgreement {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return TLSAgreement(
            version: SSL_version(ssl) == TLS1_3_VERSION ? .tls13 : .tls12,
            cipherSuite: TLSPolicy.name(of: SSL_get_current_cipher(ssl)),
            applicationProtocol: length == 2 ? .http2 : .http11,
            serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) },
            resumed: SSL_session_reused(ssl) == 1,
            clientCertificate: SSL_get0_peer_certificate(ssl).map(TLSAgreement.ClientCertificate.init)
        )
    }

    // MARK: Parts

    private func lend(_ bytes: UnsafeRawBufferPointer) {
        wire.pointee.in = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        wire.pointee.in_left = bytes.count
    }

    /// Ends the loan; returns how many of the bytes were not used.
    private func takeBack() -> Int {
        let left = wire.pointee.in_left
        wire.pointee.in = nil
        wire.pointee.in_left = 0
        return left
    }

    /// Tells a client that spoke HTTP without TLS what it did, in the only language it understands.
    private static func answerPlaintext(_ output: inout ByteQueue) {
        output.removeAll()
        output.append(
            "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nContent-Length: 53\r\nConnection: close\r\n\r\nThis port speaks TLS; use an https:// address here.\r\n"
        )
    }

    private func outcome(_ code: Int32) -> Outcome {
        switch code {
        case SSL_ERROR_NONE: .done
        case SSL_ERROR_WANT_READ: .wantsMore
        case SSL_ERROR_ZERO_RETURN: .peerClosed
        case Int32(TLS_ERROR_FLOOD): .failed(.flood)
        default: .failed(.connection(ErrorQueue.take()))
        }
    }
}

// Made once and never freed: every BIO of the process refers to it.
nonisolated(unsafe) private let wireMethod = tls_wire_method()
