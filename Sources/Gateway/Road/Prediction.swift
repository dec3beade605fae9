// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference

extension RequestStream {
    /// The model that was asked for; nil when the request was refused for it.
    func servedModel() -> Model? {
        guard let name = exchange.model, let principal = exchange.principal, let tenant = exchange.tenant else {
            preconditionFailure("a prediction has a caller and a model")
        }
        if let served = exchange.served { return served }
        let chosen = loop.models.model(
            name,
            version: exchange.modelVersion,
            for: principal.tenant,
            request: exchange.id
        )
        switch chosen {
        case .failure(let refusal):
            refuse(refusal)
            return nil
        case .success((let model, let isPerRequest)):
            exchange.served = model
            // The next request may be another version's.
            if isPerRequest { return model }
            exchange.last = exchange.route.map {
                LastRequest(principal, tenant, $0, exchange.version, model, generation: loop.modelsGeneration)
            }
            connection?.last = exchange.last
            return model
        }
    }

    /// Decodes the instances and queues them for the turn's inference.
    func predict(_ body: UnsafeRawBufferPointer) {
        guard let model = servedModel() else { return }
        if let answer = model.fixedAnswer {
            exchange.instances = 1
            return reply(.json(answer))
        }
        exchange.queuedAt = services.time.monotonic()
        let parsed = loop.worker.parse(
            body: body,
            model: model,
            claim: claim,
            ticket: ticket.rawValue,
            maxInstances: loop.maxInstances,
            isLenient: loop.isLenient
        )
        switch parsed {
        case .failure(let refusal): refuse(refusal)
        case .success(let pending):
            exchange.instances = pending.count
            // It waits for the end of the turn, with whatever else came for the model.
            guard model.runsOnLoop(count: pending.count) else {
                if let request = loop.worker.withdraw(from: model) { predictOffLoop(request, on: model) }
                return
            }
            if let error = loop.worker.refusal(of: claim, adding: pending.count, on: model) {
                _ = loop.worker.withdraw(from: model)
                return failed(error)
            }
            exchange.waiting = .turn
        }
    }

    /// Too much work for a loop that others wait on.
    func predictOffLoop(_ request: PredictRequest, on model: Model) {
        let ticket = ticket
        let handle = loop.handle
        let job = InferenceJob(
            share: claim.share,
            model: model,
            request: request,
            deadline: exchange.deadline
        ) { result in
            handle.execute { loop in
                if case .success(let answer) = result, answer.isFirst {
                    loop.meters.inferred(model, instances: answer.batchSize, nanoseconds: answer.nanoseconds)
                }
                loop.stream(ticket)?.predicted(result.map { BatchAnswer($0) })
            }
        }
        switch services.inference.submit(job) {
        case .success(let place): waits(place)
        case .failure(let error): failed(error)
        }
    }

    /// The model's answer is here, at the end of the turn or from the pool.
    func predicted(_ result: Result<BatchAnswer, InferenceError>) {
        guard isOpen else { return }
        switch result {
        case .failure(let error):
            left(ran: nil)
            failed(error)
        case .success(let answer):
            left(ran: answer.nanoseconds)
            if let tenant = exchange.tenant { loop.predictions.note(answer, to: exchange.id, of: tenant) }
            if loop.shadows != nil { loop.shadow(answer, to: exchange) }
            if let options = exchange.infer {
                let reply = inferred(options, answer.outputs, by: answer.model)
                return answered(reply, instances: answer.count, nanoseconds: answer.nanoseconds)
            }
            var reply = Reply.json(loop.takeBody())
            reply.isReusable = true
            answer.write(into: &reply.body)
            answered(reply, instances: answer.count, nanoseconds: answer.nanoseconds)
        }
    }

    /// There is no answer.
    func failed(_ error: InferenceError) {
        if case .unavailable(let reason) = error.code, let model = exchange.served {
            loop.meters.unrun(model, reason)
            if reason == .queueFull, let tenant = exchange.tenant { loop.meters.limited(tenant, reason: reason) }
        }
        if let tenant = exchange.tenant, let model = exchange.served {
            loop.tallies[tenant, model].fail.add(services.time.monotonic() - exchange.startedAt)
            if error.isModels { loop.predictions.noteFailure(of: model, for: tenant) }
        }
        refuse(error.refusal)
    }

    private func answered(_ reply: consuming Reply, instances: Int, nanoseconds: Int64) {
        exchange.inferenceNanoseconds = nanoseconds
        let now = services.time.monotonic()
        exchange.queueNanoseconds = max(0, now - exchange.queuedAt - nanoseconds)
        if let tenant = exchange.tenant, let model = exchange.served {
            loop.meters.predicted(tenant, instances: instances)
            loop.tallies[tenant, model].answered(
                instances: instances,
                arrival: exchange.arrival,
                took: now - exchange.startedAt,
                queued: exchange.queueNanoseconds,
                ran: nanoseconds
            )
        }
        replyEncoded(reply)
    }

    /// `GET /v1/models/NAME`, as TensorFlow Serving answers it.
    func modelStatus(_ name: ModelName?, version: Int64?) {
        guard let name else { preconditionFailure("a status is of a model") }
        let versions = reachable.filter { $0.name == name && (version == nil || $0.version == version) }
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
        worker.run(
            isWanted: { stream(Ticket(rawValue: $0))?.isOpen ?? false },
            kept: { stream(Ticket(rawValue: $0))?.kept() }
        ) { ticket, result in
            // The answers of one inference share its time; it counts once.
            if case .success(let answer) = result, answer.isFirst {
                meters.inferred(answer.model, instances: answer.batchSize, nanoseconds: answer.nanoseconds)
            }
            stream(Ticket(rawValue: ticket))?.predicted(result)
        }
    }
}
