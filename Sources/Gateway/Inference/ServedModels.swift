// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Storage
import Synchronization

/// The models in force, and their change while the gateway runs.
final class ServedModels: Sendable {
    private let repository: Mutex<ModelRepository>
    private let loops = Mutex<[LoopHandle]>([])
    /// Held by one change at a time.
    private let turn = Mutex(())
    /// Runs versions aside.
    let shadows: ShadowRunner

    init(_ models: ModelRepository, shadows: ShadowRunner) {
        repository = Mutex(models)
        self.shadows = shadows
        shadows.follow(models.shadows)
    }

    var current: ModelRepository { repository.withLock { $0 } }

    /// The loops that serve them; to be called once, before there is traffic.
    func serve(on loops: [LoopHandle]) { self.loops.withLock { $0 = loops } }

    /// Runs the task on every loop and waits until each has. Not to be called on one.
    func onEachLoop(_ task: @escaping @Sendable (LoopContext) -> Void) {
        loops.withLock { $0 }.executeAndWait(task)
    }

    /// What each loop counted of each of these models. Not to be called on a loop.
    ///
    /// - Parameter tenant: nil for the sum over all of them.
    func tallies(of models: [Model], tenant: TenantID?) -> [[ModelTally]] {
        let parts = SharedTallies()
        loops.withLock { $0 }.executeAndWait { loop in
            let part = models.map { loop.tallies.sum(of: $0, tenant: tenant) }
            parts.all.withLock { $0.append(part) }
        }
        return parts.all.withLock { $0 }
    }

    /// Puts other models in force: what was decided is stored, and every event loop serves them when this returns. Not to
    /// be called on one.
    ///
    /// - Throws: what kept the change from being made; the models before it go on.
    func change(
        in store: Store,
        _ make: (ModelRepository) throws(InferenceError) -> RepositoryChange
    ) throws {
        try turn.withLock { _ in
            let before = current
            let change = try make(before)
            let after = change.repository
            if after.choices != before.choices { try store.save(after.choices) }
            repository.withLock { $0 = after }
            // Before the loops: what they send is counted from the first request on.
            shadows.follow(after.shadows)
            loops.withLock { $0 }.executeAndWait { $0.serve(after) }
            if let failure = change.failure { throw failure }
        }
    }
}

/// Where the loops leave their parts.
private final class SharedTallies: Sendable {
    let all = Mutex<[[ModelTally]]>([])
}

extension Store {
    private static let choicesSetting = "models.serving"

    /// What was decided about the models' traffic.
    ///
    /// - Throws: also ``StartError`` when that is damaged: other versions must not take traffic by accident.
    func servingChoices() throws -> [ModelName: ServingChoice] {
        guard let text = try setting(Self.choicesSetting) else { return [:] }
        var choices: [ModelName: ServingChoice] = [:]
        for member in (try? JSON.parse(text))?.members ?? [JSON.Member("", .null)] {
            guard let name = ModelName(member.name), let choice = ServingChoice(json: member.value) else {
                throw StartError(
                    description: "the setting '\(Self.choicesSetting)' in the database is damaged; restore a copy, or "
                        + "delete it and promote the models' versions again"
                )
            }
            choices[name] = choice
        }
        return choices
    }

    fileprivate func save(_ choices: [ModelName: ServingChoice]) throws(StorageError) {
        let members = choices.filter { $0.value != ServingChoice() }
            .sorted { $0.key.description < $1.key.description }
            .map { JSON.Member($0.key.description, $0.value.json) }
        try set(Self.choicesSetting, to: JSON.object(members).serialized())
    }
}
