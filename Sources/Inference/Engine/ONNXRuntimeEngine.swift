// SPDX-License-Identifier: Apache-2.0

import CONNXRuntime

/// ONNX Runtime's CPU provider, for ONNX models that OpenVINO refuses.
final class ONNXRuntimeEngine: Engine {
    let library: ONNXRuntimeLibrary
    /// Thread-safe by ONNX Runtime's word; the pointers never change.
    private nonisolated(unsafe) let environment: OpaquePointer
    nonisolated(unsafe) let memory: OpaquePointer
    nonisolated(unsafe) let allocator: OpaquePointer

    /// - Parameter path: of the library; nil to let the dynamic linker look for it.
    init(path: String?) throws(InferenceError) {
        library = try ONNXRuntimeLibrary(path: path)
        var environment: OpaquePointer?
        var memory: OpaquePointer?
        var allocator: OpaquePointer?
        let failed = "ONNX Runtime cannot start"
        try library.check(ort_create_environment(library.api, &environment), .engineFailed, failed)
        guard let environment else { throw InferenceError(.engineFailed, failed) }
        self.environment = environment
        // It lives as long as the process, also when what follows fails: that is once.
        try library.check(ort_disable_telemetry(library.api, environment), .engineFailed, failed)
        try library.check(ort_create_cpu_memory(library.api, 0, 0, &memory), .engineFailed, failed)
        try library.check(ort_default_allocator(library.api, &allocator), .engineFailed, failed)
        guard let memory, let allocator else { throw InferenceError(.engineFailed, failed) }
        self.memory = memory
        self.allocator = allocator
    }

    deinit {
        ort_release_memory(library.api, memory)
        ort_release_environment(library.api, environment)
    }

    /// - Throws: also for a model with weights in other files: the library would look for them where the process runs, and
    ///   map them, which ends the process when they are cut.
    func read(path: String, format: ModelFormat) throws(InferenceError) -> ONNXRuntimeProgram {
        guard let file = try ONNXFile(path: path), let graph = file.graph else {
            throw InferenceError(.modelInvalid, "the model's files are not a readable onnx model")
        }
        guard !graph.hasExternalData else {
            throw InferenceError(
                .modelUnsupported,
                "ONNX Runtime is not given models whose weights lie in other files; save it as one file"
            )
        }
        let made = file.bytes.withUnsafeBytes { bytes -> Result<OpaquePointer, InferenceError> in
            do throws(InferenceError) { return .success(try session(of: bytes)) } catch { return .failure(error) }
        }
        return try ONNXRuntimeProgram(engine: self, session: made.get())
    }

    private func session(of bytes: UnsafeRawBufferPointer) throws(InferenceError) -> OpaquePointer {
        let api = library.api
        var options: OpaquePointer?
        try library.check(ort_create_options(api, &options), .engineFailed, "ONNX Runtime gives no options")
        defer { ort_release_options(api, options) }
        let refused = "ONNX Runtime refuses its configuration"
        // One thread, the caller's; no arena, which keeps the largest request's memory for ever.
        try library.check(ort_set_threads_inside(api, options, 1), .engineFailed, refused)
        try library.check(ort_set_threads_between(api, options, 1), .engineFailed, refused)
        try library.check(ort_set_execution_mode(api, options, 0), .engineFailed, refused)
        try library.check(ort_set_optimization(api, options, 99), .engineFailed, refused)
        try library.check(ort_disable_arena(api, options), .engineFailed, refused)
        try library.check(ort_disable_memory_pattern(api, options), .engineFailed, refused)
        try library.check(ort_set_log_severity(api, options, 4), .engineFailed, refused)
        // Its own format is recognised by content otherwise.
        try library.check(ort_set_entry(api, options, "session.load_model_format", "ONNX"), .engineFailed, refused)
        var session: OpaquePointer?
        try library.check(
            ort_create_session(api, environment, bytes.baseAddress, bytes.count, options, &session),
            .modelInvalid,
            "the model's files are not a readable onnx model"
        )
        guard let session else { throw InferenceError(.modelInvalid, "ONNX Runtime read no model") }
        return session
    }
}

/// The bytes of an ONNX file, read whole.
struct ONNXFile {
    let bytes: [UInt8]

    /// nil where there is no such file.
    init?(path: String) throws(InferenceError) {
        // What protobuf takes at most.
        guard let bytes = try SmallFile.read(path, name: "the model's file", limit: 1 << 31 - 1) else { return nil }
        self.bytes = bytes
    }

    /// nil when it is no ONNX model.
    var graph: ONNXGraph? { bytes.withUnsafeBytes { ONNXGraph($0) } }
}

/// A model that ONNX Runtime made ready; its sessions share it, for a run keeps nothing in it.
final class ONNXRuntimeProgram: EngineProgram {
    let engine: ONNXRuntimeEngine
    nonisolated(unsafe) let session: OpaquePointer
    let signature: ModelSignature
    /// As the file has them, ended by a NUL; freed with this.
    nonisolated(unsafe) let inputNames: [UnsafePointer<CChar>?]
    nonisolated(unsafe) let outputNames: [UnsafePointer<CChar>?]

    /// Takes the session: it is released with the program.
    init(engine: ONNXRuntimeEngine, session: OpaquePointer) throws(InferenceError) {
        self.engine = engine
        self.session = session
        let ports: (inputs: [ONNXRuntimePort], outputs: [ONNXRuntimePort])
        do throws(InferenceError) {
            ports = try ONNXRuntimePort.all(of: session, engine)
            signature = try ModelSignature(served: ports.inputs.map(\.info), ports.outputs.map(\.info))
        } catch {
            ort_release_session(engine.library.api, session)
            throw error
        }
        inputNames = ports.inputs.map { UnsafePointer(copy($0.name)) }
        outputNames = ports.outputs.map { UnsafePointer(copy($0.name)) }
    }

    deinit {
        for name in inputNames + outputNames { name?.deallocate() }
        ort_release_session(engine.library.api, session)
    }

    /// - Throws: `modelUnsupported` for a fixed batch: nothing is gained by one here.
    func compile(batch: Int?) throws(InferenceError) -> ONNXRuntimeSession {
        guard batch == nil else {
            throw InferenceError(.modelUnsupported, "ONNX Runtime is not asked for one batch size")
        }
        return ONNXRuntimeSession(self)
    }
}

private func copy(_ text: [CChar]) -> UnsafeMutablePointer<CChar> {
    let memory = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
    memory.initialize(from: text, count: text.count)
    return memory
}
