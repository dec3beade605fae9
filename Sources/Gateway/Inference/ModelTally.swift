// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Inference

/// What one event loop counted of a model since it was loaded; the protocol's statistics are the sum over the loops.
struct ModelTally: Sendable {
    /// Requests and the nanoseconds that they took.
    struct Duration: Sendable {
        var count: Int64 = 0
        var nanoseconds: Int64 = 0

        mutating func add(_ nanoseconds: Int64) {
            count += 1
            self.nanoseconds += nanoseconds
        }

        mutating func merge(_ other: Duration) {
            count += other.count
            nanoseconds += other.nanoseconds
        }

        var json: JSON { ["count": .integer(count), "ns": .integer(nanoseconds)] }
    }

    var success = Duration()
    var fail = Duration()
    var queue = Duration()
    var compute = Duration()
    /// Instances answered.
    var inferences: Int64 = 0
    /// Inferences, of one request's instances or several requests'.
    var executions: Int64 = 0
    /// By the instances of an inference; those of more than ``largest`` are one.
    var batches: [Duration] = []
    /// Of the wall clock, milliseconds.
    var lastInference: Int64 = 0

    static let largest = InferenceWorker.batchLimit + 1

    /// One inference ran.
    mutating func inferred(instances: Int, nanoseconds: Int64) {
        executions += 1
        if batches.isEmpty { batches = Array(repeating: Duration(), count: Self.largest + 1) }
        batches[min(instances, Self.largest)].add(nanoseconds)
    }

    mutating func merge(_ other: ModelTally) {
        success.merge(other.success)
        fail.merge(other.fail)
        queue.merge(other.queue)
        compute.merge(other.compute)
        inferences += other.inferences
        executions += other.executions
        lastInference = max(lastInference, other.lastInference)
        if batches.isEmpty {
            batches = other.batches
        } else {
            for index in other.batches.indices { batches[index].merge(other.batches[index]) }
        }
    }

    /// One element of the statistics extension's `model_stats`. Reading and writing of tensors are no steps of their own
    /// here: their times are 0.
    func json(of model: Model) -> JSON {
        let none = Duration().json
        let batchStatistics = batches.indices.filter { batches[$0].count > 0 }.map { size -> JSON in
            [
                "batch_size": .integer(Int64(size)), "compute_input": none, "compute_infer": batches[size].json,
                "compute_output": none,
            ]
        }
        return [
            "name": .string(model.name.description), "version": .string(String(model.version)),
            "last_inference": .integer(lastInference), "inference_count": .integer(inferences),
            "execution_count": .integer(executions),
            "inference_stats": [
                "success": success.json, "fail": fail.json, "queue": queue.json, "compute_input": none,
                "compute_infer": compute.json, "compute_output": none, "cache_hit": none, "cache_miss": none,
            ],
            "response_stats": [:], "batch_stats": .array(batchStatistics), "memory_usage": [],
        ]
    }
}

/// The tallies of one event loop.
struct ModelTallies {
    private var entries: [(model: Model, tally: ModelTally)] = []

    /// Changes a model's tally; there are few models, and most requests are for one of the first.
    mutating func update(_ model: Model, _ body: (inout ModelTally) -> Void) {
        for index in entries.indices where entries[index].model === model { return body(&entries[index].tally) }
        var tally = ModelTally()
        body(&tally)
        entries.append((model, tally))
    }

    func tally(of model: Model) -> ModelTally? { entries.first { $0.model === model }?.tally }

    /// Forgets models that are no longer served.
    mutating func keep(only models: [Model]) {
        entries.removeAll { entry in !models.contains { $0 === entry.model } }
    }
}

extension RequestStream {
    /// `GET /v2/models/stats` and the like: gathered from all loops, so off this one.
    func statistics() {
        var models = reachable.compactMap(\.model)
        if let name = exchange.model {
            models.removeAll { $0.name != name || exchange.modelVersion != nil && $0.version != exchange.modelVersion }
            guard !models.isEmpty else {
                // The reason is the repository's to say.
                if case .failure(let refusal) = loop.models.model(name, version: exchange.modelVersion) {
                    refuse(refusal)
                }
                return
            }
        }
        let asked = models
        offLoop(on: services.bodyPool) { services -> JSON in
            var sums = asked.map { _ in ModelTally() }
            for part in services.served.tallies(of: asked) {
                for index in sums.indices { sums[index].merge(part[index]) }
            }
            return ["model_stats": .array(zip(asked, sums).map { $1.json(of: $0) })]
        } then: { stream, document in
            guard stream.isOpen else { return }
            stream.reply(.json(document))
        }
    }
}
