// SPDX-License-Identifier: Apache-2.0

import GatewayCore
public import Quality

/// Labelled instances for an evaluation.
public enum LabelledData: Sendable {
    /// NDJSON: lines of `{"label":7,"instance":[…]}`. The file's name is for messages, and may be empty.
    case lines([UInt8], file: String)
    /// Of CSV and NumPy files.
    case numbers(LabelledNumbers)

    /// Instances, where that is known beforehand.
    public var count: Int? {
        switch self {
        case .lines: nil
        case .numbers(let numbers): numbers.count
        }
    }

    /// Goes over the instances as requests for a model.
    ///
    /// - Throws: also what the body throws; either with the place in front.
    func forEach(
        _ info: TensorInfo,
        _ body: (_ label: Double, PredictRequest) throws(Refusal) -> Void
    ) throws(Refusal) {
        switch self {
        case .lines(let text, let file):
            var number = 0
            for line in text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                number += 1
                if line.allSatisfy({ $0 == 0x20 || $0 == 0x0d }) { continue }
                do throws(Refusal) {
                    let (label, request) = try Self.parse(line, info)
                    try body(label, request)
                } catch {
                    throw error.at(file.isEmpty ? "line \(number)" : "\(file), line \(number)")
                }
            }
        case .numbers(let numbers):
            for index in 0..<numbers.count {
                do throws(Refusal) {
                    let tensor = try Tensor(numbers.instance(index), shape: numbers.instanceShape, of: info)
                    try body(numbers.label(index), PredictRequest(inputs: [tensor]))
                } catch {
                    throw error.at(numbers.place(index))
                }
            }
        }
    }

    private static func parse(
        _ line: ArraySlice<UInt8>,
        _ info: TensorInfo
    ) throws(Refusal) -> (label: Double, request: PredictRequest) {
        let parsed = line.withUnsafeBytes { bytes -> Result<(Double, PredictRequest), Refusal> in
            do throws(Refusal) {
                let (label, request) = try LabelledInstance.parse(bytes, info)
                return .success((label, request))
            } catch {
                return .failure(error)
            }
        }
        return try parsed.get()
    }
}

extension Refusal {
    fileprivate func at(_ place: String) -> Refusal {
        var refusal = self
        refusal.sentence = "\(place): \(sentence)"
        return refusal
    }
}

extension Tensor {
    /// One instance for an input, with a batch of 1 in front.
    ///
    /// - Parameter shape: nil, or another one of as many elements, where the numbers are the input's in C order.
    /// - Throws: `shape_mismatch` for more or fewer numbers, `number_invalid` for one that the type cannot hold.
    init(_ numbers: [Double], shape: [Int]?, of info: TensorInfo) throws(Refusal) {
        var found = info.instanceShape
        let open = found.indices.filter { found[$0] < 0 }
        if !open.isEmpty {
            let known = found.filter { $0 >= 0 }.reduce(1, *)
            if let shape, shape.count == found.count, zip(found, shape).allSatisfy({ $0 < 0 || $0 == $1 }) {
                found = shape
            } else if open.count == 1, known > 0, numbers.count % known == 0 {
                found[open[0]] = numbers.count / known
            }
        }
        guard !found.contains(-1), found.reduce(1, *) == numbers.count else {
            throw Refusal(
                .shapeMismatch,
                "expected instance shape \(describe(shape: info.instanceShape)), got \(describe(shape: shape ?? [numbers.count]))"
            )
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(numbers.count * info.elementType.size)
        for number in numbers {
            guard info.elementType.append(number, to: &bytes) else {
                throw Refusal(.numberInvalid, "\(number) is no \(info.elementType.rawValue), which the model takes")
            }
        }
        self.init(elementType: info.elementType, shape: [1] + found, bytes: bytes)
    }
}

extension ElementType {
    /// - Returns: false for a number that the type cannot hold.
    fileprivate func append(_ number: Double, to bytes: inout [UInt8]) -> Bool {
        func put<Number>(_ value: Number) { withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) } }
        func whole<Number: FixedWidthInteger>(_ type: Number.Type) -> Bool {
            guard let value = Number(exactly: number) else { return false }
            put(value)
            return true
        }
        switch self {
        case .bool:
            guard number == 0 || number == 1 else { return false }
            put(UInt8(number))
        case .int8: return whole(Int8.self)
        case .int16: return whole(Int16.self)
        case .int32: return whole(Int32.self)
        case .int64: return whole(Int64.self)
        case .uint8: return whole(UInt8.self)
        case .uint16: return whole(UInt16.self)
        case .uint32: return whole(UInt32.self)
        case .uint64: return whole(UInt64.self)
        case .float16: put(Float16(number))
        case .bfloat16: put(BFloat16(Float(number)))
        case .float32: put(Float(number))
        case .float64: put(number)
        case .bytes: return false
        }
        return true
    }
}
