// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference
import Quality

extension RequestStream {
    /// `POST /v1/models/NAME:feedback`: true labels for the caller's own earlier requests.
    func feedback(_ route: InferenceRoute, _ body: UnsafeRawBufferPointer) {
        guard let name = route.model, let principal = exchange.principal else {
            preconditionFailure("feedback has a caller and a model")
        }
        guard services.configuration.models.feedbackInstances > 0 else {
            return refuse(
                Refusal(.fieldInvalid, "This gateway remembers no predictions (models.feedback_instances is 0).")
            )
        }
        let bytes = Array(body)
        let (tenant, version) = (principal.tenant, exchange.modelVersion)
        offLoop(on: services.bodyPool) { services -> Result<FeedbackResult, Refusal> in
            do throws(Refusal) {
                let body = try FeedbackBody(bytes)
                let result = services.label(body, tenant: tenant, model: name, version: version)
                services.judgeCanariesSoon()
                return .success(result)
            } catch {
                return .failure(error)
            }
        } then: { stream, result in
            guard stream.isOpen else { return }
            switch result {
            case .failure(let refusal): stream.refuse(refusal)
            case .success(let result):
                var reply = Reply.json(result.json)
                reply.change = AdminChange(target: "model/\(name)", before: nil, after: result.counts)
                stream.reply(reply)
            }
        }
    }

    /// `GET /v1/models/NAME/quality`: the caller's own predictions and labels, of no other tenant.
    func quality(_ route: InferenceRoute) {
        guard let name = route.model, let principal = exchange.principal else {
            preconditionFailure("a model's quality is asked for by somebody")
        }
        let (tenant, version) = (principal.tenant, exchange.modelVersion)
        offLoop(on: services.bodyPool) { services -> JSON in
            services.collectQuality()
            // The sums over others' series would cost what theirs are worth.
            let own = services.quality.report(model: name, of: .tenant(tenant), now: services.time.now())
            let versions = own.filter { version == nil || $0.key.version == version }.map { one -> JSON in
                ["version": .integer(one.key.version), "windows": .array(one.figures.map(\.json))]
            }
            return ["model": .string(name.description), "versions": .array(versions)]
        } then: { stream, document in
            guard stream.isOpen else { return }
            stream.reply(.json(document))
        }
    }
}
