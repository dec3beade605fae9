// SPDX-License-Identifier: Apache-2.0

/// An ONNX model with a branch: `y = x > 0 ? x + x : -x` for one number, of shape [1, 1].
///
/// OpenVINO refuses it, for the condition has two dimensions; ONNX Runtime takes any of one element.
public struct BranchModel {
    /// ONNX's TensorProto.DataType of x and y: 1 for floats; 8 for texts, of which both branches give x.
    public var elementType: UInt64 = 1
    /// Where the zero that x is compared with is said to lie, in place of here.
    public var externalFile: String?

    /// Of floats, whole in one file.
    public init() {}

    /// The file.
    public var bytes: [UInt8] {
        let isText = elementType == 8
        var nodes = [node("Greater", isText ? ["c", "zero"] : ["x", "zero"], "positive")]
        let branches =
            isText
            ? [node("Identity", ["x"], "a"), node("Identity", ["x"], "b")]
            : [node("Add", ["x", "x"], "a"), node("Neg", ["x"], "b")]
        let attributes = zip(["then_branch", "else_branch"], zip(branches, ["a", "b"])).map { name, branch in
            // AttributeProto: name, g, type GRAPH.
            field(1, name) + field(6, graph([branch.0], name, outputs: [value(branch.1, elementType)])) + number(20, 5)
        }
        nodes.append(node("If", ["positive"], "y", attributes: attributes))
        var inputs = [value("x", elementType)]
        if isText { inputs.append(value("c", 1)) }
        let main = graph(nodes, "main", inputs: inputs, outputs: [value("y", elementType)], initializers: [zero])
        // ModelProto: ir_version, graph, opset_import.
        return number(1, 8) + field(7, main) + field(8, field(1, "") + number(2, 17))
    }

    private var zero: [UInt8] {
        let shape = number(1, 1) + number(1, 1) + number(2, 1) + field(8, "zero")
        guard let externalFile else { return shape + field(9, [0, 0, 0, 0]) }
        return shape + field(13, field(1, "location") + field(2, externalFile)) + number(14, 1)
    }

    private func graph(
        _ nodes: [[UInt8]],
        _ name: String,
        inputs: [[UInt8]] = [],
        outputs: [[UInt8]],
        initializers: [[UInt8]] = []
    ) -> [UInt8] {
        nodes.flatMap { field(1, $0) } + field(2, name) + initializers.flatMap { field(5, $0) }
            + inputs.flatMap { field(11, $0) } + outputs.flatMap { field(12, $0) }
    }

    private func node(_ type: String, _ inputs: [String], _ output: String, attributes: [[UInt8]] = []) -> [UInt8] {
        inputs.flatMap { field(1, $0) } + field(2, output) + field(4, type) + attributes.flatMap { field(5, $0) }
    }

    /// ValueInfoProto of shape [1, 1].
    private func value(_ name: String, _ type: UInt64) -> [UInt8] {
        let one = field(1, number(1, 1))
        return field(1, name) + field(2, field(1, number(1, type) + field(2, one + one)))
    }

    // MARK: - Protobuf

    private func varint(_ value: UInt64) -> [UInt8] {
        value < 0x80 ? [UInt8(value)] : [UInt8(value & 0x7f) | 0x80] + varint(value >> 7)
    }

    private func number(_ field: UInt64, _ value: UInt64) -> [UInt8] { varint(field << 3) + varint(value) }

    private func field(_ number: UInt64, _ bytes: [UInt8]) -> [UInt8] {
        varint(number << 3 | 2) + varint(UInt64(bytes.count)) + bytes
    }

    private func field(_ number: UInt64, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }
}
