// SPDX-License-Identifier: Apache-2.0

internal import COpenSSL

/// The keys that seal session tickets (RFC 5077, RFC 8446 section 4.6.1): AES-256-CBC and HMAC-SHA256.
///
/// Contexts that share one object resume each other's sessions as far as their names and their trust in clients agree
/// (``TLSConfiguration/name``). The newest key seals. It stops when ``rotate(now:)`` makes another, and opens tickets
/// for a day more; a client that comes with such a ticket gets a fresh one. Usable from any thread; its memory is
/// overwritten when it goes away.
public final class TLSTicketKeys: Sendable {
    /// How long a key seals, in seconds.
    public static let rotationInterval: Int64 = 8 * 3600
    /// How long a key still opens tickets after it stopped sealing, in seconds.
    public static let retention: Int64 = 24 * 3600

    // Set once; what it points to has a lock of its own.
    nonisolated(unsafe) let keys: UnsafeMutablePointer<tls_ticket_keys>

    /// One random key, made now.
    public convenience init() {
        self.init(created: Int64(time(nil)))
    }

    /// One random key, made at `created` seconds since 1970.
    init(created: Int64) {
        keys = Self.allocate()
        renew(created)
    }

    /// The keys that ``serialised()`` gave.
    ///
    /// - Throws: ``TLSError/Code/invalidTicketKeys`` when the bytes are of something else or of another version.
    public init(serialised: [UInt8]) throws(TLSError) {
        keys = Self.allocate()
        try merge(serialised: serialised)
    }

    deinit {
        tls_ticket_keys_free(keys)
    }

    private static func allocate() -> UnsafeMutablePointer<tls_ticket_keys> {
        guard let keys = tls_ticket_keys_new() else {
            preconditionFailure("OpenSSL could not allocate ticket keys: out of memory, or without AES-256")
        }
        return keys
    }

    private func renew(_ now: Int64) {
        // Keys that can be guessed would open every session; without randomness OpenSSL can serve nobody either.
        guard tls_ticket_keys_renew(keys, now) == 1 else {
            preconditionFailure("OpenSSL got no randomness from the system for ticket keys")
        }
    }

    /// Makes a key when the newest one has served its time, and forgets those whose tickets have expired.
    ///
    /// - Parameter now: seconds since 1970.
    /// - Returns: whether something changed, and with it ``serialised()``.
    public func rotate(now: Int64) -> Bool {
        var changed = tls_ticket_keys_prune(keys, now, Self.retention) > 0
        if isDue(now: now) {
            renew(now)
            changed = true
            _ = tls_ticket_keys_prune(keys, now, Self.retention)
        }
        return changed
    }

    /// Whether ``rotate(now:)`` would make a key.
    ///
    /// - Parameter now: seconds since 1970.
    public func isDue(now: Int64) -> Bool {
        tls_ticket_keys_newest(keys) <= now - Self.rotationInterval
    }

    // MARK: - As bytes

    /// What the bytes begin with; the last one is the version.
    private static let magic: [UInt8] = Array("TLSTKEY".utf8) + [1]
    private static let keySize = 16 + 32 + 32 + 8

    /// The keys for a file that nobody else may read: whoever has them can decrypt recorded TLS 1.2 sessions and pass
    /// for clients. The caller overwrites the bytes after use.
    ///
    /// Eight bytes of form and version, then for each key, newest first: name (16 bytes), AES key (32), HMAC key (32),
    /// and when it was made in seconds since 1970 (8, big-endian).
    public func serialised() -> [UInt8] {
        Self.withScratch { scratch in
            let count = Int(tls_ticket_keys_copy(keys, scratch.baseAddress))
            var bytes = Self.magic
            // In one piece from the start: growing would leave copies of keys behind in freed memory.
            bytes.reserveCapacity(Self.magic.count + count * Self.keySize)
            for index in 0..<count {
                bytes.append(contentsOf: UnsafeRawBufferPointer(scratch)[(index * Self.stride)...].prefix(80))
                withUnsafeBytes(of: scratch[index].created.bigEndian) { bytes.append(contentsOf: $0) }
            }
            return bytes
        }
    }

    /// Takes in keys that ``serialised()`` gave elsewhere. The newest of all seals from now on, those here before
    /// still open: two processes that exchange their keys so come to seal with the same one.
    ///
    /// - Throws: ``TLSError/Code/invalidTicketKeys``, and nothing has changed.
    public func merge(serialised bytes: [UInt8]) throws(TLSError) {
        let (count, rest) = (bytes.count - Self.magic.count).quotientAndRemainder(dividingBy: Self.keySize)
        guard bytes.starts(with: Self.magic), rest == 0, (1...TLS_TICKET_KEYS_LIMIT).contains(count) else {
            throw TLSError(
                .invalidTicketKeys,
                "these are no ticket keys of this version; make new ones: clients then shake hands in full once"
            )
        }
        Self.withScratch { scratch in
            bytes.withUnsafeBytes { bytes in
                for index in 0..<count {
                    let key = bytes[(Self.magic.count + index * Self.keySize)...].prefix(Self.keySize)
                    let target = UnsafeMutableRawBufferPointer(scratch)[(index * Self.stride)...].prefix(Self.stride)
                    let slot = UnsafeMutableRawBufferPointer(rebasing: target)
                    slot.copyBytes(from: key.prefix(80))
                    let created = key.suffix(8).reduce(Int64(0)) { $0 << 8 | Int64($1) }
                    slot.storeBytes(of: created, toByteOffset: 80, as: Int64.self)
                }
            }
            tls_ticket_keys_add(keys, scratch.baseAddress, UInt32(count))
        }
    }

    private static let stride = MemoryLayout<tls_ticket_key>.stride

    /// Lends room for the most keys there can be, and overwrites it afterwards.
    private static func withScratch<Result>(
        _ body: (UnsafeMutableBufferPointer<tls_ticket_key>) -> Result
    ) -> Result {
        let scratch = UnsafeMutableBufferPointer<tls_ticket_key>.allocate(capacity: TLS_TICKET_KEYS_LIMIT)
        defer {
            OPENSSL_cleanse(scratch.baseAddress, scratch.count * stride)
            scratch.deallocate()
        }
        return body(scratch)
    }
}
