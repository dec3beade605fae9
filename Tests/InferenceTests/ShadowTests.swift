// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Quality
import Synchronization
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!
private let acme = TenantID("acme")!

/// Which requests a shadow runs.
@Suite struct ShadowChoiceTests {
    private func ids(_ count: Int, seed: UInt64) -> [RequestID] {
        var random = SeededGenerator(seed: seed)
        return (0..<count).map { _ in
            RequestID(high: .random(in: .min ... .max, using: &random), low: .random(in: .min ... .max, using: &random))
        }
    }

    @Test func `it has its share of the requests, of its tenants alone, and of both sides of a canary`() {
        let ids = ids(20_000, seed: 3)
        let canary = Canary(version: 2, percent: 50, unit: .request)
        for share in [0, 0.1, 0.5, 0.99, 1] {
            let shadow = Shadow(version: 3, share: share, tenants: [acme])
            let taken = ids.filter { shadow.takes(acme, $0) }
            #expect(abs(Double(taken.count) / 20_000 - share) < 0.015)
            #expect(!ids.contains { shadow.takes(TenantID("other")!, $0) })
            let ofCanary = taken.count { canary.takes(acme, $0, of: dense) }
            #expect(abs(Double(ofCanary) - Double(taken.count) / 2) <= 0.03 * Double(taken.count) + 1)
        }
        #expect(ids.filter { Shadow(version: 1, share: 0.3).takes(acme, $0) }.count > 5000)
    }

    @Test func `what was written is read again, and nothing else`() throws {
        for shadow in [
            Shadow(version: 2, share: 0.125), Shadow(version: 9, share: 1, tenants: [acme], tolerance: 0),
            Shadow(version: 1, share: 0, tenants: []),
        ] {
            #expect(try Shadow(json: JSON.parse(shadow.json.serialized())) == shadow)
            var choice = ServingChoice()
            choice.shadow = shadow
            #expect(try ServingChoice(json: JSON.parse(choice.json.serialized())) == choice)
        }
        for text in [
            "{}", #"{"version": 0, "share": 1}"#, #"{"version": 1}"#, #"{"version": 1, "share": 1.01}"#,
            #"{"version": 1, "share": -0.1}"#, #"{"version": 1, "share": "1"}"#,
            #"{"version": 1, "share": 1, "tenants": "acme"}"#, #"{"version": 1, "share": 1, "tenants": ["No Name"]}"#,
            #"{"version": 1, "share": 1, "tolerance": -1}"#,
        ] {
            #expect(try Shadow(json: JSON.parse(text)) == nil, "\(text)")
        }
    }

    @Test func `it is loaded and kept, ends when it takes the traffic, and is not the one that answers`() throws {
        let folder = try TemporaryDirectory()
        for version in 1...3 { try folder.write(DenseLayer(), as: "dense/\(version)") }
        try folder.write(#"{"versions": [3]}"#, to: "dense/model.json")
        var repository = try ModelRepository(directory: folder.path)
        #expect(repository.shadows.isEmpty)
        #expect(throws: InferenceError.self) { try repository.shadowing(dense, Shadow(version: 3, share: 1)) }
        repository = try repository.shadowing(dense, Shadow(version: 1, share: 0.5)).repository
        #expect(repository.shadows[dense]?.model.version == 1)
        #expect(repository.list().map(\.isShadow) == [true, false, false])
        #expect(throws: InferenceError.self) { try repository.unloading(dense, version: 1) }
        let again = try ModelRepository(directory: folder.path, choices: repository.choices)
        #expect(again.shadows[dense]?.shadow.share == 0.5)
        #expect(
            try repository.model(dense, version: nil, for: acme, request: RequestID(high: 0, low: 0)).get().model
                .version == 3
        )
        #expect(try repository.promoting(dense, to: 2).repository.shadows[dense]?.model.version == 1)
        let promoted = try repository.promoting(dense, to: 1).repository
        #expect(promoted.shadows.isEmpty && promoted.choice(of: dense).shadow == nil)
        let ended = try repository.shadowing(dense, nil).repository
        #expect(ended.shadows.isEmpty && ended.list()[0].phase != .serving)
    }
}

/// How answers are compared.
@Suite struct AnswerComparisonTests {
    private func compare(_ a: [Float], _ b: [Float], _ shape: [Int], isClasses: Bool, _ tolerance: Double = 1e-4)
        -> AnswerComparison
    {
        AnswerComparison(
            [Tensor(a, shape: shape)],
            [Tensor(b, shape: shape)],
            instances: shape[0],
            task: isClasses ? .classification(classes: shape[1]) : nil,
            tolerance: tolerance
        )
    }

    @Test func `classes agree by the largest score, numbers within the tolerance`() {
        let (a, b): ([Float], [Float]) = ([0.1, 0.9, 0.6, 0.4], [0.4, 0.6, 0.3, 0.7])
        let classes = compare(a, b, [2, 2], isClasses: true)
        #expect(classes.agreeing == 1 && !classes.isAgreed && abs(classes.maxDifference - 0.3) < 1e-6)
        #expect(compare(a, b, [2, 2], isClasses: false, 0.31).isAgreed)
        #expect(compare(a, b, [2, 2], isClasses: false).agreeing == 0)
        #expect(compare(a, a, [2, 2], isClasses: false, 0).isAgreed)
    }

