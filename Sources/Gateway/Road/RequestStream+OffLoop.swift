// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// Work that may block, behind the road.
extension RequestStream {
    /// Runs work that may block on a thread of the pool, then goes on with its result on the loop if the exchange is
    /// still there.
    func offLoop<Value: Sendable>(
        on pool: WorkerPool,
        _ work: @escaping @Sendable (Services) -> Value,
        then: @escaping @Sendable (RequestStream, Value) -> Void
    ) {
        let ticket = ticket
        let handle = loop.handle
        let services = services
        let isTaken = pool.submit {
            let value = work(services)
            handle.execute { loop in
                guard let stream = loop.stream(ticket) else { return }
                then(stream, value)
            }
        }
        if !isTaken { refuseQueue() }
    }

    func refuseQueue() {
        guard isOpen else { return }
        refuse(Refusal(.queueFull, "Too much waits for this already; retry in a second.", retryAfter: 1))
    }
}
