// SPDX-License-Identifier: Apache-2.0

internal import Synchronization
public import TLS

/// The TLS context of connections to come. A new one is put in whole; connections that are there keep theirs.
public final class TLSContextHolder: Sendable {
    private let held: Mutex<TLSContext>

    /// Holds `context` until another is put in.
    public init(_ context: TLSContext) { held = Mutex(context) }

    /// The context in force.
    public var current: TLSContext { held.withLock { $0 } }

    /// Puts another in force for the connections that come next.
    public func swap(_ context: TLSContext) { held.withLock { $0 = context } }
}
