// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Synchronization
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!

/// A loaded dense layer.
private struct Loaded {
    let layer: DenseLayer
    let model: Model
    let worker = InferenceWorker()

    init(_ layer: DenseLayer = DenseLayer()) throws {
        let folder = try TemporaryDirectory()
        try folder.write(layer, as: "dense/1")
        self.layer = layer
        model = try ModelRepository(directory: folder.path).model(dense).get()
    }

    /// `count` instances that no other call makes.
    func request(_ count: Int, seed: Int, form: PredictRequest.Form = .row) -> PredictRequest {
        let elements = (0..<count * layer.inputs).map { Float(($0 * 31 + seed * 17) % 97) / 16 }
        return PredictRequest(inputs: [Tensor(elements, shape: [count, layer.inputs])], form: form)
    }

    func expected(_ request: PredictRequest) -> [Float] {
        let elements = request.inputs[0].floats ?? []
        return (0..<request.count).flatMap { row in
            layer.scores(Array(elements[row * layer.inputs..<(row + 1) * layer.inputs]))
        }
    }

    func body(_ answer: PredictResponse) -> String {
        var bytes: [UInt8] = []
        answer.write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }
}

@Suite struct InferenceWorkerTests {
    @Test(arguments: [-1, 1, 4])
    func `every request of a batch gets its own rows`(batch: Int) throws {
        let loaded = try Loaded(DenseLayer(batch: batch))
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<30 {
            let requests = (0..<Int.random(in: 1...9, using: &generator)).map { _ in
                loaded.request(Int.random(in: 1...20, using: &generator), seed: .random(in: 0...999, using: &generator))
            }
            let answers = loaded.worker.predict(requests, on: loaded.model)
            #expect(answers.count == requests.count)
            for (request, answer) in zip(requests, answers) {
                let answer = try answer.get()
                #expect(answer.outputs[0].shape == [request.count, 3])
                #expect(answer.outputs[0].floats == loaded.expected(request))
                #expect(answer.count == request.count)
                #expect(answer.batchSize >= request.count)
                #expect(answer.nanoseconds > 0)
            }
        }
    }

    @Test func `a request beyond the batch limit is answered whole`() throws {
        let loaded = try Loaded()
        let request = loaded.request(1000, seed: 1)
        #expect(
            try loaded.worker.predict(request, on: loaded.model).get().outputs[0].floats == loaded.expected(request)
        )
    }

    @Test func `requests of one turn share an inference`() throws {
        let loaded = try Loaded()
        let answers = loaded.worker.predict((0..<5).map { loaded.request(2, seed: $0) }, on: loaded.model)
        #expect(try answers.map { try $0.get().batchSize } == [10, 10, 10, 10, 10])
    }

    @Test func `a request of another shape or type fails alone`() throws {
        let loaded = try Loaded()
        let good = loaded.request(2, seed: 1)
        let wrong = PredictRequest(inputs: [Tensor([1, 2, 3], shape: [1, 3])])
        let integers = PredictRequest(
            inputs: [Tensor(elementType: .int32, shape: [1, 4], bytes: Array(repeating: 0, count: 16))])
        let answers = loaded.worker.predict([good, wrong, integers, good], on: loaded.model)
        for index in [0, 3] { #expect(try answers[index].get().outputs[0].floats == loaded.expected(good)) }
        for index in [1, 2] {
            guard case .failure(let error) = answers[index] else {
                Issue.record("answered")
                continue
            }
            #expect(error.code == .inputInvalid)
            #expect(error.refusal.code == .shapeMismatch)
        }
    }

    @Test func `an output that is no finite number is an error of its request alone`() throws {
        let loaded = try Loaded()
        let huge = PredictRequest(inputs: [Tensor([3e38, 3e38, 3e38, -3e38], shape: [1, 4])])
        let good = loaded.request(1, seed: 3)
        var layer = loaded.layer
        layer.weights = layer.weights.map { $0 * 100 }
        let steep = try Loaded(layer)
        let answers = steep.worker.predict([good, huge], on: steep.model)
        #expect(try answers[0].get().outputs[0].floats == steep.expected(good))
        guard case .failure(let error) = answers[1] else {
            Issue.record("answered")
            return
        }
        #expect(error.refusal.code == .inferenceFailed)
        #expect(error.sentence.contains("'scores'"))
    }

    @Test func `the answer takes the form of the request`() throws {
        let loaded = try Loaded()
        let input = Tensor([1, 0, 0, 0, 0, 1, 0, 0], shape: [2, 4])
        let rows = try loaded.worker.predict(PredictRequest(inputs: [input]), on: loaded.model).get()
        #expect(loaded.body(rows) == "{\"predictions\":[[-0.5,0.375,-0.125],[0.75,0.25,-0.25]]}")
        let columns = try loaded.worker.predict(PredictRequest(inputs: [input], form: .column), on: loaded.model).get()
        #expect(loaded.body(columns) == "{\"outputs\":[[-0.5,0.375,-0.125],[0.75,0.25,-0.25]]}")
    }

    @Test func `written floats read back the same`() throws {
        let loaded = try Loaded(DenseLayer(inputs: 1, outputs: 1))
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<200 {
            let request = loaded.request(7, seed: .random(in: 0...9999, using: &generator))
            let answer = try loaded.worker.predict(request, on: loaded.model).get()
            let json = try JSON.parse(loaded.body(answer))
            let read = json["predictions"]?.array?.compactMap { $0.array?[0].number.map { Float($0) } }
            #expect(read == loaded.expected(request))
            // TensorFlow Serving writes 1.0 where JavaScript writes 1.
            #expect(json["predictions"]?.array?.allSatisfy { $0.array?[0].integer == nil } == true)
        }
    }

    @Test func `a worker gives its sessions back for the next`() throws {
        let loaded = try Loaded()
        let request = loaded.request(1, seed: 1)
        _ = try loaded.worker.predict(request, on: loaded.model).get()
        loaded.worker.keep(only: [])
        #expect(
            try InferenceWorker().predict(request, on: loaded.model).get().outputs[0].floats == loaded.expected(request)
        )
        // It can come back to a model it gave up.
        #expect(
            try loaded.worker.predict(request, on: loaded.model).get().outputs[0].floats == loaded.expected(request)
        )
    }

    @Test func `several outputs are written by name`() {
        var writer = TensorWriter(bytes: [])
        let tensor = Tensor([1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2])
        writer.name("a\"b", isFirst: true)
        writer.value(tensor, instance: 1)
        writer.name("c", isFirst: false)
        writer.value(Tensor([1e-7, 2], shape: [2]), instance: 0)
        #expect(String(decoding: writer.bytes, as: UTF8.self) == "\"a\\\"b\":[[5.0,6.0],[7.0,8.0]],\"c\":1e-07")
        var empty = TensorWriter(bytes: [])
        empty.value(Tensor([], shape: [1, 2, 0]), instance: 0)
        #expect(String(decoding: empty.bytes, as: UTF8.self) == "[[],[]]")
    }
}

