// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import Identity
import Inference

/// What one event loop counted of a tenant's requests for a model since it was loaded; the protocol's statistics are the
/// sum over the loops, to an operator over the tenants too. What others ask of the same model is no tenant's to know.
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
    /// By the instances of a request, in the order in which they first came; those of more than ``largest`` are one.
    private var batches: [(size: Int, runs: Duration)] = []
    /// Of the wall clock, milliseconds.
    private var lastInference: Int64 = 0

    private static let largest = 129

    /// A request was answered.
    ///
    /// - Parameters:
    ///   - instances: its own; others may have run with them.
    ///   - arrival: its own; the other times are in nanoseconds.
    mutating func answered(instances: Int, arrival: UnixTime, took: Int64, queued: Int64, ran: Int64) {
        success.add(took)
        queue.add(queued)
        compute.add(ran)
        inferences += Int64(instances)
        lastInference = max(lastInference, arrival.nanoseconds / 1_000_000)
        add(Duration(count: 1, nanoseconds: ran), size: min(instances, Self.largest))
    }

    private mutating func add(_ runs: Duration, size: Int) {
        for index in batches.indices where batches[index].size == size { return batches[index].runs.merge(runs) }
        batches.append((size, runs))
    }

    mutating func merge(_ other: ModelTally) {
        success.merge(other.success)
        fail.merge(other.fail)
        queue.merge(other.queue)
        compute.merge(other.compute)
        inferences += other.inferences
        lastInference = max(lastInference, other.lastInference)
        for batch in other.batches { add(batch.runs, size: batch.size) }
    }

    /// One element of the statistics extension's `model_stats`. Reading and writing of tensors are no steps of their own
    /// here: their times are 0.
    func json(of model: Model) -> JSON {
        let none = Duration().json
        let batchStatistics = batches.sorted { $0.size < $1.size }.map { batch -> JSON in
            [
                "batch_size": .integer(Int64(batch.size)), "compute_input": none, "compute_infer": batch.runs.json,
                "compute_output": none,
            ]
        }
        return [
            "name": .string(model.name.description), "version": .string(String(model.version)),
            "last_inference": .integer(lastInference), "inference_count": .integer(inferences),
            "execution_count": .integer(compute.count),
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
    private struct Key: Hashable {
        let tenant: ObjectIdentifier
        let model: ObjectIdentifier
    }

    // The objects are held, so that no other comes to lie at the same place.
    private struct Entry {
        let tenant: TenantContext
        let model: Model
        var tally = ModelTally()
    }

    private var entries: [Key: Entry] = [:]

    subscript(_ tenant: TenantContext, _ model: Model) -> ModelTally {
        get { entries[Key(tenant: ObjectIdentifier(tenant), model: ObjectIdentifier(model))]?.tally ?? ModelTally() }
        _modify {
            let key = Key(tenant: ObjectIdentifier(tenant), model: ObjectIdentifier(model))
            yield &entries[key, default: Entry(tenant: tenant, model: model)].tally
        }
    }

    /// - Parameter tenant: nil for the sum over all of them.
    func sum(of model: Model, tenant: TenantID?) -> ModelTally {
        var sum = ModelTally()
        for entry in entries.values where entry.model === model && (tenant == nil || entry.tenant.id == tenant) {
            sum.merge(entry.tally)
        }
        return sum
    }

    /// Forgets models that are no longer served.
    mutating func keep(only models: [Model]) {
        entries = entries.filter { entry in models.contains { $0 === entry.value.model } }
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
        let tenant = listener == .tenant ? exchange.principal?.tenant : nil
        offLoop(on: services.bodyPool) { services -> JSON in
            var sums = asked.map { _ in ModelTally() }
            for part in services.served.tallies(of: asked, tenant: tenant) {
                for index in sums.indices { sums[index].merge(part[index]) }
            }
            return ["model_stats": .array(zip(asked, sums).map { $1.json(of: $0) })]
        } then: { stream, document in
            guard stream.isOpen else { return }
            stream.reply(.json(document))
        }
    }
}
