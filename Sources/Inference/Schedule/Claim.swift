// SPDX-License-Identifier: Apache-2.0

/// Whose a request is that waits in an ``InferenceWorker``, and how long it is wanted.
public struct Claim: Hashable, Sendable {
    /// Who pays, and shares the loop with the others.
    public var share: TenantShare
    /// When nobody waits for it any more, in nanoseconds of the worker's monotonic clock; `.max` for never.
    public var deadline: Int64

    /// A claim; by default the gateway's own, for ever.
    public init(share: TenantShare = .system, deadline: Int64 = .max) {
        self.share = share
        self.deadline = deadline
    }
}
