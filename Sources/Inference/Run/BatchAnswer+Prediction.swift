// SPDX-License-Identifier: Apache-2.0

import Glibc
public import Quality

extension BatchAnswer {
    /// What the model said of an instance; of a model that has a ``Model/task``.
    ///
    /// The confidence is the largest score where the scores are probabilities (none negative, their sum 1), else that of
    /// their softmax.
    public func prediction(of instance: Int) -> Prediction {
        withRow(instance) { output, _ in Prediction(scores: output) }
    }

    /// Mean and standard deviation of the numbers of an instance's first input.
    ///
    /// - Returns: nil for texts, half-precision and empty inputs, and where they are not finite.
    public func inputMoments(of instance: Int) -> (mean: Double, deviation: Double)? {
        withRow(instance) { _, input in
            switch model.signature.inputs[0].elementType {
            case .float32: input.moments(Float.self) { Double($0) }
            case .float64: input.moments(Double.self) { $0 }
            case .int8: input.moments(Int8.self) { Double($0) }
            case .int16: input.moments(Int16.self) { Double($0) }
            case .int32: input.moments(Int32.self) { Double($0) }
            case .int64: input.moments(Int64.self) { Double($0) }
            case .bool, .uint8: input.moments(UInt8.self) { Double($0) }
            case .uint16: input.moments(UInt16.self) { Double($0) }
            case .uint32: input.moments(UInt32.self) { Double($0) }
            case .uint64: input.moments(UInt64.self) { Double($0) }
            case .float16, .bfloat16, .bytes: nil
            }
        }
    }
}

extension Prediction {
    /// - Parameter scores: 32-bit floats, at least one; of one it is the value, of more the largest is the class.
    init(scores: UnsafeRawBufferPointer) {
        let count = scores.count / 4
        func score(_ place: Int) -> Float { scores.loadUnaligned(fromByteOffset: 4 * place, as: Float.self) }
        guard count > 1 else {
            self.init(category: -1, output: count == 1 ? Double(score(0)) : 0)
            return
        }
        var best = 0
        var sum: Float = 0
        var isProbability = true
        for place in 0..<count {
            let value = score(place)
            if value > score(best) { best = place }
            sum += value
            if value < 0 { isProbability = false }
        }
        var confidence = Double(score(best))
        if !isProbability || abs(sum - 1) > 1e-3 {
            var scaled = 0.0
            for place in 0..<count { scaled += exp(Double(score(place)) - confidence) }
            confidence = 1 / scaled
        }
        self.init(category: Int32(best), output: confidence)
    }
}

extension UnsafeRawBufferPointer {
    fileprivate func moments<Element: BitwiseCopyable>(
        _ type: Element.Type,
        _ number: (Element) -> Double
    ) -> (mean: Double, deviation: Double)? {
        let size = MemoryLayout<Element>.size
        let count = count / size
        guard count > 0 else { return nil }
        var sum = 0.0
        var squares = 0.0
        for place in 0..<count {
            let value = number(loadUnaligned(fromByteOffset: place * size, as: type))
            sum += value
            squares += value * value
        }
        let mean = sum / Double(count)
        let variance = squares / Double(count) - mean * mean
        guard mean.isFinite, variance.isFinite else { return nil }
        return (mean, variance > 0 ? variance.squareRoot() : 0)
    }
}
