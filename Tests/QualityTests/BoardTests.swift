// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Quality

@Suite struct BoardTests {
    private let model = ModelName("digits")!
    private let start = UnixTime(seconds: 1_800_000_000)

    private func key(_ tenant: String, _ version: Int64 = 1) -> QualityKey {
        QualityKey(tenant: TenantID(tenant)!, model: model, version: version)
    }

    private func labelled(_ right: Int, _ wrong: Int) -> [LabelledPrediction] {
        (0..<right + wrong).map { LabelledPrediction(category: 1, output: 0.9, label: $0 < right ? 1 : 2) }
    }

    private func counts(_ board: QualityBoard, _ now: UnixTime) -> [String: [Int]] {
        var found: [String: [Int]] = [:]
        for (key, figures) in board.report(model: model, now: now) {
            found[key.tenant?.description ?? "all"] = figures.map(\.labels.count)
        }
        return found
    }

    @Test func `labels count by tenant and window, and all together`() {
        let board = QualityBoard()
        board.add(labelled(3, 1), to: key("acme"), at: start)
        #expect(counts(board, start) == ["acme": [4, 4, 4], "all": [4, 4, 4]])
        board.add(labelled(2, 0), to: key("other"), at: start + 600)
        #expect(counts(board, start + 600) == ["acme": [0, 4, 4], "other": [2, 2, 2], "all": [2, 6, 6]])
        #expect(counts(board, start + 5000)["all"] == [0, 0, 6])
        #expect(counts(board, start + 90_000)["all"] == [0, 0, 0])
        #expect(board.accuracies(over: .hour, now: start + 600).map(\.ratio) == [0.75, 1])
        board.forget(now: start + 90_000) { _, _ in true }
        #expect(counts(board, start).isEmpty)
    }

    @Test func `a report is of everyone, of all together, or of one tenant`() {
        let board = QualityBoard()
        for tenant in ["acme", "other"] { board.add(labelled(1, 1), to: key(tenant), at: start) }
        func tenants(_ selection: QualityBoard.Selection) -> [String?] {
            board.report(model: model, of: selection, now: start).map { $0.key.tenant?.description }
        }
        #expect(tenants(.everyone) == [nil, "acme", "other"] && tenants(.together) == [nil])
        #expect(tenants(.tenant(TenantID("other")!)) == ["other"] && tenants(.tenant(TenantID("none")!)).isEmpty)
    }

    @Test func `one failure does not roll a canary back where some are allowed, a run of them does`() throws {
        let rule = try rule("{\"rollback_errors\":0.05}")
        func verdict(_ failures: Int, _ requests: Int) -> CanaryVerdict {
            rule.judge(CanaryFigures(canary: .init(errors: Proportion(successes: failures, trials: requests))))
        }
        for (failures, requests) in [(1, 1), (1, 3), (6, 100), (0, 0)] {
            guard case .wait = verdict(failures, requests) else { throw CancellationError() }
        }
        for (failures, requests) in [(2, 2), (20, 100)] {
            guard case .rollBack(let reason) = verdict(failures, requests) else { throw CancellationError() }
            #expect(reason.contains("\(failures) of \(requests) requests failed"))
        }
    }

    @Test func `an output that is no number leaves the mean of the others`() {
        var tally = PredictionTally()
        let outputs: [Double] = [1, .nan, 3, .infinity]
        let samples = outputs.map { PredictionSample(category: nil, output: $0, input: nil) }
        tally.add(SketchDelta(instances: 4, requests: 4, failures: 0, samples: samples), reference: nil)
        #expect(tally.outputSum == 4 && tally.sampled == 2 && tally.instances == 4)
    }

    /// Against sums over a plain list.
    @Test func `a ring holds what a list of the last minutes and hours holds`() {
        struct Count: Tally, Equatable {
            var value = 0
            mutating func merge(_ other: Count) { value += other.value }
        }
        var generator = SeededGenerator(seed: 4)
        var ring = WindowRing<Count>()
        var list: [(seconds: Int64, value: Int)] = []
        var now: Int64 = 1_800_000_000
        for _ in 0..<3000 {
            now += Int64.random(in: 0...200, using: &generator)
            let value = Int.random(in: 1...9, using: &generator)
            ring.update(seconds: now) { $0.value += value }
            list.append((now, value))
            let asked = now + Int64.random(in: 0...100, using: &generator)
            func sum(_ unit: Int64, _ length: Int64) -> Int {
                list.reduce(0) { $0 + ($1.seconds / unit > asked / unit - length ? $1.value : 0) }
            }
            #expect(ring.sum(.fiveMinutes, seconds: asked).value == sum(60, 5))
            #expect(ring.sum(.hour, seconds: asked).value == sum(60, 60))
            #expect(ring.sum(.day, seconds: asked).value == sum(3600, 24))
        }
    }

    private func delta(_ count: Int, category: Int, failures: Int = 0) -> SketchDelta {
        SketchDelta(
            instances: count,
            requests: count,
            failures: failures,
            samples: (0..<count).map {
                PredictionSample(category: category == 10 ? $0 % 10 : category, output: 0.9, input: nil)
            }
        )
    }

    @Test func `the first instances are the reference, a file's takes its place`() throws {
        let board = QualityBoard()
        board.add(delta(ReferenceProfile.sampleSize, category: 10), to: key("acme"), at: start)
        #expect(board.references(of: model).map(\.isOfFile) == [false])
        #expect(board.report(now: start)[0].figures[0].drift == nil)
        board.add(delta(200, category: 3), to: key("acme"), at: start)
        let drift = try #require(board.report(now: start)[0].figures[0].drift)
        // The first ones are in the window, too, but were not compared.
        #expect(try #require(drift.largest) > 0.25)
        let other = try #require(ReferenceProfile(delta(200, category: 3).samples))
        board.setReference(other, model: model, version: 1)
        #expect(board.references(of: model).map(\.isOfFile) == [true])
        board.add(delta(200, category: 3), to: key("acme"), at: start)
        #expect(board.report(now: start)[0].figures[0].drift?.largest ?? 1 < 0.01)
    }

