// SPDX-License-Identifier: Apache-2.0

import Quality

/// How far the answers of two versions to one request are apart.
struct AnswerComparison: Hashable, Sendable {
    /// Instances of the request.
    let instances: Int
    /// Of those, how many have the same answer.
    let agreeing: Int
    /// The largest absolute difference of two numbers in the same place; infinite where one of them is none, and where the
    /// forms differ.
    let maxDifference: Double

    /// Whether all instances have the same answer.
    var isAgreed: Bool { agreeing == instances }

    /// Compares the outputs of two versions for the same inputs.
    ///
    /// - Parameters:
    ///   - task: of both; nil where they have none, or not the same.
    ///   - tolerance: what numbers may be apart that are no scores of classes.
    init(_ a: [Tensor], _ b: [Tensor], instances: Int, task: PredictionTask?, tolerance: Double) {
        self.instances = instances
        guard a.count == b.count, zip(a, b).allSatisfy({ $0.shape == $1.shape && $0.elementType == $1.elementType })
        else {
            agreeing = 0
            maxDifference = .infinity
            return
        }
        var same = [Bool](repeating: true, count: instances)
        var largest = 0.0
        for (a, b) in zip(a, b) {
            // Without a batch there is one instance, and it has all.
            let isBatched = a.shape.first == instances
            for instance in 0..<instances {
                let difference =
                    isBatched ? Self.difference(a, b, instance, of: instances) : Self.difference(a, b, 0, of: 1)
                largest = max(largest, difference)
                if case .classification = task {
                    same[instance] = a.category(instance, of: instances) == b.category(instance, of: instances)
                } else if difference > tolerance {
                    same[instance] = false
                }
            }
        }
        agreeing = same.count { $0 }
        maxDifference = largest
    }

    /// The largest difference in one of `count` parts of two tensors of one type and shape.
    private static func difference(_ a: Tensor, _ b: Tensor, _ part: Int, of count: Int) -> Double {
        guard a.elementType != .bytes else {
            let (x, y) = (a.byteElements, b.byteElements)
            let size = x.count / count
            return x[part * size..<(part + 1) * size] == y[part * size..<(part + 1) * size] ? 0 : .infinity
        }
        let size = a.bytes.count / count
        let range = part * size..<(part + 1) * size
        return a.bytes.withUnsafeBytes { x in
            b.bytes.withUnsafeBytes { y in
                let (x, y) = (UnsafeRawBufferPointer(rebasing: x[range]), UnsafeRawBufferPointer(rebasing: y[range]))
                func largest<Element: BitwiseCopyable>(_ type: Element.Type, _ number: (Element) -> Double) -> Double {
                    var largest = 0.0
                    for offset in stride(from: 0, to: x.count, by: MemoryLayout<Element>.size) {
                        let p = number(x.loadUnaligned(fromByteOffset: offset, as: Element.self))
                        let q = number(y.loadUnaligned(fromByteOffset: offset, as: Element.self))
                        // Equal infinities, and NaN in the same place, differ in nothing.
                        if p == q || p.isNaN && q.isNaN { continue }
                        let difference = abs(p - q)
                        largest = max(largest, difference.isNaN ? .infinity : difference)
                    }
                    return largest
                }
                return switch a.elementType {
                case .float32: largest(Float.self) { Double($0) }
                case .float64: largest(Double.self) { $0 }
                case .int8: largest(Int8.self) { Double($0) }
                case .int16: largest(Int16.self) { Double($0) }
                case .int32: largest(Int32.self) { Double($0) }
                case .int64: largest(Int64.self) { Double($0) }
                case .bool, .uint8: largest(UInt8.self) { Double($0) }
                case .uint16: largest(UInt16.self) { Double($0) }
                case .uint32: largest(UInt32.self) { Double($0) }
                case .uint64: largest(UInt64.self) { Double($0) }
                case .float16: largest(Float16.self) { Double($0) }
                case .bfloat16: largest(BFloat16.self) { Double($0.float) }
                case .bytes: .infinity
                }
            }
        }
    }
}

extension Tensor {
    /// The class of an instance, where these are scores.
    fileprivate func category(_ instance: Int, of count: Int) -> Int32 {
        let size = bytes.count / count
        return bytes.withUnsafeBytes { bytes in
            let row = UnsafeRawBufferPointer(rebasing: bytes[instance * size..<(instance + 1) * size])
            return Prediction(scores: row).category
        }
    }
}
