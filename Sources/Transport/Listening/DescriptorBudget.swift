// SPDX-License-Identifier: Apache-2.0

internal import CTransport

/// How many connections fit into the process's limit of open files.
public struct DescriptorBudget: Sendable, Equatable {
    /// RLIMIT_NOFILE as it is in force (getrlimit(2)).
    public let limit: Int
    /// Descriptors kept for everything that is no client's connection: logs, databases, models, event loops.
    public let reserved: Int

    /// A budget within `limit`; `reserved` descriptors are for other uses.
    public init(limit: Int, reserved: Int) {
        self.limit = limit
        self.reserved = reserved
    }

    /// Raises the soft limit to the hard one and makes a budget of it. A limit that cannot be raised stays as it is.
    public static func raised(reserving reserved: Int) -> DescriptorBudget {
        var soft: UInt64 = 0
        _ = transport_raise_descriptor_limit(&soft)
        return DescriptorBudget(limit: Int(clamping: soft), reserved: reserved)
    }

    /// Connections that may be open at once: at least 1, so that a small limit degrades rather than stops.
    public var connections: Int { max(1, limit - reserved) }
}
