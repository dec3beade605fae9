// SPDX-License-Identifier: Apache-2.0

public import GatewayCore

/// Runs models on one thread: an event loop's or a pool's.
///
/// It owns a compiled session of every model it has run, so no lock is taken and nothing is shared while it runs.
public final class InferenceWorker {
    let time: TimeSource
    private var sessions: [(model: Model, session: ModelSession)] = []
    /// What waits for ``run(_:)``, by model.
    var batches: [ModelBatch] = []
    var isRunning = false
    /// What the last turns left behind.
    var backlog = FairQueue<BackloggedRequest>(quantum: 250_000)
    var backlogged: [BackloggedRequest] = []
    let limits: QueueLimits
    private let isMetered: Bool
    /// The first deadline of what waits in batches; `.max` without any.
    var firstDeadline = Int64.max
    /// Whether someone may have gone who waits in a batch.
    var hasAbandoned = false

    /// Requests are gathered to at most this many instances; a larger request runs alone.
    public static let batchLimit = 128

    /// A worker without sessions; it takes one at the first request for each model.
    ///
    /// - Parameter isMetered: whether the time that it takes says what a model costs.
    public init(limits: QueueLimits = QueueLimits(), isMetered: Bool = true, time: TimeSource = .system) {
        self.limits = limits
        self.isMetered = isMetered
        self.time = time
    }

    deinit {
        for entry in sessions { entry.model.park(entry.session) }
    }

    /// Runs requests for one model together and gives each its answer, in order.
    ///
    /// Requests of equal instance shape share inferences along the first dimension. A fault of one inference is the
    /// answer of the requests in it alone.
    public func predict(_ requests: [PredictRequest], on model: Model) -> [Result<PredictResponse, InferenceError>] {
        let session: ModelSession
        do throws(InferenceError) {
            session = try self.session(of: model)
        } catch {
            return requests.map { _ in .failure(error) }
        }
        var answers: [Result<PredictResponse, InferenceError>] = []
        answers.reserveCapacity(requests.count)
        var start = 0
        while start < requests.count {
            if let fault = requests[start].mismatch(with: model.signature) {
                answers.append(.failure(fault))
                start += 1
                continue
            }
            var end = start + 1
            var count = requests[start].count
            while end < requests.count, model.signature.isBatched, count + requests[end].count <= Self.batchLimit,
                requests[end].hasInstanceShapes(of: requests[start])
            {
                count += requests[end].count
                end += 1
            }
            run(requests[start..<end], count: count, model, session, &answers)
            start = end
        }
        return answers
    }

    /// Runs one request.
    public func predict(_ request: PredictRequest, on model: Model) -> Result<PredictResponse, InferenceError> {
        predict([request], on: model)[0]
    }

    /// Gives back the sessions of all models but these; to be called after a reload. What waits is still answered.
    public func keep(only models: [Model]) {
        for batch in batches { batch.isRetired = !models.contains { $0 === batch.model } }
        if !isRunning { batches.removeAll { $0.isRetired && $0.waiting.isEmpty } }
        sessions.removeAll { entry in
            if models.contains(where: { $0 === entry.model }) { return false }
            if batches.contains(where: { $0.model === entry.model }) { return false }
            entry.model.park(entry.session)
            return true
        }
    }

    /// Gives back the session of a model.
    func giveBack(_ model: Model) {
        guard let index = sessions.firstIndex(where: { $0.model === model }) else { return }
        model.park(sessions.remove(at: index).session)
    }

    // MARK: - One batch

    private func run(
        _ requests: ArraySlice<PredictRequest>,
        count: Int,
        _ model: Model,
        _ session: ModelSession,
        _ answers: inout [Result<PredictResponse, InferenceError>]
    ) {
        let before = time.monotonic()
        let batch: [Tensor]
        do throws(InferenceError) {
            batch =
                try model.signature.isBatched
                ? session.run(requests, count: count) : session.run(whole: requests[requests.startIndex])
        } catch {
            answers.append(contentsOf: requests.map { _ in .failure(error) })
            return
        }
        let nanoseconds = time.monotonic() - before
        if isMetered { model.ran(instances: count, nanoseconds: nanoseconds) }
        var offset = 0
        for request in requests {
            do throws(InferenceError) {
                let answer = try PredictResponse(
                    model: model,
                    inputs: request.inputs,
                    batch: batch,
                    offset: offset,
                    count: request.count,
                    form: request.form,
                    allowsNonFinite: request.allowsNonFinite,
                    nanoseconds: nanoseconds,
                    batchSize: count
                )
                answers.append(.success(answer))
            } catch {
                answers.append(.failure(error))
            }
            offset += request.count
        }
    }

    /// The session of a model: the one it has, or one that the model lends.
    func session(of model: Model) throws(InferenceError) -> ModelSession {
        for entry in sessions where entry.model === model { return entry.session }
        let session = try model.takeSession()
        sessions.append((model, session))
        return session
    }
}

@available(*, unavailable)
extension InferenceWorker: Sendable {}

extension PredictRequest {
    /// What keeps these inputs from being the model's; nil when nothing does. The parser cannot make such a request,
    /// but one may have been parsed for another version.
    func mismatch(with signature: ModelSignature) -> InferenceError? {
        guard inputs.count == signature.inputs.count else {
            return InferenceError(
                .inputInvalid,
                "expected \(signature.inputs.count) inputs (\(signature.inputNames)), got \(inputs.count)"
            )
        }
        for (info, tensor) in zip(signature.inputs, inputs) {
            guard tensor.elementType == info.elementType else {
                return InferenceError(
                    .inputInvalid,
                    "input '\(info.name)' must be \(info.elementType.rawValue), got \(tensor.elementType.rawValue)"
                )
            }
            let fits =
                tensor.shape.count == info.shape.count
                && zip(info.shape, tensor.shape).dropFirst(signature.isBatched ? 1 : 0)
                    .allSatisfy { $0 < 0 ? $1 > 0 : $0 == $1 }
            guard fits else {
                return InferenceError(
                    .inputInvalid,
                    "input '\(info.name)' must have shape \(describe(shape: info.shape)), got "
                        + describe(shape: tensor.shape)
                )
            }
        }
        return nil
    }

    fileprivate func hasInstanceShapes(of other: PredictRequest) -> Bool {
        inputs.count == other.inputs.count
            && zip(inputs, other.inputs).allSatisfy {
                $0.elementType == $1.elementType && $0.shape.dropFirst() == $1.shape.dropFirst()
            }
    }
}
