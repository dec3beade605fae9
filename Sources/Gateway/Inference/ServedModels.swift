// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Synchronization

/// The models in force, and their change while the gateway runs.
final class ServedModels: Sendable {
    private let repository: Mutex<ModelRepository>
    private let loops = Mutex<[LoopHandle]>([])
    /// Held by one change at a time.
    private let turn = Mutex(())

    init(_ models: ModelRepository) { repository = Mutex(models) }

    var current: ModelRepository { repository.withLock { $0 } }

    /// The loops that serve them; to be called once, before there is traffic.
    func serve(on loops: [LoopHandle]) { self.loops.withLock { $0 = loops } }

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

    /// Puts other models in force: every event loop serves them when this returns. Not to be called on one.
    func change(
        _ make: (ModelRepository) throws(InferenceError) -> ModelRepository
    ) throws(InferenceError) {
        let failure = turn.withLock { _ -> InferenceError? in
            do throws(InferenceError) {
                let models = try make(current)
                repository.withLock { $0 = models }
                loops.withLock { $0 }.executeAndWait { $0.serve(models) }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}

/// Where the loops leave their parts.
private final class SharedTallies: Sendable {
    let all = Mutex<[[ModelTally]]>([])
}
