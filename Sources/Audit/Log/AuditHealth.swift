// SPDX-License-Identifier: Apache-2.0

/// Whether the log takes records.
public enum AuditHealth: Hashable, Sendable {
    case writing
    /// It does not, for that reason; it tries again by itself unless it was closed.
    case failed(String)
}
