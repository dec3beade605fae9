// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL
internal import NIOCore

/// One TLS connection, server side: the owner of an `SSL *` and of the wire under it.
///
/// It does no I/O. Received bytes go in, plaintext comes out; plaintext goes in, records come out. Whatever OpenSSL
/// wants to send on its own account (handshake flights, alerts, tickets) is collected by ``takeOutput(into:)``.
struct TLSConnection: ~Copyable {
    /// What an operation came to.
    enum Outcome {
        case done
        /// All received bytes are used up; more are needed.
        case wantsMore
        /// The peer sent close_notify.
        case peerClosed
        case failed(ErrorQueue.Entry?)
    }

    private let ssl: OpaquePointer
    // Belongs to the BIO, which belongs to `ssl`.
    private let wire: UnsafeMutablePointer<nioossl_wire>
    // Holds what callbacks of the SSL_CTX point to.
    private let context: TLSContext

    init(context: TLSContext) {
        // Both fail only when memory has run out, where Swift ends the process as well.
        guard let ssl = context.makeSSL(), let bio = BIO_new(wireMethod), let wire = nioossl_wire_of(bio) else {
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

    /// Goes on with the handshake; moves the reader index of `received` over the bytes that were used.
    mutating func handshake(with received: inout ByteBuffer) -> Outcome {
        let (code, left) = received.withUnsafeReadableBytes { bytes in
            lend(bytes)
            let code = nioossl_handshake(ssl)
            return (code, takeBack())
        }
        received.moveReaderIndex(to: received.writerIndex - left)
        return outcome(code)
    }

    /// Decrypts all of `received` onto the end of `plaintext`; ends in any outcome but `done`.
    mutating func read(_ received: ByteBuffer, into plaintext: inout ByteBuffer) -> Outcome {
        let code = received.withUnsafeReadableBytes { bytes in
            lend(bytes)
            defer { _ = takeBack() }
            // A record never grows by decryption, so one pass nearly always does; the rest is what OpenSSL held back.
            var room = max(bytes.count, 1024)
            while true {
                var code = SSL_ERROR_NONE
                plaintext.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
                    var length = 0
                    code = nioossl_read(
                        ssl,
                        wire,
                        target.baseAddress!.assumingMemoryBound(to: UInt8.self),
                        target.count,
                        &length
                    )
                    return length
                }
                guard code == SSL_ERROR_NONE else { return code }
                room = 16 * 1024
            }
        }
        return outcome(code)
    }

    // MARK: Outbound

    /// Room that `length` bytes take as records: header, nonce and tag for each 16 KiB.
    static func sealedSize(_ length: Int) -> Int {
        length + 64 * (length / recordSize + 1)
    }

    /// The largest plaintext of one record (RFC 8446 section 5.1).
    static let recordSize = 16 * 1024

    /// Encrypts `bytes`, at least one, onto the end of `ciphertext`.
    mutating func write(_ bytes: UnsafeRawBufferPointer, into ciphertext: inout ByteBuffer) -> Outcome {
        var code = SSL_ERROR_NONE
        ciphertext.writeWithUnsafeMutableBytes(minimumWritableBytes: Self.sealedSize(bytes.count)) { room in
            wire.pointee.out = room.baseAddress?.assumingMemoryBound(to: UInt8.self)
            wire.pointee.out_capacity = room.count
            code = nioossl_write(ssl, bytes.baseAddress, bytes.count)
            defer {
                wire.pointee.out = nil
                wire.pointee.out_capacity = 0
                wire.pointee.out_length = 0
            }
            return wire.pointee.out_length
        }
        takeOutput(into: &ciphertext)
        return outcome(code)
    }

    /// Makes a close_notify alert; only after the handshake.
    mutating func shutdown() -> Outcome {
        outcome(nioossl_shutdown(ssl))
    }

    /// Whether ``takeOutput(into:)`` has something to give.
    var hasOutput: Bool { wire.pointee.spill_length > 0 }

    /// Moves what OpenSSL wants sent onto the end of `ciphertext`.
    mutating func takeOutput(into ciphertext: inout ByteBuffer) {
        guard hasOutput else { return }
        ciphertext.writeBytes(UnsafeRawBufferPointer(start: wire.pointee.spill, count: wire.pointee.spill_length))
        nioossl_wire_free_spill(wire)
    }

    // MARK: Facts

    /// What the handshake agreed on; meaningful once it is done.
    var agreement: TLSHandshakeCompleted {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return TLSHandshakeCompleted(
            version: String(cString: SSL_get_version(ssl)),
            cipherSuite: SSL_CIPHER_standard_name(SSL_get_current_cipher(ssl)).map { String(cString: $0) } ?? "",
            applicationProtocol: name.map {
                String(decoding: UnsafeBufferPointer(start: $0, count: Int(length)), as: UTF8.self)
            },
            serverName: SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name).map { String(cString: $0) },
            resumed: SSL_session_reused(ssl) == 1
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

    private func outcome(_ code: Int32) -> Outcome {
        switch code {
        case SSL_ERROR_NONE: .done
        case SSL_ERROR_WANT_READ: .wantsMore
        case SSL_ERROR_ZERO_RETURN: .peerClosed
        default: .failed(ErrorQueue.take())
        }
    }
}

// Made once and never freed: every BIO of the process refers to it.
nonisolated(unsafe) private let wireMethod = nioossl_wire_method()
