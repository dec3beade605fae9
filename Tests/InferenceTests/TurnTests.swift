// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

/// A worker, a model on it and what it answered.
private final class Turn {
    let layer: DenseLayer
    let model: Model
    let worker = InferenceWorker()
    private(set) var answers: [(ticket: UInt64, body: String)] = []
    private(set) var batches: [Int] = []

    init(_ layer: DenseLayer = DenseLayer()) throws {
        let folder = try TemporaryDirectory()
        try folder.write(layer, as: "dense/1")
        self.layer = layer
        model = try ModelRepository(directory: folder.path).model(ModelName("dense")!).get()
    }

    @discardableResult
    func parse(_ body: String, ticket: UInt64, maxInstances: Int = 1024) throws(Refusal) -> PendingRequest {
        try body.utf8.withContiguousStorageIfAvailable { bytes in
            worker.parse(
                body: UnsafeRawBufferPointer(bytes),
                model: model,
                ticket: ticket,
                maxInstances: maxInstances
            )
        }!.get()
    }

    func run(_ then: (UInt64) -> Void = { _ in }) {
        worker.run { ticket, result in
            switch result {
            case .failure(let error): answers.append((ticket, error.sentence))
            case .success(let answer):
                var bytes: [UInt8] = []
                answer.write(into: &bytes)
                answers.append((ticket, String(decoding: bytes, as: UTF8.self)))
                if answer.isFirst { batches.append(answer.batchSize) }
            }
            then(ticket)
        }
    }

    /// A body of instances that only this seed makes, and what must be answered.
    func sample(_ count: Int, seed: Int) -> (body: String, answer: String) {
        let rows = (0..<count).map { row in
            (0..<layer.inputs).map { Float(($0 * 31 + row * 7 + seed * 17) % 97) / 16 }
        }
        func text(_ rows: [[Float]]) -> String {
            rows.map { "[\($0.map(\.description).joined(separator: ","))]" }.joined(separator: ",")
        }
        switch seed % 3 {
        case 0: return ("{\"instances\":[\(text(rows))]}", "{\"predictions\":[\(text(rows.map(layer.scores)))]}")
        case 1: return ("{\"inputs\":{\"pixels\":[\(text(rows))]}}", "{\"outputs\":[\(text(rows.map(layer.scores)))]}")
        default:
            let named = rows.map { "{\"pixels\":\(text([$0]))}" }.joined(separator: ",")
            return ("{\"instances\":[\(named)]}", "{\"predictions\":[\(text(rows.map(layer.scores)))]}")
        }
    }
}

@Suite struct TurnTests {
    @Test(arguments: [-1, 1, 4])
    func `every request of a turn gets its own rows, in order`(batch: Int) throws {
        let turn = try Turn(DenseLayer(batch: batch))
        #expect(turn.model.rowLayout != nil)
        var generator = SeededGenerator(seed: 9)
        var expected: [(UInt64, String)] = []
        for round in 0..<40 {
            for _ in 0..<Int.random(in: 0...9, using: &generator) {
                let count =
                    round % 9 == 0
                    ? Int.random(in: 100...300, using: &generator) : Int.random(in: 1...20, using: &generator)
                let sample = turn.sample(count, seed: .random(in: 0...999, using: &generator))
                let ticket = UInt64(expected.count)
                let pending = try turn.parse(sample.body, ticket: ticket)
                #expect(pending.count == count)
                expected.append((ticket, sample.answer))
                // A refused body in between leaves nothing behind.
                #expect(throws: Refusal.self) { try turn.parse(String(sample.body.dropLast(4)), ticket: 0) }
            }
            turn.run()
        }
        #expect(turn.answers.map(\.ticket) == expected.map(\.0))
        for (answer, expected) in zip(turn.answers, expected) {
            let isRight = answer.body == expected.1
            #expect(isRight, "ticket \(answer.ticket)")
        }
        #expect(!turn.worker.hasWaiting)
    }

