// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP
import Identity
import Inference
import Limits

// The calls of TensorFlow Serving's REST API and the Open Inference Protocol V2.
extension RequestStream {
    func perform(_ route: InferenceRoute, _ body: UnsafeRawBufferPointer) {
        switch route.call {
        case .servingPredict: predict(body)
        case .infer: infer(body)
        case .servingClassify, .servingRegress: refuseTask(route)
        case .servingStatus: modelStatus(route.model, version: exchange.modelVersion)
        case .servingMetadata: withModel { reply(.json($0.servingMetadata)) }
        case .servingFeedback: feedback(route, body)
        case .servingQuality: quality(route)
        case .servingList:
            let names = reachable.map(\.name.description)
            reply(.json(["models": .array(Set(names).sorted().map(JSON.string))]))
        case .server: reply(.json(Self.server))
        case .live: reply(.json(["live": true]))
        case .ready:
            guard !refuseUnready() else { return }
            reply(.json(["ready": true]))
        case .metadata:
            withModel { model in
                let versions = reachable.filter { $0.name == model.name && $0.model != nil }.map(\.version)
                reply(.json(model.openInferenceMetadata(versions: versions)))
            }
        case .modelReady: withModel { reply(.json(["name": .string($0.name.description), "ready": true])) }
        case .config: withModel { reply(.json($0.openInferenceConfig(maxInstances: loop.maxInstances))) }
        case .statistics: statistics()
        case .index: index(body)
        case .load, .unload: preconditionFailure("\(route.template) may wait for the disk")
        }
    }

    /// `GET /v2`.
    private static var server: JSON {
        [
            "name": "tollgate", "version": .string(Version.tollgate),
            "extensions": [
                "binary_tensor_data", "classification", "model_configuration", "model_repository", "parameters",
                "statistics",
            ],
        ]
    }

    /// Goes on with the model that the path names, or refuses.
    private func withModel(_ body: (Model) -> Void) {
        guard let name = exchange.model else { preconditionFailure("a model's call names it") }
        switch loop.models.model(name, version: exchange.modelVersion) {
        // A version that is not the tenant's looks like one that is not there.
        case .success(let model) where listener == .tenant && !model.isFor(exchange.principal?.tenant ?? .system):
            refuse(Refusal(.modelNotFound, "Servable not found for request: Latest(\(name))"))
        case .success(let model): body(model)
        case .failure(let refusal): refuse(refusal)
        }
    }

    /// Every version that the caller may reach; to an operator, all.
    var reachable: [ModelStatus] {
        guard let principal = exchange.principal else { return [] }
        let all = loop.models.list()
        if listener == .management { return all }
        guard let tenant = loop.tenant(principal.tenant) else { return [] }
        return all.filter {
            principal.models.allows($0.name) && tenant.account.plan.models.allows($0.name)
                && $0.model?.isFor(principal.tenant) ?? true
        }
    }

    /// `:classify` and `:regress` are for signatures over tf.Example, which the served formats lose: the words of TensorFlow
    /// Serving for a model that has none.
    private func refuseTask(_ route: InferenceRoute) {
        withModel { _ in
            let task = route.call == .servingClassify ? "classification" : "regression"
            let method = route.call == .servingClassify ? "classify" : "regress"
            refuse(
                Refusal(
                    .fieldInvalid,
                    "Expected \(task) signature method_name to be tensorflow/serving/\(method). "
                        + "Was: tensorflow/serving/predict; ask with :predict"
                )
            )
        }
    }

    /// `POST /v2/repository/index`: the body may ask for what is ready alone.
    private func index(_ body: UnsafeRawBufferPointer) {
        var onlyReady = false
        if !body.isEmpty {
            do throws(Refusal) {
                onlyReady = try JSONBody(Array(body), fields: ["ready"]).bool("ready") ?? false
            } catch {
                return refuse(error)
            }
        }
        let entries = reachable.filter { !onlyReady || $0.model != nil }
        reply(.json(.array(entries.map(\.indexJSON))))
    }

    // MARK: - Infer

    /// Reads an infer request and queues it for the turn's inference.
    private func infer(_ body: UnsafeRawBufferPointer) {
        guard let model = servedModel() else { return }
        guard model.fixedAnswer == nil else {
            return refuse(Refusal(.fieldInvalid, "model '\(model.name)' has a fixed answer, and no tensors"))
        }
        exchange.queuedAt = services.time.monotonic()
        let parsed = InferRequest.parse(
            body: body,
            jsonBytes: exchange.jsonBytes,
            model: model.name,
            signature: model.signature,
            maxInstances: loop.maxInstances,
            isLenient: loop.isLenient
        )
        switch parsed {
        case .failure(let refusal): refuse(refusal)
        case .success(let infer):
            exchange.infer = infer.options
            exchange.instances = infer.request.count
            readTimeout(microseconds: infer.options.timeoutMicroseconds)
            if !model.runsOnLoop(count: infer.request.count) {
                predictOffLoop(infer.request, on: model)
            } else if let error = loop.worker.refusal(of: claim, adding: infer.request.count, on: model) {
                failed(error)
            } else if let refusal = loop.worker.wait(
                for: infer.request,
                model: model,
                claim: claim,
                ticket: ticket.rawValue
            ) {
                refuse(refusal)
            } else {
                exchange.waiting = .turn
            }
        }
    }

    /// The answer to an infer request.
    func inferred(_ options: InferOptions, _ outputs: [Tensor], by model: Model) -> Reply {
        var body = loop.takeBody()
        switch options.write(outputs, of: model, into: &body) {
        case .failure(let error): return .refused(error.refusal)
        case .success(let jsonBytes):
            var reply = Reply.json(body)
            reply.isReusable = true
            if let jsonBytes {
                reply.contentType = "application/octet-stream"
                reply.fields = [.init(.inferenceHeaderContentLength, String(jsonBytes))]
            }
            return reply
        }
    }
}
