// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference
import Telemetry

/// `POST /v2/repository/models/NAME/load` and `/unload`: what is served changes, the folder does not.
///
/// Triton's `config` and `file:` parameters are passed over: a model comes from the models' folder and nowhere else.
struct ModelsAPI {
    let services: Services

    func answer(_ route: InferenceRoute, by principal: Principal?) throws(Refusal) -> BlockingOutcome {
        guard let name = route.model else { preconditionFailure("a model is loaded by its name") }
        let before = state(of: name)
        do throws(InferenceError) {
            try services.served.change { models throws(InferenceError) in
                try route.call == .load ? models.loading(name) : models.unloading(name)
            }
        } catch {
            throw Refusal(
                services.models.contains(name) ? .configurationInvalid : .modelNotFound,
                "failed to \(route.call == .load ? "load" : "unload") '\(name)': \(error.sentence)",
                detail: error.detail
            )
        }
        services.log.info(
            route.call == .load ? "a model was loaded" : "a model was unloaded",
            ["model": .string(name.description)]
        )
        var reply = Reply.json([:])
        reply.change = AdminChange(target: "model/\(name)", before: before, after: state(of: name))
        return BlockingOutcome(reply: reply)
    }

    /// Which versions of a model stand how.
    private func state(of name: ModelName) -> JSON {
        .object(
            services.models.list().filter { $0.name == name }.map {
                JSON.Member(String($0.version), .string($0.model?.digest ?? $0.reason))
            }
        )
    }
}
