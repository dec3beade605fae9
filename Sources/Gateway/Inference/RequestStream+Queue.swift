// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Inference

/// Where a prediction waits for its inference.
enum Waiting: Equatable {
    case nowhere
    /// For the end of the turn.
    case turn
    /// For a later turn of its loop.
    case backlog
    /// For a thread, or it runs on one.
    case pool(InferencePool.Place)
}

extension RequestStream {
    /// Whose inference it is, and how long it is wanted.
    var claim: Claim { Claim(share: exchange.tenant?.share ?? .system, deadline: exchange.deadline) }

    // MARK: - The client's deadline

    /// Reads `X-Request-Timeout-Ms`: how long the client waits for its answer, in whole milliseconds from the request's
    /// first byte.
    ///
    /// - Returns: why the field cannot be taken.
    func readTimeout(_ field: UnsafeRawBufferPointer) -> Refusal? {
        let milliseconds =
            (1...9).contains(field.count)
            ? field.reduce(Int64?.some(0)) { sum, byte in
                (48...57).contains(byte) ? sum.map { $0 * 10 + Int64(byte - 48) } : nil
            } : nil
        guard let milliseconds, milliseconds > 0 else {
            return Refusal(
                .fieldInvalid,
                "X-Request-Timeout-Ms must be a whole number of milliseconds from 1 to 999999999."
            )
        }
        exchange.deadline = exchange.startedAt + milliseconds * 1_000_000
        return nil
    }

    /// Takes the Open Inference Protocol's parameter `timeout`, where it is sooner than what the head said.
    func readTimeout(microseconds: Int?) {
        guard let microseconds else { return }
        let nanoseconds = Int64(min(microseconds, 1_000_000_000_000_000)) * 1000
        exchange.deadline = min(exchange.deadline, exchange.startedAt + nanoseconds)
        deadlineChanged()
    }

    /// The request has taken as long as its client or the configuration lets it.
    func expire(_ now: Int64) {
        let isClients = exchange.deadline <= now
        let reason = isClients ? ReasonCode.deadlineExceeded : .processingTimeout
        let isRun = !giveUp(reason)
        refuse(
            isClients
                ? Refusal(
                    reason,
                    isRun
                        ? "The answer was not ready by the request's deadline."
                        : "The request's deadline passed while it waited; it was not run."
                ) : Refusal(reason, "The answer was not ready in time.", retryAfter: 5)
        )
    }

    // MARK: - Waiting

    /// The request waits for a thread.
    func waits(_ place: InferencePool.Place) { waits(in: .pool(place)) }

    /// The turn had no time for the request.
    func kept() {
        if isOpen { waits(in: .backlog) }
    }

    private func waits(in queue: Waiting) {
        exchange.waiting = queue
        if let model = exchange.served { loop.meters.pending(model, 1) }
        if exchange.deadline != .max { loop.watch(exchange.deadline) }
    }

    /// The request waits no more.
    ///
    /// - Parameter ran: the nanoseconds of its inference; nil without one.
    func left(ran: Int64?) {
        let waiting = exchange.waiting
        exchange.waiting = .nowhere
        guard waiting != .nowhere, waiting != .turn, let model = exchange.served else { return }
        loop.meters.pending(model, -1)
        let waited = services.time.monotonic() - exchange.queuedAt - (ran ?? 0)
        if ran == nil { exchange.queueNanoseconds = max(0, waited) }
        loop.meters.waited(model, nanoseconds: max(0, waited))
    }

    /// Nobody waits for the answer any more: what did not begin never does.
    ///
    /// - Returns: whether the request waited, and so is not run.
    @discardableResult
    func giveUp(_ reason: ReasonCode) -> Bool {
        guard let model = exchange.served else { return false }
        switch exchange.waiting {
        case .nowhere: return false
        case .turn: loop.worker.noteAbandoned()
        case .backlog: break
        case .pool(let place):
            guard services.inference.withdraw(place) else {
                left(ran: nil)
                return false
            }
        }
        loop.meters.unrun(model, reason)
        left(ran: nil)
        return true
    }

    /// The client is gone, or took its request back. What runs already ends, and its record says so.
    func abandon() {
        guard isOpen, exchange.waiting != .nowhere, giveUp(.clientClosed) else { return }
        cut(Refusal(.clientClosed, "The client went away while its request waited; it was not run."))
    }

    /// The client sends no more. One that has waited longer than the turn in which it sent its request is taken for gone:
    /// few read on when they have closed their side.
    func abandonIfWaiting() {
        if exchange.queuedAt < loop.now { abandon() }
    }
}
