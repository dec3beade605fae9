// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Telemetry

/// The series that one kind of request counts in.
final class RequestMeters {
    private let inFlight: Gauge
    private let requestBytes: Counter
    private let responseBytes: Counter
    private let requests: Counter
    private let seconds: Histogram
    private let tenantRequests: Counter?
    private let modelRequests: Counter?

    init(
        inFlight: Gauge,
        requestBytes: Counter,
        responseBytes: Counter,
        requests: Counter,
        seconds: Histogram,
        tenantRequests: Counter?,
        modelRequests: Counter?
    ) {
        self.inFlight = inFlight
        self.requestBytes = requestBytes
        self.responseBytes = responseBytes
        self.requests = requests
        self.seconds = seconds
        self.tenantRequests = tenantRequests
        self.modelRequests = modelRequests
    }

    /// Counts a request that is answered now.
    func count(_ stream: RequestStream, responseBytes bytes: Int, shard: Int) {
        inFlight.add(-1, shard: shard)
        requestBytes.increment(by: UInt64(stream.exchange.requestBytes), shard: shard)
        responseBytes.increment(by: UInt64(bytes), shard: shard)
        requests.increment(shard: shard)
        seconds.observe(
            nanoseconds: stream.loop.services.time.monotonic() - stream.exchange.startedAt,
            shard: shard
        )
        tenantRequests?.increment(shard: shard)
        modelRequests?.increment(shard: shard)
    }
}

@available(*, unavailable)
extension RequestMeters: Sendable {}
