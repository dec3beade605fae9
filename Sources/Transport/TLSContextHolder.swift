// SPDX-License-Identifier: Apache-2.0

import Synchronization
public import TLS

/// The TLS context of the connections that come next; those that are there keep theirs.
public final class TLSContextHolder: Sendable {
    private let held: Mutex<TLSContext>

    /// A holder that begins with `context`.
    public init(_ context: TLSContext) {
        held = Mutex(context)
    }

    /// The context in force.
    public var current: TLSContext { held.withLock { $0 } }

    /// Puts another in force.
    public func swap(_ context: TLSContext) {
        held.withLock { $0 = context }
    }
}
