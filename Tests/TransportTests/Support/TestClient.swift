// SPDX-License-Identifier: Apache-2.0

import COpenSSL
import Glibc

/// A TLS client of OpenSSL on a socket that never blocks, independent of the code under test.
final class TestClient {
    let descriptor: Int32
    private let context: OpaquePointer?
    private let ssl: OpaquePointer?
    // Memory, not the socket: OpenSSL would write to it without MSG_NOSIGNAL.
    private let fromServer = BIO_new(BIO_s_mem())
    private let toServer = BIO_new(BIO_s_mem())
    private var unsent: [UInt8] = []
    private var isOpen = true

    /// A client on a connected socket, which it owns.
    init(descriptor: Int32) {
        self.descriptor = descriptor
        context = SSL_CTX_new(TLS_client_method())
        ssl = SSL_new(context)
        SSL_set_bio(ssl, fromServer, toServer)
        SSL_set_connect_state(ssl)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
        if isOpen { close(descriptor) }
    }

    /// True once the handshake is done on this side.
    func handshake() -> Bool {
        take()
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        give()
        return result == 1
    }

    /// Writes all of it, or nothing while the socket has no room.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Int {
        guard give(), !bytes.isEmpty else { return 0 }
        var written = 0
        ERR_clear_error()
        guard SSL_write_ex(ssl, bytes, bytes.count, &written) == 1 else { return 0 }
        give()
        return written
    }

    @discardableResult
    func write(_ text: String) -> Int { write(Array(text.utf8)) }

    /// All that has come and can be read, decrypted.
    func read(atMost limit: Int = .max) -> [UInt8] {
        give()
        var all: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 16384)
        var got = 0
        repeat {
            ERR_clear_error()
            while all.count < limit, SSL_read_ex(ssl, &chunk, min(chunk.count, limit - all.count), &got) == 1 {
                all += chunk[..<got]
            }
        } while all.count < limit && take()
        give()
        return all
    }

    func readText() -> String { String(decoding: read(), as: UTF8.self) }

    /// Whether the server said that it is done.
    var receivedCloseNotify: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

    func sendCloseNotify() {
        ERR_clear_error()
        SSL_shutdown(ssl)
        give()
    }

    /// Moves records from the socket to OpenSSL; false when there were none.
    @discardableResult
    private func take() -> Bool {
        var chunk = [UInt8](repeating: 0, count: 65536)
        let count = recv(descriptor, &chunk, chunk.count, dontWait)
        guard count > 0 else { return false }
        BIO_write(fromServer, chunk, Int32(count))
        return true
    }

    /// Moves records from OpenSSL to the socket; false when it has no room for all.
    @discardableResult
    private func give() -> Bool {
        let pending = BIO_ctrl_pending(toServer)
        if pending > 0 {
            var chunk = [UInt8](repeating: 0, count: pending)
            BIO_read(toServer, &chunk, Int32(pending))
            unsent += chunk
        }
        guard !unsent.isEmpty else { return true }
        let count = send(descriptor, unsent, unsent.count, noSignal | dontWait)
        if count > 0 { unsent.removeFirst(count) }
        return unsent.isEmpty
    }

    /// Waits until something comes; for a loop with a thread of its own.
    func wait() {
        var watched = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        poll(&watched, 1, 5000)
    }

    // MARK: The socket below

    func writePlain(_ text: String) { _ = send(descriptor, text, text.utf8.count, noSignal) }

    /// What came without TLS: nil when the connection was reset, empty when nothing came or it ended.
    func readPlain() -> String? {
        var chunk = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &chunk, chunk.count, dontWait)
        if count < 0, errno == ECONNRESET { return nil }
        return String(decoding: chunk[..<max(0, count)], as: UTF8.self)
    }

    /// How the server's direction of the socket stands, read past all data.
    enum End { case open, finished, reset }

    var end: End {
        var chunk = [UInt8](repeating: 0, count: 65536)
        while true {
            let count = recv(descriptor, &chunk, chunk.count, dontWait)
            if count == 0 { return .finished }
            if count < 0 { return errno == EAGAIN ? .open : .reset }
        }
    }

    /// Ends this side of the socket without a word of TLS.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    func hangUp() {
        close(descriptor)
        isOpen = false
    }

    /// Closes with a reset.
    func reset() {
        var now = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &now, socklen_t(MemoryLayout<linger>.size))
        hangUp()
    }
}

// Enumerations with a macro of the same name each, which Swift takes for a number here and for a type there.
private let noSignal: Int32 = 0x4000
private let dontWait: Int32 = 0x40
