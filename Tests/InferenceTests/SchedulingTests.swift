// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Synchronization
import TestSupport
import Testing

@testable import Inference

/// A dense layer, and requests for it.
private struct Layer {
    let layer = DenseLayer()
    let model: Model

    init() throws {
        let folder = try TemporaryDirectory()
        try folder.write(layer, as: "dense/1")
        model = try ModelRepository(directory: folder.path).model(ModelName("dense")!).get()
    }

    func request(_ seed: Int, count: Int = 1) -> PredictRequest {
        let elements = (0..<count * layer.inputs).map { Float(($0 * 31 + seed * 17) % 97) / 16 }
        return PredictRequest(inputs: [Tensor(elements, shape: [count, layer.inputs])])
    }

    func expected(_ request: PredictRequest) -> [Float] {
        let elements = request.inputs[0].floats ?? []
        return (0..<request.count).flatMap { row in
            layer.scores(Array(elements[row * layer.inputs..<(row + 1) * layer.inputs]))
        }
    }
}

/// A pool whose only thread is held, and what its jobs came to.
private final class HeldPool: Sendable {
    let pool: InferencePool
    let layer: Layer
    let ends = Mutex<[(job: Int, batch: Int, reason: ReasonCode)]>([])
    private let gate = DispatchSemaphore(value: 0)
    private let running = DispatchSemaphore(value: 0)
    private let done = DispatchSemaphore(value: 0)

    init(_ limits: QueueLimits = QueueLimits(), time: TimeSource = .system) throws {
        layer = try Layer()
        pool = InferencePool(threads: 1, limits: limits, time: time)
        let (gate, running) = (gate, running)
        _ = try pool.submit(
            InferenceJob(share: .system, model: layer.model, request: layer.request(0)) { _ in
                running.signal()
                gate.wait()
            }
        ).get()
        running.wait()
    }

    func submit(_ number: Int, tenant: UInt32, deadline: Int64 = .max) -> Result<InferencePool.Place, InferenceError> {
        let share = TenantShare(tenant: tenant)
        return pool.submit(
            InferenceJob(share: share, model: layer.model, request: layer.request(number), deadline: deadline) {
                [self] result in
                ends.withLock { ends in
                    switch result {
                    case .success(let answer): ends.append((number, answer.batchSize, .ok))
                    case .failure(let error): ends.append((number, 0, error.refusal.code))
                    }
                }
                done.signal()
            }
        )
    }

    /// Lets the thread go on, and waits for so many ends.
    func release(_ count: Int) {
        gate.signal()
        for _ in 0..<count { done.wait() }
        pool.shutdown()
    }
}

@Suite struct PoolSchedulingTests {
    @Test func `jobs that wait together run together, and a withdrawn one not at all`() throws {
        let held = try HeldPool()
        let places = try (1...20).map { try held.submit($0, tenant: UInt32($0 % 2) + 1).get() }
        #expect(held.pool.withdraw(places[4]))
        #expect(!held.pool.withdraw(places[4]))
        #expect(held.pool.waiting == 19)
        held.release(19)
        let ends = held.ends.withLock { $0 }
        #expect(Set(ends.map(\.job)) == Set(1...20).subtracting([5]))
        #expect(ends.allSatisfy { $0.reason == .ok })
        // All in one, unless this layer of some hundred weights happened to be measured as one that gains nothing.
        #expect(ends.allSatisfy { $0.batch == 19 || $0.batch == 1 })
        #expect(!held.pool.withdraw(places[0]), "it has run")
    }

    @Test func `a batch ends at its limit of time`() throws {
        var limits = QueueLimits()
        limits.batchNanoseconds = 1
        let held = try HeldPool(limits)
        for number in 1...10 { _ = try held.submit(number, tenant: 1).get() }
        held.release(10)
        #expect(held.ends.withLock { $0.map(\.batch) } == Array(repeating: 1, count: 10))
        #expect(held.ends.withLock { $0.map(\.job) } == Array(1...10))
    }

