// SPDX-License-Identifier: Apache-2.0

/// The largest elements of an output with their places, as texts `VALUE:INDEX` (the protocol's extension
/// `classification`); models come without labels, so none follows.
struct Classification {
    /// `[batch, k]`, or `[k]` without a batch.
    let shape: [Int]
    /// Row by row, the largest first; of equals the one that comes first.
    let texts: [String]

    /// - Parameter count: how many of each row, or as many as there are.
    init(_ tensor: Tensor, _ isBatched: Bool, _ count: Int) {
        let rows = isBatched ? tensor.shape[0] : 1
        let size = rows == 0 ? 0 : tensor.count / rows
        let count = min(count, size)
        shape = isBatched ? [rows, count] : [count]
        var texts: [String] = []
        texts.reserveCapacity(rows * count)
        for row in 0..<rows {
            let values = tensor.ranks(in: row * size..<(row + 1) * size)
            // NaN is smaller than all.
            let order = values.indices.sorted {
                let (a, b) = (values[$0].key, values[$1].key)
                if a == b || a.isNaN && b.isNaN { return $0 < $1 }
                return b.isNaN || a > b
            }
            for index in order.prefix(count) { texts.append("\(values[index].text):\(index)") }
        }
        self.texts = texts
    }
}

extension Tensor {
    /// Elements as what they are ordered by and how they are written.
    fileprivate func ranks(in range: Range<Int>) -> [(key: Double, text: String)] {
        bytes.withUnsafeBytes { memory in
            func all<Element: BitwiseCopyable>(
                _ type: Element.Type,
                _ rank: (Element) -> (Double, String)
            ) -> [(key: Double, text: String)] {
                range.map { rank(memory.loadUnaligned(fromByteOffset: $0 * MemoryLayout<Element>.size, as: type)) }
            }
            switch elementType {
            case .bool: return all(UInt8.self) { (Double($0), $0 == 0 ? "0" : "1") }
            case .int8: return all(Int8.self) { (Double($0), $0.description) }
            case .int16: return all(Int16.self) { (Double($0), $0.description) }
            case .int32: return all(Int32.self) { (Double($0), $0.description) }
            case .int64: return all(Int64.self) { (Double($0), $0.description) }
            case .uint8: return all(UInt8.self) { (Double($0), $0.description) }
            case .uint16: return all(UInt16.self) { (Double($0), $0.description) }
            case .uint32: return all(UInt32.self) { (Double($0), $0.description) }
            case .uint64: return all(UInt64.self) { (Double($0), $0.description) }
            case .float16: return all(Float16.self) { (Double($0), Float($0).description) }
            case .bfloat16: return all(BFloat16.self) { (Double($0.float), $0.float.description) }
            case .float32: return all(Float.self) { (Double($0), $0.description) }
            case .float64: return all(Double.self) { ($0, $0.description) }
            case .bytes: preconditionFailure("texts have no order")
            }
        }
    }
}
