// SPDX-License-Identifier: Apache-2.0

import TLS

/// A server's connection and a client that talks to it through memory.
final class Pair {
    let client: TestClient
    private var server: TLSConnection
    private var output = ByteQueue()
    /// Received bytes that the server has not used yet.
    private var pending: [UInt8] = []

    /// Plaintext that the server received.
    private(set) var bytes: [UInt8] = []
    private(set) var agreement: TLSAgreement?
    private(set) var error: TLSError?
    private(set) var isPeerClosed = false
    /// What the server said before the client said anything.
    private(set) var early: [UInt8] = []

    /// How many bytes the server gets at a time.
    var chunkSize = Int.max
    /// Room for plaintext in one read.
    var readSize = 16 * 1024
    var isEcho = false

    var text: String { String(decoding: bytes, as: UTF8.self) }
    var isEstablished: Bool { server.isEstablished }
    var isOpen: Bool { error == nil && !isPeerClosed }

    init(_ context: TLSContext, _ client: TestClient) {
        self.client = client
        server = TLSConnection(context: context)
    }

    /// A pair that has shaken hands.
    static func connected(_ context: TLSContext, version: Int32) throws -> Pair {
        let pair = Pair(context, try TestClient(version: version))
        pair.shakeHands()
        return pair
    }

    // MARK: - The server

    func deliver(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty, isOpen {
            let part = rest.prefix(chunkSize)
            rest = rest.dropFirst(part.count)
            pending += part
            process()
        }
    }

    /// Lets the server work on what it has until it wants more.
    private func process() {
        while isOpen {
            var consumed = 0
            var count = 0
            let outcome: TLSConnection.Outcome
            if server.isEstablished {
                var room = [UInt8](repeating: 0, count: readSize)
                outcome = pending.withUnsafeBytes { received in
                    room.withUnsafeMutableBytes {
                        server.read(received, consumed: &consumed, into: $0, count: &count, output: &output)
                    }
                }
                bytes += room[..<count]
                if isEcho, count > 0 { write(Array(room[..<count])) }
            } else {
                outcome = pending.withUnsafeBytes { server.handshake($0, consumed: &consumed, output: &output) }
                if server.isEstablished { agreement = server.agreement }
            }
            pending.removeFirst(consumed)
            switch outcome {
            case .done: continue
            case .wantsMore: return
            case .peerClosed: isPeerClosed = true
            case .failed(let error): self.error = error
            }
        }
    }

    func write(_ bytes: [UInt8]) {
        if case .failed(let error) = bytes.withUnsafeBytes({ server.write($0, into: &output) }) { self.error = error }
    }

    func write(_ text: String) {
        write(Array(text.utf8))
    }

    func shutdown() {
        if case .failed(let error) = server.shutdown(into: &output) { self.error = error }
    }

    func releaseBuffers() {
        server.releaseBuffers()
    }

    /// Bytes the server wants sent.
    func takeOutput() -> [UInt8] {
        defer { output.release() }
        return output.withUnsafeReadableBytes { Array($0) }
    }

    // MARK: - Both

    /// Carries bytes from the server to the client.
    @discardableResult
    func collect() -> Int {
        let bytes = takeOutput()
        client.feed(bytes)
        return bytes.count
    }

    /// Carries bytes both ways once.
    func pump() {
        deliver(client.takeOutput())
        collect()
    }

    func shakeHands() {
        for _ in 0..<10 {
            let done = client.handshake()
            pump()
            if done, agreement != nil || error != nil { break }
        }
        // Also takes in the ticket, which TLS 1.3 sends last.
        early = client.read()
    }
}