    @Test func `what is too late when its turn comes is not run`() throws {
        let clock = ManualClock(UnixTime(seconds: 1000))
        let held = try HeldPool(time: .manual(clock))
        _ = try held.submit(1, tenant: 1, deadline: 1_001_000_000_000).get()
        _ = try held.submit(2, tenant: 1, deadline: 1_003_000_000_000).get()
        _ = try held.submit(3, tenant: 1).get()
        clock.advance(seconds: 2)
        held.release(3)
        let ends = held.ends.withLock { $0.sorted { $0.job < $1.job } }
        #expect(ends.map(\.reason) == [.deadlineExceeded, .ok, .ok])
    }

    @Test func `each tenant has its own room, and Retry-After is when its share will have drained what waits`() throws {
        var limits = QueueLimits()
        limits.requestsPerTenant = 3
        limits.requests = 7
        let model = try Layer().model
        let time: Int64 = 0
        func job(_ tenant: UInt32, deadline: Int64 = .max) throws -> InferenceJob {
            // A thousand instances, so that it costs something.
            InferenceJob(
                share: TenantShare(tenant: tenant, weight: tenant == 1 ? 1 : 2),
                model: model,
                request: try Layer().request(1),
                deadline: deadline
            ) { _ in }
        }
        var queue = FairQueue<InferenceJob>()
        func add(_ tenant: UInt32, seconds: Double) throws -> InferenceError? {
            let job = try job(tenant)
            if let refusal = queue.refusal(job.share, limits, workers: 2) { return refusal }
            let cost = Int64(seconds * 1e9)
            let work = FairQueue<InferenceJob>.Work(
                lane: ObjectIdentifier(model),
                instances: 1,
                cost: cost,
                added: cost
            )
            _ = queue.append(job, work, of: job.share)
            return nil
        }
        for _ in 0..<3 { #expect(try add(1, seconds: 10) == nil) }
        // Alone: 30 seconds of work for two threads.
        #expect(try add(1, seconds: 10)?.refusal.retryAfter == 15)
        for _ in 0..<3 { #expect(try add(2, seconds: 50) == nil) }
        // A third of two threads for its 30 seconds.
        let full = try #require(try add(1, seconds: 10)?.refusal)
        #expect(full.code == .queueFull && full.retryAfter == 45)
        // Two thirds for its 150, and no longer than all 180.
        #expect(try add(2, seconds: 50)?.refusal.retryAfter == 90)
        // A third tenant finds the last place, a fourth none: it has nothing waiting, so soon.
        #expect(try add(3, seconds: 1) == nil)
        #expect(try add(4, seconds: 1)?.refusal.retryAfter == 1)

        func refusal(_ tenant: UInt32, deadline: Double, cost: Double) throws -> Refusal? {
            queue.refusal(
                try job(tenant).share,
                deadline: Int64(deadline * 1e9),
                now: time,
                cost: Int64(cost * 1e9),
                workers: 2
            )?.refusal
        }
        #expect(try refusal(1, deadline: 5, cost: 10)?.code == .deadlineExceeded)
        #expect(try refusal(1, deadline: -1, cost: 0)?.code == .deadlineExceeded)
        // (30 + 10) s of a fifth of two threads are 100 s; all that waits takes 95.5 s.
        let late = try #require(try refusal(1, deadline: 90, cost: 10))
        #expect(late.code == .deadlineUnattainable && late.retryAfter == 6)
        #expect(try refusal(1, deadline: 96, cost: 10) == nil)
    }
}

@Suite struct LoopSchedulingTests {
    @Test func `a flood on a loop does not keep another tenant's request beyond a turn or two`() throws {
        let layer = try Layer()
        var limits = QueueLimits()
        limits.turnNanoseconds = 1
        let worker = InferenceWorker(limits: limits)
        func wait(_ ticket: UInt64, tenant: UInt32) -> Refusal? {
            worker.wait(
                for: layer.request(Int(ticket)),
                model: layer.model,
                claim: Claim(share: TenantShare(tenant: tenant)),
                ticket: ticket
            )
        }
        for ticket in 0..<1000 { #expect(wait(UInt64(ticket), tenant: 1) == nil) }
        var order: [UInt64] = []
        var kept = 0
        func turn() {
            worker.run(kept: { _ in kept += 1 }) { ticket, result in
                order.append(ticket)
                let floats = (try? result.get())?.outputs[0].floats
                #expect(floats == layer.expected(layer.request(Int(ticket))))
            }
        }
        turn()
        #expect(kept == 1000 && !order.isEmpty && order.count < 100 && worker.hasWaiting)
        #expect(wait(5000, tenant: 2) == nil)
        let before = order.count
        while !order.contains(5000) { turn() }
        // Of some microseconds each, as many as two quanta of 250 µs hold: far from all that wait.
        #expect(order.count - before < 600)
        while worker.hasWaiting { turn() }
        #expect(order.count == 1001 && order.filter { $0 < 1000 } == Array(0..<1000))
    }

    @Test func `who is gone or too late is not run, in the turn itself as behind it`() throws {
        let layer = try Layer()
        let clock = ManualClock(UnixTime(seconds: 1000))
        let worker = InferenceWorker(time: .manual(clock))
        func wait(_ ticket: UInt64, deadline: Int64 = .max) {
            let claim = Claim(share: TenantShare(tenant: 1), deadline: deadline)
            #expect(worker.wait(for: layer.request(1), model: layer.model, claim: claim, ticket: ticket) == nil)
        }
        wait(1)
        wait(2, deadline: 1_001_000_000_000)
        wait(3)
        worker.noteAbandoned()
        clock.advance(seconds: 2)
        var ends: [UInt64: ReasonCode] = [:]
        worker.run(isWanted: { $0 != 3 }) { ticket, result in
            if case .failure(let error) = result { ends[ticket] = error.refusal.code } else { ends[ticket] = .ok }
        }
        #expect(ends == [1: .ok, 2: .deadlineExceeded])
        #expect(!worker.hasWaiting)
    }

    @Test func `what finds no room behind a turn is refused`() throws {
        let layer = try Layer()
        var limits = QueueLimits()
        limits.turnNanoseconds = 1
        limits.requestsPerTenant = 5
        let worker = InferenceWorker(limits: limits)
        for ticket in 0..<8 {
            let claim = Claim(share: TenantShare(tenant: 1))
            _ = worker.wait(for: layer.request(ticket), model: layer.model, claim: claim, ticket: UInt64(ticket))
        }
        var refused: [UInt64] = []
        while worker.hasWaiting {
            worker.run { ticket, result in
                if case .failure(let error) = result, error.refusal.code == .queueFull { refused.append(ticket) }
            }
        }
        #expect(refused == [5, 6, 7])
    }

    @Test func `what batches take in service corrects what warm-up foretold`() {
        let meter = CostMeter(InferenceCost(one: 1000, thirtyTwo: 1000 + 31 * 950))
        #expect(meter.cost.one == 1000 && meter.cost.nanoseconds(instances: 2) == 1950 && !meter.gainsFromBatches)
        for _ in 0..<200 { meter.note(instances: 1, nanoseconds: 3000) }
        for _ in 0..<200 { meter.note(instances: 11, nanoseconds: 5000) }
        #expect(abs(meter.cost.one - 3000) < 32 && abs(meter.cost.nanoseconds(instances: 11) - 5000) < 400)
        #expect(meter.gainsFromBatches)
        meter.note(instances: 1, nanoseconds: .max)
        #expect(meter.cost.one < 3600)
        for _ in 0..<1000 { meter.note(instances: 1, nanoseconds: 0) }
        #expect(meter.cost.one < 32 && meter.cost.one >= 0)
    }
}
