// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference
import Telemetry

extension LoopContext {
    /// Has a request that was answered run by the shadow of its model too, where that takes it.
    func shadow(_ answer: BatchAnswer, to exchange: borrowing Exchange) {
        // Who names a version compares for himself.
        guard exchange.modelVersion == nil, let tenant = exchange.tenant?.id,
            let active = shadows?[answer.model.name], active.model !== answer.model, active.model.isFor(tenant),
            active.shadow.takes(tenant, exchange.id)
        else { return }
        services.served.shadows.submit(answer, to: active)
    }
}

extension GatewayMetrics {
    /// What became of a request that a shadow was to run. For any thread.
    func shadowed(_ model: Model, _ outcome: ShadowOutcome, nanoseconds: Int64?) {
        let labels = [model.name.description, String(model.version)]
        shadowRequests.with(labels: labels + [outcome.rawValue]).increment(shard: otherShard)
        if let nanoseconds { shadowSeconds.with(labels: labels).observe(nanoseconds: nanoseconds, shard: otherShard) }
    }
}
