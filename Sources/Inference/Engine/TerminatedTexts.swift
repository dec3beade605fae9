// SPDX-License-Identifier: Apache-2.0

/// The elements of a tensor of texts, each with a NUL behind it, as the engines' C interfaces take them.
struct TerminatedTexts {
    private var bytes: [UInt8] = []
    private var starts: [Int] = []

    /// - Throws: `inputInvalid` for an element with a NUL byte, which an engine would take for its end.
    init(_ tensor: Tensor, input name: String) throws(InferenceError) {
        for (place, element) in tensor.byteElements.enumerated() {
            guard !element.contains(0) else {
                throw InferenceError(
                    .inputInvalid,
                    "element \(place) of input '\(name)' holds a NUL byte, which the engine cannot take"
                )
            }
            starts.append(bytes.count)
            bytes += element + [0]
        }
    }

    /// The texts' addresses, until the call returns.
    func withPointers<Result>(_ body: (UnsafeMutableBufferPointer<UnsafePointer<CChar>?>) -> Result) -> Result {
        bytes.withUnsafeBytes { memory in
            let base = memory.baseAddress?.assumingMemoryBound(to: CChar.self)
            var texts: [UnsafePointer<CChar>?] = starts.map { start in base.map { $0 + start } }
            return texts.withUnsafeMutableBufferPointer { body($0) }
        }
    }
}
