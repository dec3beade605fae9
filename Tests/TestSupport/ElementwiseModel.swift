// SPDX-License-Identifier: Apache-2.0

/// A model that tests can compute by hand, as the XML of OpenVINO's own format; its weights file is empty.
public struct ElementwiseModel {
    /// A tensor that the model takes: its element type as OpenVINO writes it, `f32`, and its shape, -1 where it is open.
    public struct Input {
        let name: String
        let type: String
        let shape: [Int]

        /// A tensor of that name.
        public init(_ name: String, _ type: String, _ shape: [Int]) {
            self.name = name
            self.type = type
            self.shape = shape
        }
    }

    /// A tensor that it gives: an operation on two inputs (or the same twice) of one type and shape.
    public struct Output {
        let name: String
        let operation: String
        let a: Int
        let b: Int

        /// A tensor of that name.
        ///
        /// - Parameter operation: `Add`, `Multiply`, `Divide`, `LogicalAnd`; of inputs by their places.
        public init(_ name: String, _ operation: String, _ a: Int, _ b: Int) {
            self.name = name
            self.operation = operation
            self.a = a
            self.b = b
        }
    }

    let inputs: [Input]
    let outputs: [Output]

    /// A model of those tensors.
    public init(_ inputs: [Input], _ outputs: [Output]) {
        self.inputs = inputs
        self.outputs = outputs
    }

    /// The file model.xml.
    public var xml: String {
        var layers = ""
        var edges = ""
        for (place, input) in inputs.enumerated() {
            let shape = input.shape.map { $0 < 0 ? "?" : String($0) }.joined(separator: ",")
            layers += """
                <layer id="\(place)" name="\(escape(input.name))" type="Parameter" version="opset1">
                <data shape="\(shape)" element_type="\(input.type)"/>
                <output>\(port(0, input, names: input.name))</output></layer>

                """
        }
        for (place, output) in outputs.enumerated() {
            let like = inputs[output.a]
            let id = inputs.count + 2 * place

            layers += """
                <layer id="\(id)" name="op\(place)" type="\(output.operation)" version="opset1"><data auto_broadcast="numpy"/>
                <input>\(port(0, like))\(port(1, like))</input>
                <output>\(port(2, like, names: output.name))</output></layer>
                <layer id="\(id + 1)" name="result\(place)" type="Result" version="opset1">
                <input>\(port(0, like))</input></layer>

                """
            edges += """
                <edge from-layer="\(output.a)" from-port="0" to-layer="\(id)" to-port="0"/>
                <edge from-layer="\(output.b)" from-port="0" to-layer="\(id)" to-port="1"/>
                <edge from-layer="\(id)" from-port="2" to-layer="\(id + 1)" to-port="0"/>

                """
        }
        return """
            <?xml version="1.0"?><net name="elementwise" version="11"><layers>
            \(layers)</layers><edges>
            \(edges)</edges></net>
            """
    }

    private func port(_ id: Int, _ like: Input, names: String? = nil) -> String {
        let names = names.map { " names=\"\(escape($0))\"" } ?? ""
        let precision = like.type == "boolean" ? "BOOL" : like.type.uppercased().replacing(/^F/, with: "FP")
        let dims = like.shape.map { "<dim>\($0)</dim>" }.joined()
        return "<port id=\"\(id)\" precision=\"\(precision)\"\(names)>\(dims)</port>"
    }

    private func escape(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing("\"", with: "&quot;")
    }
}
