// SPDX-License-Identifier: Apache-2.0

import Synchronization

/// The engines that a model may run on.
public enum EngineName: String, Hashable, Sendable {
    case openVINO = "openvino"
    case onnxRuntime = "onnxruntime"
}

/// OpenVINO, and ONNX Runtime for ONNX models that OpenVINO refuses.
final class ServingEngine: Sendable {
    private let openVINO: OpenVINOEngine
    private let library: String?
    /// Opened when it is first needed; a failure is not kept, for the library may be installed later.
    private let onnxRuntime = Mutex<ONNXRuntimeEngine?>(nil)

    /// - Parameter onnxRuntimeLibrary: the path of its library; nil to let the dynamic linker look for it.
    init(onnxRuntimeLibrary: String? = nil) throws(InferenceError) {
        openVINO = try OpenVINOEngine()
        library = onnxRuntimeLibrary
    }

    /// Reads a model with OpenVINO.
    func read(path: String, format: ModelFormat) throws(InferenceError) -> ServingProgram {
        .openVINO(try openVINO.read(path: path, format: format))
    }

    /// Reads a model that OpenVINO refused, at whatever step, with ONNX Runtime.
    ///
    /// - Throws: the refusal itself where another engine is of no use; the sentence says what is missing.
    func readAgain(path: String, format: ModelFormat, after refusal: InferenceError) throws(InferenceError)
        -> ServingProgram
    {
        guard format == .onnx, [.modelInvalid, .modelUnsupported, .engineFailed].contains(refusal.code),
            let graph = try ONNXFile(path: path)?.graph
        else { throw refusal }
        let engine: ONNXRuntimeEngine
        do throws(InferenceError) {
            engine = try opened()
        } catch {
            throw InferenceError(
                .modelUnsupported,
                "OpenVINO refuses this model (\(Self.reason(of: refusal, graph))); \(error.sentence)",
                detail: "\(refusal.detail) | \(error.detail)"
            )
        }
        do throws(InferenceError) {
            return .onnxRuntime(try engine.read(path: path, format: format))
        } catch {
            throw InferenceError(error.code, error.sentence, detail: "\(refusal.detail) | \(error.detail)")
        }
    }

    /// `If-13`, or what OpenVINO says, and what of the model's graph is behind it.
    private static func reason(of refusal: InferenceError, _ graph: ONNXGraph) -> String {
        let operators = refusedOperators(in: refusal.detail)
        let control = graph.controlFlow.filter { name in !operators.contains { $0.hasPrefix("\(name)-") } }
        let behind = control.isEmpty ? "" : "; it has \(control.joined(separator: ", "))"
        return (operators.isEmpty ? refusal.sentence : operators.joined(separator: ", ")) + behind
    }

    private func opened() throws(InferenceError) -> ONNXRuntimeEngine {
        let result = onnxRuntime.withLock { engine -> Result<ONNXRuntimeEngine, InferenceError> in
            if let engine { return .success(engine) }
            do throws(InferenceError) {
                let opened = try ONNXRuntimeEngine(path: library)
                engine = opened
                return .success(opened)
            } catch { return .failure(error) }
        }
        return try result.get()
    }
}

/// A model as one of the engines read it.
enum ServingProgram: EngineProgram {
    case openVINO(OpenVINOProgram)
    case onnxRuntime(ONNXRuntimeProgram)

    var signature: ModelSignature {
        switch self {
        case .openVINO(let program): program.signature
        case .onnxRuntime(let program): program.signature
        }
    }

    var engine: EngineName {
        switch self {
        case .openVINO: .openVINO
        case .onnxRuntime: .onnxRuntime
        }
    }

    func compile(batch: Int?) throws(InferenceError) -> ServingSession {
        switch self {
        case .openVINO(let program): .openVINO(try program.compile(batch: batch))
        case .onnxRuntime(let program): .onnxRuntime(try program.compile(batch: batch))
        }
    }
}

/// A model made ready by one of the engines.
enum ServingSession: EngineSession {
    case openVINO(OpenVINOSession)
    case onnxRuntime(ONNXRuntimeSession)

    func run(
        shapes: [[Int]],
        fill: (_ input: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) -> [Tensor] {
        switch self {
        case .openVINO(let session): try session.run(shapes: shapes, fill: fill)
        case .onnxRuntime(let session): try session.run(shapes: shapes, fill: fill)
        }
    }

    func run(whole tensors: [Tensor]) throws(InferenceError) -> [Tensor] {
        switch self {
        case .openVINO(let session): try session.run(whole: tensors)
        case .onnxRuntime(let session): try session.run(whole: tensors)
        }
    }

    var bound: BoundTensors? {
        switch self {
        case .openVINO(let session): session.bound
        case .onnxRuntime: nil
        }
    }

    func infer() throws(InferenceError) {
        switch self {
        case .openVINO(let session): try session.infer()
        case .onnxRuntime(let session): try session.infer()
        }
    }
}
