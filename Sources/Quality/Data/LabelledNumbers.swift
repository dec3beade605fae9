// SPDX-License-Identifier: Apache-2.0

/// Instances of numbers with their labels, whatever file they came from.
public struct LabelledNumbers: Sendable {
    private enum Content {
        case table(CSVTable)
        case arrays(instances: NumPyArray, labels: NumPyArray)
    }

    private let content: Content
    private let file: String
    /// Of one instance; nil where the file has no shape, but a row of numbers.
    public let instanceShape: [Int]?
    /// Instances.
    public let count: Int

    /// Names under which `.npz` archives have them, the first that is there counts.
    static let instanceNames = ["x", "X", "instances", "x_test", "X_test", "images", "data"]
    static let labelNames = ["y", "Y", "labels", "y_test", "Y_test", "label", "target"]

    /// Rows of a CSV file.
    public init(csv bytes: [UInt8], labelColumn: String?, file: String) throws(DataFault) {
        let table = try CSVTable(bytes, labelColumn: labelColumn, file: file)
        content = .table(table)
        self.file = file
        instanceShape = nil
        count = table.rows.count
    }

    /// An `.npz` archive with instances and labels; see ``instanceNames`` and ``labelNames``.
    public init(npz bytes: [UInt8], file: String, limit: Int = 1 << 34) throws(DataFault) {
        let archive = try ZipArchive(bytes, file: file)
        func array(_ names: [String], _ what: String) throws(DataFault) -> NumPyArray {
            for name in names {
                guard let member = try archive.member("\(name).npy", limit: limit) else { continue }
                return try NumPyArray(member, file: "\(file):\(name)")
            }
            throw DataFault(
                file,
                "",
                "has no array of \(what); name it \(names[0]) (there are \(archive.names.prefix(10).joined(separator: ", ")))"
            )
        }
        try self.init(
            instances: try array(Self.instanceNames, "instances"),
            labels: try array(Self.labelNames, "labels"),
            file: file,
            labelsFile: file
        )
    }

    /// Two `.npy` files.
    public init(
        npy bytes: [UInt8],
        file: String,
        labels: [UInt8],
        labelsFile: String
    ) throws(DataFault) {
        try self.init(
            instances: try NumPyArray(bytes, file: file),
            labels: try NumPyArray(labels, file: labelsFile),
            file: file,
            labelsFile: labelsFile
        )
    }

    private init(instances: NumPyArray, labels: NumPyArray, file: String, labelsFile: String) throws(DataFault) {
        guard let count = instances.shape.first, count > 0 else { throw DataFault(file, "", "has no instance") }
        // Of shape [n], or [n, 1] as some save it.
        guard labels.shape.first == count, labels.count == count else {
            throw DataFault(
                labelsFile,
                "",
                "has labels of shape \(labels.shape) for \(count) instances; expected [\(count)]"
            )
        }
        content = .arrays(instances: instances, labels: labels)
        self.file = file
        self.count = count
        instanceShape = Array(instances.shape.dropFirst())
    }

    /// The numbers of an instance, in C order.
    public func instance(_ index: Int) -> [Double] {
        switch content {
        case .table(let table): return table.rows[index]
        case .arrays(let instances, _):
            let size = instances.count / count
            return (index * size..<(index + 1) * size).map { instances[$0] }
        }
    }

    /// The label of an instance.
    public func label(_ index: Int) -> Double {
        switch content {
        case .table(let table): table.labels[index]
        case .arrays(_, let labels): labels[index]
        }
    }

    /// `digits.csv, line 3`, `digits.npz, instance 2` (from 0).
    public func place(_ index: Int) -> String {
        switch content {
        case .table(let table): "\(file), line \(table.lines[index])"
        case .arrays: "\(file), instance \(index)"
        }
    }
}
