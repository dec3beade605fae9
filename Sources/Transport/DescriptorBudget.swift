// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How many descriptors the process may have, and how many of them connections may take.
public struct DescriptorBudget: Sendable {
    /// The process's limit.
    public let limit: Int
    /// Kept for everything that is no connection: the log, the database, models.
    public static let reserve = 256

    /// What is left for connections, at least 1.
    public var connections: Int { max(1, limit - Self.reserve) }

    /// Raises the process's soft limit to its hard one (setrlimit(2)), as far as the system allows.
    public static func raised() -> DescriptorBudget {
        var limits = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limits) == 0 else {
            return DescriptorBudget(limit: 1024)
        }
        var raised = limits
        raised.rlim_cur = limits.rlim_max
        if setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limits = raised }
        return DescriptorBudget(limit: Int(clamping: limits.rlim_cur))
    }
}
