// SPDX-License-Identifier: Apache-2.0

/// What an event of epoll is about, in the 64 bits that the kernel keeps for us.
enum EventToken {
    case signal
    case acceptor(Int)
    case connection(ConnectionID)

    // Generations of connections have 31 bits, so that the highest bit is free for the others.
    private static let mark: UInt64 = 1 << 63

    var raw: UInt64 {
        switch self {
        case .signal: Self.mark
        case .acceptor(let index): Self.mark | UInt64(index + 1)
        case .connection(let id): id.raw
        }
    }

    init(raw: UInt64) {
        if raw & Self.mark == 0 {
            self = .connection(ConnectionID(raw: raw))
        } else {
            self = raw == Self.mark ? .signal : .acceptor(Int(raw & ~Self.mark) - 1)
        }
    }
}