    @Test func `requests of one turn share an inference up to the batch limit`() throws {
        let turn = try Turn()
        for count in [1, 2, 100, 25, 1, 300, 5] { try turn.parse(turn.sample(count, seed: 1).body, ticket: 0) }
        turn.run()
        #expect(turn.batches == [128, 1, 300, 5])
        turn.run()
        #expect(turn.batches.count == 4)
    }

    @Test func `an output that is no finite number is an error of its request alone`() throws {
        var layer = DenseLayer()
        layer.weights = layer.weights.map { $0 * 100 }
        let turn = try Turn(layer)
        let good = turn.sample(1, seed: 3)
        try turn.parse(good.body, ticket: 1)
        try turn.parse("{\"instances\":[[3e38,3e38,3e38,-3e38]]}", ticket: 2)
        try turn.parse(good.body, ticket: 3)
        turn.run()
        #expect(turn.answers.map(\.ticket) == [1, 2, 3])
        #expect(turn.answers[0].body == good.answer)
        #expect(turn.answers[1].body.contains("'scores' is not a finite number"))
        #expect(turn.answers[2].body == good.answer)
    }

    @Test func `requests that come while answers are given run in the same call`() throws {
        let turn = try Turn()
        let samples = (0..<5).map { turn.sample(40 * ($0 + 1), seed: $0) }
        try turn.parse(samples[0].body, ticket: 0)
        try turn.parse(samples[1].body, ticket: 1)
        var next = 2
        turn.run { _ in
            turn.run()
            if next < 5 {
                #expect(throws: Never.self) { try turn.parse(samples[next].body, ticket: UInt64(next)) }
                next += 1
            }
        }
        #expect(turn.answers.map(\.ticket) == [0, 1, 2, 3, 4])
        #expect(turn.answers.map(\.body) == samples.map(\.answer))
    }

    @Test func `a request can be taken back to run elsewhere`() throws {
        let turn = try Turn()
        let samples = (0..<3).map { turn.sample($0 + 1, seed: $0) }
        for (ticket, sample) in samples.enumerated() { try turn.parse(sample.body, ticket: UInt64(ticket)) }
        #expect(throws: Refusal.self) { try turn.parse("{\"instances\":[[1,2,3,4],[5]]}", ticket: 7) }
        for sample in samples.dropFirst().reversed() {
            let request = try #require(turn.worker.withdraw(from: turn.model))
            var bytes: [UInt8] = []
            try InferenceWorker().predict(request, on: turn.model).get().write(into: &bytes)
            #expect(String(decoding: bytes, as: UTF8.self) == sample.answer)
        }
        turn.run { _ in #expect(turn.worker.withdraw(from: turn.model) == nil) }
        #expect(turn.answers.map(\.body) == [samples[0].answer])
        #expect(turn.worker.withdraw(from: turn.model) == nil)
    }

    @Test func `what waits for a replaced model is still answered`() throws {
        let turn = try Turn()
        let sample = turn.sample(2, seed: 1)
        try turn.parse(sample.body, ticket: 1)
        turn.run()
        try turn.parse(sample.body, ticket: 2)
        turn.worker.keep(only: [])
        turn.run()
        #expect(turn.answers.map(\.body) == [sample.answer, sample.answer])
        #expect(turn.worker.batches.isEmpty)
        try turn.parse(sample.body, ticket: 3)
        turn.run()
        #expect(turn.answers.last?.body == sample.answer)
    }

    @Test func `the limit of instances holds for each request`() throws {
        let turn = try Turn()
        try turn.parse(turn.sample(4, seed: 1).body, ticket: 1, maxInstances: 4)
        try turn.parse(turn.sample(4, seed: 2).body, ticket: 2, maxInstances: 4)
        let error = #expect(throws: Refusal.self) {
            try turn.parse(turn.sample(5, seed: 0).body, ticket: 3, maxInstances: 4)
        }
        #expect(error?.code == .tooManyInstances)
        let shape = #expect(throws: Refusal.self) { try turn.parse("{\"instances\":[[1,2,3,4],[5]]}", ticket: 7) }
        #expect(shape?.sentence.contains("in instance 1") == true)
    }
}
