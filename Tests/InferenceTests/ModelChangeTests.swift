// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!

/// What admins change of a repository.
@Suite struct ModelChangeTests {
    private func folder(_ versions: String...) throws -> TemporaryDirectory {
        let folder = try TemporaryDirectory()
        for version in versions { try folder.write(DenseLayer(), as: "dense/\(version)") }
        return folder
    }

    private func phases(_ repository: ModelRepository) -> [Int64: VersionPhase] {
        Dictionary(uniqueKeysWithValues: repository.list().map { ($0.version, $0.phase) })
    }

    private func made(_ change: RepositoryChange) throws -> ModelRepository {
        if let failure = change.failure { throw failure }
        return change.repository
    }

    @Test func `the policy says what is loaded; the model's own goes before the gateway's`() throws {
        let folder = try folder("1", "2", "3")
        var rules = RepositoryRules()
        rules.versions = .latest(1)
        var repository = try ModelRepository(directory: folder.path, rules: rules)
        #expect(phases(repository) == [1: .available, 2: .available, 3: .serving])
        #expect(throws: Refusal.self) { try repository.model(dense, version: 1).get() }

        try folder.write(#"{"versions": [1, 2]}"#, to: "dense/model.json")
        repository = try made(repository.loading(dense))
        #expect(phases(repository) == [1: .serving, 2: .serving, 3: .unloaded])
        #expect(try repository.model(dense).get().version == 2)

        try folder.write(#"{"versions": "newest"}"#, to: "dense/model.json")
        let error = #expect(throws: InferenceError.self) { try repository.loading(dense) }
        #expect(error?.sentence.contains("model.json") == true)
    }

    @Test func `a new version takes the traffic when nothing is promoted, and waits when something is`() throws {
        let folder = try folder("1")
        var repository = try ModelRepository(directory: folder.path)
        try folder.write(DenseLayer(), as: "dense/2")
        repository = try made(repository.loading(dense))
        #expect(try repository.model(dense).get().version == 2)
        repository = try made(repository.rollingBack(dense))
        #expect(try repository.model(dense).get().version == 1)
        try folder.write(DenseLayer(), as: "dense/3")
        repository = try made(repository.loading(dense))
        #expect(try repository.model(dense).get().version == 1)
        #expect(try repository.model(dense, version: 3).get().version == 3)
        repository = try made(repository.promoting(dense, to: 3))
        #expect(try repository.model(dense).get().version == 3)
        repository = try made(repository.rollingBack(dense))
        #expect(try repository.model(dense).get().version == 1)
        repository = try made(repository.promoting(dense, to: nil))
        #expect(try repository.model(dense).get().version == 3)
    }

    @Test func `what was decided is loaded whatever the policy says, and holds for the next start`() throws {
        let folder = try folder("1", "2", "3")
        var rules = RepositoryRules()
        rules.versions = .latest(1)
        var repository = try ModelRepository(directory: folder.path, rules: rules)
        repository = try made(repository.promoting(dense, to: 2))
        repository = try made(repository.splitting(dense, Canary(version: 1, percent: 100)))
        let next = try ModelRepository(directory: folder.path, rules: rules, choices: repository.choices)
        for repository in [repository, next] {
            #expect(phases(repository) == [1: .serving, 2: .serving, 3: .serving])
            #expect(try repository.model(dense).get().version == 2)
            let chosen = repository.model(dense, version: nil, for: TenantID("a")!, request: RequestID(high: 0, low: 0))
            #expect(try chosen.get().model.version == 1)
        }
        // What nothing asks for any more goes.
        repository = try made(repository.promoting(dense, to: 3))
        repository = try made(repository.promoting(dense, to: nil))
        #expect(phases(repository)[1] == .unloaded)
        #expect(repository.choice(of: dense).canary == nil)
    }

    @Test func `where the promoted version is gone, the one before it and then the highest takes its place`() throws {
        let folder = try folder("1", "2", "3")
        var choice = ServingChoice()
        choice.version = 9
        choice.previous = 2
        #expect(
            try ModelRepository(directory: folder.path, choices: [dense: choice]).model(dense).get().version == 2
        )
        choice.previous = 8
        #expect(
            try ModelRepository(directory: folder.path, choices: [dense: choice]).model(dense).get().version == 3
        )
    }

