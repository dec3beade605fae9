// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto
import Synchronization

/// The texts of keys that were just issued, for the client that lost the answer and asks again under the same idempotency
/// key.
///
/// In memory for ten minutes and never on disk; each is encrypted under the client's own idempotency key, of which the
/// gateway keeps a hash alone, and a key of this process. After that the text is nowhere.
final class ShownSecrets: Sendable {
    private struct Shown {
        let sealed: [UInt8]
        let endsAt: UnixTime
    }

    static let seconds: Int64 = 600
    /// An admin who issues more in ten minutes finds the oldest forgotten.
    private static let capacity = 10_000

    private let key = HMACSHA256(key: SecureRandom.bytes(32))
    private let shown = Mutex<(byCall: [[UInt8]: Shown], order: [[UInt8]])>(([:], []))

    /// Remembers the text that was shown to that call.
    ///
    /// - Parameter call: the caller and its idempotency key: a text that is nowhere else kept.
    func remember(_ text: String, of call: [UInt8], now: UnixTime) {
        let name = SHA256.hash(call)
        let entry = Shown(sealed: xor(Array(text.utf8), call), endsAt: now + Self.seconds)
        shown.withLock { shown in
            var ended = 0
            for old in shown.order {
                let isOver = shown.byCall[old].map { $0.endsAt <= now } ?? true
                guard isOver || shown.order.count - ended >= Self.capacity else { break }
                shown.byCall[old] = nil
                ended += 1
            }
            shown.order.removeFirst(ended)
            if shown.byCall.updateValue(entry, forKey: name) == nil { shown.order.append(name) }
        }
    }

    /// The text again; nil once it is forgotten.
    func text(of call: [UInt8], now: UnixTime) -> String? {
        let name = SHA256.hash(call)
        guard let entry = shown.withLock({ $0.byCall[name] }), entry.endsAt > now else { return nil }
        return String(decoding: xor(entry.sealed, call), as: UTF8.self)
    }

    /// One text a call, so no part of this stream is ever used twice.
    private func xor(_ text: [UInt8], _ call: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = []
        while stream.count < text.count { stream += key.authenticate([UInt8(stream.count / 32)] + call) }
        return zip(text, stream).map { $0 ^ $1 }
    }
}
