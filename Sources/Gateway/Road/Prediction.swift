// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference

/// A request for one model that waits for the end of the event loop's turn.
struct PendingPrediction {
    let ticket: Ticket
    let model: Model
    let request: PredictRequest
}

extension RequestStream {
    /// Decodes the instances and queues them for the turn's inference.
    func predict(_ body: UnsafeRawBufferPointer) {
        guard let name = exchange.model, let principal = exchange.principal, let tenant = exchange.tenant else {
            preconditionFailure("a prediction has a caller and a model")
        }
        let model: Model
        if let served = exchange.served {
            model = served
        } else {
            switch services.models.model(name, version: exchange.modelVersion) {
            case .success(let found): model = found
            case .failure(let refusal): return refuse(refusal)
            }
            exchange.served = model
            // A key's holder is looked up anew each time.
            if exchange.usedToken {
                connection?.last = LastRequest(principal, tenant, name, version: exchange.modelVersion, model)
            }
        }
        if let answer = model.fixedAnswer {
            exchange.instances = 1
            return reply(.json(answer))
        }
        let parsed = PredictRequest.parse(
            body: body,
            signature: model.signature,
            maxInstances: loop.maxInstances
        )
        switch parsed {
        case .failure(let refusal): refuse(refusal)
        case .success(let request):
            exchange.instances = request.count
            exchange.queuedAt = services.time.monotonic()
            let prediction = PendingPrediction(ticket: ticket, model: model, request: request)
            if model.runsOnLoop(count: request.count) { loop.predict(prediction) } else { predictOffLoop(prediction) }
        }
    }

    /// Too much work for a loop that others wait on.
    private func predictOffLoop(_ prediction: PendingPrediction) {
        let ticket = ticket
        let handle = loop.handle
        let job = InferenceJob(
            tenant: exchange.principal?.tenant ?? .system,
            model: prediction.model,
            request: prediction.request
        ) { result in
            handle.execute { loop in
                loop.meters.inferred(result, model: prediction.model)
                loop.stream(ticket)?.predicted(result)
            }
        }
        if let refusal = services.inference.submit(job) { refuse(refusal) }
    }

    /// The model's answer is here.
    func predicted(_ result: Result<PredictResponse, InferenceError>) {
        guard isOpen else { return }
        switch result {
        case .failure(let error): refuse(error.refusal)
        case .success(let response):
            exchange.inferenceNanoseconds = response.nanoseconds
            exchange.queueNanoseconds = max(
                0,
                services.time.monotonic() - exchange.queuedAt - response.nanoseconds
            )
            if let tenant = exchange.tenant { loop.meters.predicted(tenant, instances: response.count) }
            var body = loop.takeBody()
            response.write(into: &body)
            reply(.json(body))
        }
    }

    /// `GET /v1/models/NAME`, as TensorFlow Serving answers it.
    func modelStatus(_ name: ModelName, version: Int64?) {
        let versions = services.models.list().filter { $0.name == name && (version == nil || $0.version == version) }
        guard !versions.isEmpty else {
            return refuse(
                Refusal(.versionNotFound, "Servable not found for request: Specific(\(name), \(version ?? 0))")
            )
        }
        reply(.json(["model_version_status": .array(versions.map(\.servingJSON))]))
    }
}

extension LoopContext {
    /// Runs one turn's requests for one model together.
    func run(_ group: [PendingPrediction], on model: Model) {
        let results = worker.predict(group.map(\.request), on: model)
        var lastBatch: Int64?
        for (prediction, result) in zip(group, results) {
            // The answers of one inference share its time; it counts once.
            if case .success(let response) = result, response.nanoseconds != lastBatch {
                lastBatch = response.nanoseconds
                meters.inferred(result, model: model)
            }
            stream(prediction.ticket)?.predicted(result)
        }
    }
}

extension ModelStatus {
    /// One entry of `model_version_status`; the version is a text there, as protobuf writes 64-bit numbers.
    fileprivate var servingJSON: JSON {
        [
            "version": .string(String(version)), "state": .string(state.rawValue),
            "status": [
                "error_code": .string(reason.isEmpty ? "OK" : "UNAVAILABLE"), "error_message": .string(reason),
            ],
        ]
    }
}

extension Services {
    /// `GET /admin/v1/models`: every version of every model, with what is known of it.
    func modelList() -> Reply {
        .json(["models": .array(models.list().map(\.adminJSON))])
    }
}

extension ModelStatus {
    fileprivate var adminJSON: JSON {
        func tensors(_ infos: [TensorInfo]) -> JSON {
            .array(
                infos.map {
                    [
                        "name": .string($0.name), "datatype": .string($0.elementType.rawValue),
                        "shape": .array($0.shape.map { .integer(Int64($0)) }),
                    ]
                }
            )
        }
        var members: [JSON.Member] = [
            .init("name", .string(name.description)), .init("version", .integer(version)),
            .init("state", .string(state.rawValue)), .init("default", .bool(isDefault)),
        ]
        if let model {
            members += [
                .init("format", .string(model.format.rawValue)), .init("sha256", .string(model.digest)),
                .init("inputs", tensors(model.signature.inputs)), .init("outputs", tensors(model.signature.outputs)),
                .init("inference_us", .double(Double(model.cost.one) / 1000)),
                .init("runs_on_event_loop", .bool(model.runsOnLoop())),
            ]
        } else {
            members += [.init("reason", .string(reason)), .init("detail", .string(detail))]
        }
        return .object(members)
    }
}
