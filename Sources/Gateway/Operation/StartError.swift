// SPDX-License-Identifier: Apache-2.0

/// Why the gateway cannot start.
public struct StartError: Error, CustomStringConvertible, Sendable {
    /// `the tenant listener cannot bind 0.0.0.0:8443: ` and what to do about it.
    public let description: String
}
