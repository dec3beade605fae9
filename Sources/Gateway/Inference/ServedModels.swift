// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Synchronization

/// The models in force, and their change while the gateway runs.
final class ServedModels: Sendable {
    private let repository: Mutex<ModelRepository>
    private let followers = Mutex<[@Sendable (ModelRepository) -> Void]>([])
    /// Held by one change at a time.
    private let turn = Mutex(())

    init(_ models: ModelRepository) { repository = Mutex(models) }

    var current: ModelRepository { repository.withLock { $0 } }

    /// - Parameter follower: hears of every change, and serves the new models when the call returns.
    func follow(_ follower: @escaping @Sendable (ModelRepository) -> Void) {
        followers.withLock { $0.append(follower) }
    }

    /// Puts other models in force: every event loop serves them when this returns. Not to be called on one.
    func change(
        _ make: (ModelRepository) throws(InferenceError) -> ModelRepository
    ) throws(InferenceError) {
        let failure = turn.withLock { _ -> InferenceError? in
            do throws(InferenceError) {
                let models = try make(current)
                repository.withLock { $0 = models }
                for follower in followers.withLock({ $0 }) { follower(models) }
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }
}
