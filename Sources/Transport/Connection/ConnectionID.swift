// SPDX-License-Identifier: Apache-2.0

/// The name of a connection on its event loop. It may be kept, and sent to other threads, beyond the connection's end;
/// it never names another connection before two thousand million came and went in its place.
public struct ConnectionID: Sendable, Hashable {
    /// Both parts in one number, below 2^63.
    public let raw: UInt64

    init(raw: UInt64) { self.raw = raw }

    init(slot: UInt32, generation: UInt32) { raw = UInt64(generation & 0x7fff_ffff) << 32 | UInt64(slot) }

    var slot: UInt32 { UInt32(truncatingIfNeeded: raw) }
    var generation: UInt32 { UInt32(truncatingIfNeeded: raw >> 32) }
}
