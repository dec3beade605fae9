// SPDX-License-Identifier: Apache-2.0

/// A model whose inference takes long for a body of one number: `x` of shape [any, 1] goes through square matrices that
/// average it, one after the other, and comes out as `y` of the same shape and value; as the XML of OpenVINO's own format.
public struct ChainModel {
    private let width: Int
    private let layers: Int

    /// - Parameters:
    ///   - width: of the matrices; a power of two, so that an average is exact.
    ///   - layers: how many there are.
    public init(width: Int = 1024, layers: Int = 16) {
        self.width = width
        self.layers = layers
    }

    /// The file model.bin: a matrix of 1 / width, which all layers share, then a row of ones.
    public var weights: [UInt8] {
        func bytes(_ value: Float) -> [UInt8] {
            withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) }
        }
        let average = bytes(1 / Float(width))
        let one = bytes(1)
        var weights: [UInt8] = []
        weights.reserveCapacity(4 * width * (width + 1))
        for _ in 0..<width * width { weights += average }
        for _ in 0..<width { weights += one }
        return weights
    }

    /// The file model.xml.
    public var xml: String {
        func port(_ id: Int, _ shape: [Int], names: String? = nil) -> String {
            let names = names.map { " names=\"\($0)\"" } ?? ""
            return "<port id=\"\(id)\" precision=\"FP32\"\(names)>"
                + shape.map { "<dim>\($0)</dim>" }.joined() + "</port>"
        }
        func constant(_ id: Int, _ shape: [Int], offset: Int) -> String {
            """
            <layer id="\(id)" name="c\(id)" type="Const" version="opset1"><data element_type="f32" \
            shape="\(shape.map(String.init).joined(separator: ","))" offset="\(offset)" \
            size="\(4 * shape.reduce(1, *))"/><output>\(port(0, shape))</output></layer>

            """
        }
        func product(_ id: Int, _ a: [Int], _ b: [Int], _ result: [Int], names: String? = nil) -> String {
            """
            <layer id="\(id)" name="m\(id)" type="MatMul" version="opset1">
            <data transpose_a="false" transpose_b="false"/><input>\(port(0, a))\(port(1, b))</input>
            <output>\(port(2, result, names: names))</output></layer>

            """
        }
        let wide = [-1, width]
        // 0: x; 1: the matrix; 2: the row; 3: x times the row; 4 and on: the layers; then the last column's matrix.
        var nodes =
            """
            <layer id="0" name="x" type="Parameter" version="opset1"><data shape="?,1" element_type="f32"/>
            <output>\(port(0, [-1, 1], names: "x"))</output></layer>

            """
        nodes += constant(1, [width, width], offset: 0)
        nodes += constant(2, [1, width], offset: 4 * width * width)
        nodes += product(3, [-1, 1], [1, width], wide)
        var edges = [(0, 0, 3, 0), (2, 0, 3, 1)]
        for layer in 0..<layers {
            nodes += product(4 + layer, wide, [width, width], wide)
            edges += [(3 + layer, 2, 4 + layer, 0), (1, 0, 4 + layer, 1)]
        }
        let last = 4 + layers
        // The matrix's first column as one of its own.
        nodes += constant(last, [width, 1], offset: 0)
        nodes += product(last + 1, wide, [width, 1], [-1, 1], names: "y")
        nodes +=
            """
            <layer id="\(last + 2)" name="result" type="Result" version="opset1"><input>\(port(0, [-1, 1]))</input></layer>

            """
        edges += [(last - 1, 2, last + 1, 0), (last, 0, last + 1, 1), (last + 1, 2, last + 2, 0)]
        let lines = edges.map {
            "<edge from-layer=\"\($0.0)\" from-port=\"\($0.1)\" to-layer=\"\($0.2)\" to-port=\"\($0.3)\"/>\n"
        }
        return "<?xml version=\"1.0\"?><net name=\"chain\" version=\"11\"><layers>\n\(nodes)</layers><edges>\n"
            + lines.joined() + "</edges></net>\n"
    }
}