    @Test func `a version that does not load takes nothing away, and says why`() throws {
        let folder = try folder("1")
        let repository = try ModelRepository(directory: folder.path)
        let model = try repository.model(dense).get()
        try folder.write("<net", to: "dense/2/model.xml")
        try folder.write([0], to: "dense/2/model.bin")
        for change in [
            try repository.loading(dense), try repository.promoting(dense, to: 2),
            try repository.splitting(dense, Canary(version: 2, percent: 50)),
            try repository.labelling(dense, "next", version: 2),
        ] {
            #expect(change.failure?.code == .modelInvalid)
            #expect(try change.repository.model(dense).get() === model)
            #expect(change.repository.list().last?.phase == .failed)
            #expect(change.repository.list().last?.reason.isEmpty == false)
            #expect(change.repository.choice(of: dense) == ServingChoice())
        }
        let missing = #expect(throws: InferenceError.self) { try repository.promoting(dense, to: 7) }
        #expect(missing?.code == .versionMissing)
    }

    @Test func `files that change under a version are taken when they load, else the old ones go on with the reason`()
        throws
    {
        let folder = try folder("1")
        let repository = try ModelRepository(directory: folder.path)
        let model = try repository.model(dense).get()
        try folder.write("<net", to: "dense/1/model.xml")
        let broken = try repository.loading(dense)
        #expect(broken.failure?.code == .modelInvalid)
        #expect(try broken.repository.model(dense).get() === model)
        #expect(broken.repository.list().first?.phase == .serving)
        #expect(broken.repository.list().first?.reason.isEmpty == false)

        var other = DenseLayer()
        other.weights[0] += 1
        try folder.write(other, as: "dense/1")
        let mended = try made(broken.repository.loading(dense))
        #expect(try mended.model(dense).get() !== model)
        #expect(mended.list().first?.reason == "")
    }

    @Test func `one version is loaded and unloaded alone, but never the one that takes traffic`() throws {
        let folder = try folder("1", "2", "3")
        try folder.write(#"{"versions": "latest 1"}"#, to: "dense/model.json")
        var repository = try ModelRepository(directory: folder.path)
        repository = try made(repository.loading(dense, version: 1))
        #expect(phases(repository) == [1: .serving, 2: .available, 3: .serving])
        // The policy does not take it away again.
        repository = try made(repository.loading(dense))
        #expect(phases(repository)[1] == .serving)
        #expect(throws: InferenceError.self) { try repository.unloading(dense, version: 3) }
        repository = try made(repository.unloading(dense, version: 1))
        #expect(phases(repository)[1] == .unloaded)
        repository = try made(repository.unloading(dense))
        #expect(phases(repository)[3] == .unloaded)
        #expect(throws: Refusal.self) { try repository.model(dense).get() }
        repository = try made(repository.loading(dense))
        #expect(try repository.model(dense).get().version == 3)
    }

    @Test func `a version drains for as long as somebody has it`() throws {
        let folder = try folder("1", "2")
        var repository = try ModelRepository(directory: folder.path)
        var held: Model? = try repository.model(dense, version: 1).get()
        repository = try made(repository.unloading(dense, version: 1))
        #expect(phases(repository)[1] == .draining)
        #expect(repository.list().first?.state == .unloading)
        #expect(held?.version == 1)
        held = nil
        #expect(phases(repository)[1] == .unloaded)
        #expect(repository.list().first?.state == .end)
    }

    @Test func `labels are those of the folder, over which decisions stand`() throws {
        let folder = try folder("1", "2")
        try folder.write(#"{"stable": 1, "next": 2}"#, to: "dense/labels.json")
        var repository = try ModelRepository(directory: folder.path)
        repository = try made(repository.labelling(dense, "stable", version: 2))
        #expect(repository.labels(of: dense) == ["stable": 2, "next": 2])
        #expect(repository.version(labelled: "stable", of: dense) == 2)
        repository = try made(repository.labelling(dense, "stable", version: nil))
        #expect(repository.version(labelled: "stable", of: dense) == 1)
    }

    @Test func `there is nothing to roll back to at first`() throws {
        let folder = try folder("4")
        let error = #expect(throws: InferenceError.self) {
            try ModelRepository(directory: folder.path).rollingBack(dense)
        }
        #expect(error?.code == .inService)
    }
}
