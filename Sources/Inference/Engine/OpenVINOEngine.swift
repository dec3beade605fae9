// SPDX-License-Identifier: Apache-2.0

import COpenVINO
import Synchronization

/// OpenVINO's CPU device.
final class OpenVINOEngine: Engine {
    /// Thread-safe by OpenVINO's word ("ov::Core is thread-safe"); the pointer itself never changes.
    fileprivate nonisolated(unsafe) let core: OpaquePointer

    init() throws(InferenceError) {
        var core: OpaquePointer?
        try check(ov_core_create(&core), .engineFailed, "the inference engine cannot start")
        guard let core else { throw InferenceError(.engineFailed, "the inference engine cannot start") }
        self.core = core
        // Mapped weights kill the process by SIGBUS when their file is truncated later.
        try withProperties([("ENABLE_MMAP", "NO")]) { (count, list) throws(InferenceError) in
            try check(
                ov_core_set_properties(core, "CPU", count, list),
                .engineFailed,
                "the inference engine refuses its configuration"
            )
        }
    }

    deinit { ov_core_free(core) }

    func read(path: String, format: ModelFormat) throws(InferenceError) -> OpenVINOProgram {
        var model: OpaquePointer?
        let failure = openVINOLock.withLock { _ -> InferenceError? in
            do throws(InferenceError) {
                try check(
                    ov_core_read_model(core, path, nil, &model),
                    .modelInvalid,
                    "the model's files are not a readable \(format.rawValue) model"
                )
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        guard let model else { throw InferenceError(.modelInvalid, "the engine read no model") }
        return try OpenVINOProgram(engine: self, model: model)
    }
}

/// A model as read from its files.
final class OpenVINOProgram: EngineProgram {
    private let engine: OpenVINOEngine
    /// Never changed after init; compiling clones it, under the lock.
    private nonisolated(unsafe) let model: OpaquePointer
    let signature: ModelSignature

    fileprivate init(engine: OpenVINOEngine, model: OpaquePointer) throws(InferenceError) {
        self.engine = engine
        self.model = model
        do throws(InferenceError) {
            signature = try ModelSignature(reading: model)
        } catch {
            ov_model_free(model)
            throw error
        }
    }

    deinit { ov_model_free(model) }

    func compile(batch: Int?) throws(InferenceError) -> OpenVINOSession {
        var compiled: OpaquePointer?
        let failure = openVINOLock.withLock { _ -> InferenceError? in
            do throws(InferenceError) {
                if let batch { try reshape(batch: batch) }
                try withProperties([
                    // bfloat16, the default where the processor has it, errs in the third digit.
                    ("INFERENCE_PRECISION_HINT", "f32"),
                    ("PERFORMANCE_HINT", "LATENCY"),
                    ("NUM_STREAMS", "1"),
                    ("INFERENCE_NUM_THREADS", "1"),
                    // The caller's thread is an event loop: it is not the engine's to pin.
                    ("ENABLE_CPU_PINNING", "NO"),
                ]) { (count, list) throws(InferenceError) in
                    try check(
                        ov_core_compile_model_props(engine.core, model, "CPU", count, list, &compiled),
                        .modelInvalid,
                        "the model cannot be compiled"
                    )
                }
                if batch != nil { try reshape(batch: nil) }
                return nil
            } catch { return error }
        }
        if let failure { throw failure }
        guard let compiled else { throw InferenceError(.modelInvalid, "the model cannot be compiled") }
        return try OpenVINOSession(compiled: compiled, signature: signature)
    }

    /// Fixes the first dimension of every input, or opens it again. To be called under the lock.
    private func reshape(batch: Int?) throws(InferenceError) {
        let ports = Array(0..<signature.inputs.count)
        let shapes = signature.inputs.map { input in
            [batch ?? input.shape[0]] + input.instanceShape
        }
        var dimensions = shapes.joined().map { ov_dimension_t(min: $0 < 0 ? 0 : Int64($0), max: Int64($0)) }
        let status = dimensions.withUnsafeMutableBufferPointer { dimensions in
            var partial: [ov_partial_shape_t] = []
            var start = 0
            for shape in shapes {
                let rank = ov_rank_t(min: Int64(shape.count), max: Int64(shape.count))
                partial.append(ov_partial_shape_t(rank: rank, dims: dimensions.baseAddress! + start))
                start += shape.count
            }
            return ov_model_reshape_by_port_indexes(model, ports, partial, partial.count)
        }
        try check(status, .modelUnsupported, "the model does not take a batch of \(batch ?? -1)")
    }
}

/// Calls with a C list of properties that lives as long as the call.
private func withProperties(
    _ properties: [(key: StaticString, value: StaticString)],
    _ body: (Int, UnsafePointer<ov_property_t>) throws(InferenceError) -> Void
) throws(InferenceError) {
    let list = UnsafeMutablePointer<ov_property_t>.allocate(capacity: properties.count)
    defer { list.deallocate() }
    for (index, property) in properties.enumerated() {
        let key = UnsafeRawPointer(property.key.utf8Start).assumingMemoryBound(to: CChar.self)
        list[index] = ov_property_t(key: key, value: property.value.utf8Start)
    }
    try body(properties.count, list)
}
