// SPDX-License-Identifier: Apache-2.0

/// A steady rate and the burst on top of it.
public struct RequestRate: Hashable, Sendable {
    /// Requests in each window of `seconds`.
    public var requests: Int64
    /// Length of the window.
    public var seconds: Int64
    /// Requests that may come at once when nothing was asked for a while; at least 1.
    public var burst: Int64

    /// A rate of `requests` in each window of `seconds`, with bursts of `burst`.
    public init(requests: Int64, seconds: Int64, burst: Int64) {
        self.requests = requests
        self.seconds = seconds
        self.burst = burst
    }
}