@Suite struct BatchPlanTests {
    @Test func `batches are cut where it is cheapest`() {
        let plan = BatchPlan(costs: [(1, 5), (2, 6), (4, 7), (8, 10), (16, 19), (32, 34)])
        func cut(_ count: Int) -> [Int] {
            var parts: [Int] = []
            var left = count
            while left > 0 {
                parts.append(plan.size(for: left, limit: 128))
                left -= parts.last!
            }
            return parts
        }
        #expect(cut(1) == [1])
        #expect(cut(3) == [4])
        #expect(cut(9) == [8, 1])
        #expect(cut(17) == [16, 1])
        #expect(cut(31) == [32])
        #expect(cut(70) == [32, 32, 8])
        #expect(plan.nanoseconds(instances: 9) == 15)
        #expect(plan.nanoseconds(instances: 70) == 78)
        #expect(BatchPlan.open.size(for: 200, limit: 128) == 128)
    }

    @Test func `a larger batch costs more, along the measured line`() {
        let cost = InferenceCost(one: 100, thirtyTwo: 410)
        #expect(cost.nanoseconds(instances: 1) == 100)
        #expect(cost.nanoseconds(instances: 2) == 110)
        #expect(cost.nanoseconds(instances: 32) == 410)
        #expect(InferenceCost(one: 100, thirtyTwo: 90).nanoseconds(instances: 1000) == 100)
    }
}

@Suite struct InferencePoolTests {
    private let share = TenantShare(tenant: 1)

    @Test func `queued jobs are answered`() async throws {
        let loaded = try Loaded()
        let pool = InferencePool(threads: 2)
        let (model, share) = (loaded.model, share)
        let requests = (0..<200).map { loaded.request($0 % 5 + 1, seed: $0) }
        let answers = await withTaskGroup(of: (Int, [Float]?).self) { group in
            for (index, request) in requests.enumerated() {
                group.addTask {
                    await withCheckedContinuation { continuation in
                        let job = InferenceJob(share: share, model: model, request: request) { result in
                            continuation.resume(returning: (index, try? result.get().outputs[0].floats))
                        }
                        if case .failure = pool.submit(job) { continuation.resume(returning: (index, nil)) }
                    }
                }
            }
            return await group.reduce(into: [Int: [Float]]()) { $0[$1.0] = $1.1 }
        }
        pool.shutdown()
        for (index, request) in requests.enumerated() { #expect(answers[index] == loaded.expected(request)) }
    }

    @Test func `a full queue refuses with the time to come back, and an ending pool ends what waits`() throws {
        let loaded = try Loaded()
        var limits = QueueLimits()
        limits.requests = 2
        let pool = InferencePool(threads: 1, limits: limits)
        let outcomes = Mutex<[ReasonCode]>([])
        let gate = DispatchSemaphore(value: 0)
        let running = DispatchSemaphore(value: 0)
        let request = loaded.request(1, seed: 1)
        func job(_ completion: @escaping @Sendable (Result<PredictResponse, InferenceError>) -> Void) -> InferenceJob {
            InferenceJob(share: share, model: loaded.model, request: request, completion: completion)
        }
        let record: @Sendable (Result<PredictResponse, InferenceError>) -> Void = { result in
            let code: ReasonCode = if case .failure(let error) = result { error.refusal.code } else { .ok }
            outcomes.withLock { $0.append(code) }
        }
        // The only thread is held in the first job's completion.
        _ = try pool.submit(
            job {
                record($0)
                running.signal()
                gate.wait()
            }
        ).get()
        running.wait()
        for _ in 0..<2 { _ = try pool.submit(job(record)).get() }
        #expect(pool.waiting == 2)
        let full = try #require(refusal(of: pool.submit(job(record))))
        #expect(full.code == .queueFull)
        #expect(full.retryAfter == 1)
        let ending = Thread { pool.shutdown() }
        ending.start()
        while pool.waiting > 0 { sched_yield() }
        gate.signal()
        pool.shutdown()
        #expect(refusal(of: pool.submit(job(record)))?.code == .draining)
        #expect(outcomes.withLock { $0 } == [.ok, .draining, .draining])
    }
    private func refusal(of result: Result<InferencePool.Place, InferenceError>) -> Refusal? {
        if case .failure(let error) = result { error.refusal } else { nil }
    }
}