    @Test func `what is no number, or has another form, differs without bound`() {
        let nan = compare([.nan, 1], [1, 1], [2, 1], isClasses: false)
        #expect(nan.agreeing == 1 && nan.maxDifference == .infinity)
        #expect(compare([.nan, .infinity], [.nan, .infinity], [2, 1], isClasses: false).maxDifference == 0)
        let form = AnswerComparison(
            [Tensor([1, 2], shape: [2, 1])],
            [Tensor([1, 2], shape: [2])],
            instances: 2,
            task: nil,
            tolerance: 9
        )
        #expect(form.agreeing == 0 && form.maxDifference == .infinity)
        func text(_ words: [String]) -> Tensor {
            var bytes: [UInt8] = []
            for word in words { ByteElements.append(word.utf8, to: &bytes) }
            return Tensor(elementType: .bytes, shape: [words.count], bytes: bytes)
        }
        let texts = AnswerComparison(
            [text(["a", "bb"])],
            [text(["a", "bc"])],
            instances: 2,
            task: nil,
            tolerance: 9
        )
        #expect(texts.agreeing == 1 && texts.maxDifference == .infinity)
    }
}

/// The thread that runs aside.
@Suite struct ShadowRunnerTests {
    private let serving: Model
    private let same: ActiveShadow
    private let other: ActiveShadow
    private let narrow: ActiveShadow

    init() throws {
        let folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        try folder.write(DenseLayer(), as: "dense/2")
        var turned = DenseLayer()
        turned.weights = turned.weights.map { -$0 }
        try folder.write(turned, as: "dense/3")
        try folder.write(DenseLayer(inputs: 5), as: "dense/4")
        let repository = try ModelRepository(directory: folder.path)
        func model(_ version: Int64) throws -> Model { try repository.model(dense, version: version).get() }
        func active(_ version: Int64) throws -> ActiveShadow {
            ActiveShadow(shadow: Shadow(version: version, share: 1), model: try model(version))
        }
        serving = try model(1)
        (same, other, narrow) = (try active(2), try active(3), try active(4))
    }

    private func answer() throws -> BatchAnswer {
        let request = PredictRequest(inputs: [Tensor([1, 2, 3, 4, 4, 3, 2, 1], shape: [2, 4])])
        return BatchAnswer(try InferenceWorker().predict(request, on: serving).get())
    }

    /// A runner, and who waits for what it did.
    private final class Ends: Sendable {
        let all = Mutex<[ShadowOutcome]>([])
        let done = DispatchSemaphore(value: 0)
        let gate = DispatchSemaphore(value: 0)
        let isHeld: Bool

        init(isHeld: Bool = false) { self.isHeld = isHeld }

        func runner(_ active: ActiveShadow) throws -> ShadowRunner {
            let runner = try ShadowRunner { [self] _, outcome, _ in
                all.withLock { $0.append(outcome) }
                if outcome == .dropped { return }
                done.signal()
                if isHeld { gate.wait() }
            }
            runner.follow([dense: active])
            return runner
        }
    }

    @Test func `it counts what agrees, what differs and what fails, each with its figures`() throws {
        for (active, outcome) in [(same, ShadowOutcome.agreed), (other, .differed), (narrow, .failed)] {
            let ends = Ends()
            let runner = try ends.runner(active)
            runner.submit(try answer(), to: active)
            ends.done.wait()
            #expect(ends.all.withLock { $0 } == [outcome])
            let figures = try #require(runner.figures(of: dense))
            #expect(figures.requests == [outcome: 1])
            #expect(figures.instances == (outcome == .failed ? 0 : 2))
            #expect(figures.agreeing == (outcome == .agreed ? 2 : 0))
            #expect((figures.maxDifference > 0) == (outcome == .differed))
            #expect(figures.lastFailure.contains("must have shape [any, 5]") == (outcome == .failed))
            runner.shutdown()
        }
    }

    @Test func `what finds no room is dropped at once and counted, and the rest still runs`() throws {
        let ends = Ends(isHeld: true)
        let runner = try ends.runner(same)
        runner.submit(try answer(), to: same)
        ends.done.wait()
        // One is held, and as many as there is room for wait behind it.
        for _ in 0..<ShadowRunner.capacity + 9 { runner.submit(try answer(), to: same) }
        #expect(runner.figures(of: dense)?.requests[.dropped] == 10)
        for _ in 0..<ShadowRunner.capacity { ends.gate.signal() }
        for _ in 1..<ShadowRunner.capacity { ends.done.wait() }
        #expect(runner.figures(of: dense)?.requests == [.agreed: ShadowRunner.capacity, .dropped: 10])
        runner.shutdown()
    }

    @Test func `another shadow begins with nothing, and what came for the one before counts no more`() throws {
        let ends = Ends()
        let runner = try ends.runner(same)
        runner.submit(try answer(), to: same)
        ends.done.wait()
        runner.follow([dense: same])
        #expect(runner.figures(of: dense)?.requests == [.agreed: 1])
        runner.follow([dense: other])
        #expect(runner.figures(of: dense) == ShadowFigures())
        runner.submit(try answer(), to: same)
        runner.submit(try answer(), to: other)
        ends.done.wait()
        #expect(runner.figures(of: dense)?.requests == [.differed: 1])
        runner.follow([:])
        #expect(runner.figures(of: dense) == nil)
        runner.shutdown()
        // Afterwards nothing is taken, and nobody is held up.
        runner.submit(try answer(), to: other)
    }

    @Test func `what it takes says nothing of what the model costs`() throws {
        let before = other.model.measuredCost
        let ends = Ends()
        let runner = try ends.runner(other)
        for _ in 0..<20 {
            runner.submit(try answer(), to: other)
            ends.done.wait()
        }
        #expect(other.model.measuredCost == before)
        runner.shutdown()
    }
}