    @Test func `what a version that has gone is compared with goes with its last series, its samples at once`() {
        let board = QualityBoard()
        board.add(delta(ReferenceProfile.sampleSize, category: 10), to: key("acme", 1), at: start)
        for version in [2, 3] {
            board.add(delta(ReferenceProfile.sampleSize - 1, category: 10), to: key("acme", Int64(version)), at: start)
        }
        board.forgetSamples { _, version in version == 3 }
        board.add(delta(1, category: 1), to: key("acme", 2), at: start)
        #expect(board.references(of: model).map(\.version) == [1])
        board.add(delta(1, category: 1), to: key("acme", 3), at: start)
        #expect(board.references(of: model).map(\.version).sorted() == [1, 3])
        board.forget(now: start + 3600) { _, _ in false }
        #expect(board.references(of: model).count == 2)
        board.forget(now: start + 90_000) { _, version in version == 3 }
        #expect(board.references(of: model).map(\.version) == [3])
    }

    private func rule(_ text: String) throws -> CanaryRule { try #require(CanaryRule(json: try JSON.parse(text))) }

    @Test func `a trial counts from its beginning, of its two versions alone`() throws {
        let board = QualityBoard()
        board.add(labelled(0, 50), to: key("acme", 2), at: start)
        let rule = try rule("{\"promote_accuracy\":0.9,\"min_labels\":10,\"rollback_errors\":0.1}")
        board.watch(model, canary: 2, stable: 1, rule: rule)
        board.add(labelled(9, 0), to: key("acme", 2), at: start)
        board.add(labelled(10, 0), to: key("acme", 1), at: start)
        board.add(labelled(10, 90), to: key("acme", 3), at: start)
        var (figures, verdict) = try #require(board.judge(model))
        #expect(figures.canary.accuracy == Proportion(successes: 9, trials: 9))
        guard case .wait = verdict else { throw CancellationError() }
        // Watching it again goes on.
        board.watch(model, canary: 2, stable: 1, rule: rule)
        board.add(labelled(1, 0), to: key("other", 2), at: start)
        (figures, verdict) = try #require(board.judge(model))
        guard case .promote = verdict else { throw CancellationError() }
        board.add(delta(10, category: 1, failures: 30), to: key("acme", 2), at: start)
        (figures, verdict) = try #require(board.judge(model))
        #expect(figures.canary.errors == Proportion(successes: 30, trials: 40))
        guard case .rollBack = verdict else { throw CancellationError() }
        board.keepTrials(of: [])
        #expect(board.judge(model) == nil)
    }

    @Test func `a canary's drift is measured from the stable version's reference where it has no file of its own`()
        throws
    {
        let board = QualityBoard()
        board.add(delta(ReferenceProfile.sampleSize, category: 10), to: key("acme", 1), at: start)
        board.watch(model, canary: 2, stable: 1, rule: try rule("{\"rollback_drift\":0.25}"))
        board.add(delta(99, category: 4), to: key("acme", 2), at: start)
        #expect(try #require(board.judge(model)).figures.drift == nil)
        board.add(delta(99, category: 4), to: key("acme", 2), at: start)
        let (figures, verdict) = try #require(board.judge(model))
        #expect(figures.drift ?? 0 > 1)
        guard case .rollBack(let reason) = verdict else { throw CancellationError() }
        #expect(reason.contains("drift"))
    }

    @Test func `what is significantly worse is rolled back or at least not promoted, what may be chance is promoted`()
        throws
    {
        let both = try rule("{\"promote_accuracy\":0.5,\"min_labels\":100,\"rollback_worse\":true}")
        let promoting = try rule("{\"promote_accuracy\":0.5,\"min_labels\":100}")
        func figures(_ canary: Int, _ stable: Int) -> CanaryFigures {
            CanaryFigures(
                canary: .init(accuracy: Proportion(successes: canary, trials: 200)),
                stable: .init(accuracy: Proportion(successes: stable, trials: 200))
            )
        }
        guard case .rollBack = both.judge(figures(150, 190)) else { throw CancellationError() }
        guard case .wait = promoting.judge(figures(150, 190)) else { throw CancellationError() }
        guard case .promote = both.judge(figures(186, 190)) else { throw CancellationError() }
        guard case .wait = both.judge(figures(90, 95)) else { throw CancellationError() }
    }

    @Test func `a rule reads back what it wrote, and refuses what does nothing or is misspelt`() throws {
        let text = """
            {"min_labels":30,"promote_accuracy":0.9,"rollback_worse":true,"rollback_drift":0.25,"rollback_errors":0.05}
            """
        let rule = try rule(text)
        #expect(CanaryRule(json: rule.json) == rule)
        for wrong in [
            "{}", "[]", "{\"min_labels\":5}", "{\"promote_accuracy\":2}", "{\"promote_acuracy\":0.5}",
            "{\"rollback_worse\":false}", "{\"rollback_worse\":1}", "{\"rollback_drift\":0}", "{\"rollback_errors\":1}",
            "{\"rollback_worse\":true,\"min_labels\":0}",
        ] {
            #expect(CanaryRule(json: try JSON.parse(wrong)) == nil, "\(wrong)")
        }
    }
}
