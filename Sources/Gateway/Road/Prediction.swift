// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference

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
            exchange.last = exchange.route.map {
                LastRequest(principal, tenant, $0, exchange.version, model)
            }
            connection?.last = exchange.last
        }
        if let answer = model.fixedAnswer {
            exchange.instances = 1
            return reply(.json(answer))
        }
        exchange.queuedAt = services.time.monotonic()
        let parsed = loop.worker.parse(
            body: body,
            model: model,
            ticket: ticket.rawValue,
            maxInstances: loop.maxInstances
        )
        switch parsed {
        case .failure(let refusal): refuse(refusal)
        case .success(let pending):
            exchange.instances = pending.count
            // Else it waits for the end of the turn, with whatever else came for the model.
            if !model.runsOnLoop(count: pending.count), let request = loop.worker.withdraw(from: model) {
                predictOffLoop(request, on: model)
            }
        }
    }

    /// Too much work for a loop that others wait on.
    private func predictOffLoop(_ request: PredictRequest, on model: Model) {
        let ticket = ticket
        let handle = loop.handle
        let job = InferenceJob(
            tenant: exchange.principal?.tenant ?? .system,
            model: model,
            request: request
        ) { result in
            handle.execute { loop in
                if case .success(let answer) = result {
                    loop.meters.inferred(model, instances: answer.batchSize, nanoseconds: answer.nanoseconds)
                }
                loop.stream(ticket)?.predicted(result)
            }
        }
        if let refusal = services.inference.submit(job) { refuse(refusal) }
    }

    /// The model's answer is here, from the pool.
    private func predicted(_ result: Result<PredictResponse, InferenceError>) {
        guard isOpen else { return }
        switch result {
        case .failure(let error): refuse(error.refusal)
        case .success(let answer):
            var body = loop.takeBody()
            answer.write(into: &body)
            answered(body, instances: answer.count, nanoseconds: answer.nanoseconds)
        }
    }

    /// The model's answer is here, at the end of the turn.
    func predicted(_ result: Result<BatchAnswer, InferenceError>) {
        guard isOpen else { return }
        switch result {
        case .failure(let error): refuse(error.refusal)
        case .success(let answer):
            var body = loop.takeBody()
            answer.write(into: &body)
            answered(body, instances: answer.count, nanoseconds: answer.nanoseconds)
        }
    }

    private func answered(_ body: [UInt8], instances: Int, nanoseconds: Int64) {
        exchange.inferenceNanoseconds = nanoseconds
        exchange.queueNanoseconds = max(0, services.time.monotonic() - exchange.queuedAt - nanoseconds)
        if let tenant = exchange.tenant { loop.meters.predicted(tenant, instances: instances) }
        var reply = Reply.json(body)
        reply.isReusable = true
        self.reply(reply)
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
    /// Runs what the turn gathered, the requests for each model together.
    func runPredictions() {
        worker.run { ticket, result in
            // The answers of one inference share its time; it counts once.
            if case .success(let answer) = result, answer.isFirst {
                meters.inferred(answer.model, instances: answer.batchSize, nanoseconds: answer.nanoseconds)
            }
            stream(Ticket(rawValue: ticket))?.predicted(result)
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
