// SPDX-License-Identifier: Apache-2.0

/// An inference engine: reads models and compiles them for one thread at a time.
///
/// The module is written against ``ServingEngine``, a concrete type that chooses between those that conform here, so that
/// no call on the road goes through an existential.
protocol Engine: Sendable {
    /// A model as read: shared by all threads, compiled once for each.
    associatedtype Program: EngineProgram

    /// Reads a model of that format; `path` is what the format names, a file or, for a SavedModel, its directory.
    func read(path: String, format: ModelFormat) throws(InferenceError) -> Program
}

protocol EngineProgram: Sendable {
    associatedtype Session: EngineSession

    var signature: ModelSignature { get }

    /// Makes the model ready to run; takes milliseconds to seconds.
    ///
    /// - Parameter batch: the only batch the session will run, which makes it faster; nil for any the model takes.
    func compile(batch: Int?) throws(InferenceError) -> Session
}

/// A compiled model with its tensors. Used by one thread at a time.
protocol EngineSession {
    /// Runs the model once.
    ///
    /// - Parameters:
    ///   - shapes: the full shape of every input, in the signature's order.
    ///   - fill: writes one input's elements into memory of exactly that shape.
    /// - Returns: the outputs in the signature's order.
    func run(
        shapes: [[Int]],
        fill: (_ input: Int, _ memory: UnsafeMutableRawBufferPointer) -> Void
    ) throws(InferenceError) -> [Tensor]

    /// Runs the model once on tensors of the full shapes, texts among them or not.
    ///
    /// - Returns: the outputs in the signature's order.
    func run(whole tensors: [Tensor]) throws(InferenceError) -> [Tensor]

    /// The tensors' own memory when all shapes are known; nil otherwise.
    var bound: BoundTensors? { get }

    /// Runs the model on what stands in the memory of the bound inputs; the answer then stands in that of the outputs.
    func infer() throws(InferenceError)
}
