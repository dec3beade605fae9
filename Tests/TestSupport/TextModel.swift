// SPDX-License-Identifier: Apache-2.0

/// A model that takes texts apart and puts them together again: `x` of shape [any] gives `y` and, under a name that
/// TensorFlow Serving takes for bytes, `y_bytes`; as the XML of OpenVINO's own format, its weights file being empty.
public enum TextModel {
    /// The file model.xml.
    public static let xml: String = {
        func port(_ id: Int, _ precision: String, names: String = "") -> String {
            let names = names.isEmpty ? "" : " names=\"\(names)\""
            return "<port id=\"\(id)\" precision=\"\(precision)\"\(names)><dim>-1</dim></port>"
        }
        let parts = port(0, "I32") + port(1, "I32") + port(2, "U8")
        func pack(_ id: Int, _ name: String) -> String {
            """
            <layer id="\(id)" name="pack\(id)" type="StringTensorPack" version="opset15">
            <input>\(parts)</input><output>\(port(3, "STRING", names: name))</output></layer>
            <layer id="\(id + 1)" name="result\(id)" type="Result" version="opset1">
            <input>\(port(0, "STRING"))</input></layer>
            """
        }
        let edges = [2, 4].map { id in
            (0..<3).map { "<edge from-layer=\"1\" from-port=\"\($0 + 1)\" to-layer=\"\(id)\" to-port=\"\($0)\"/>" }
                .joined()
                + "<edge from-layer=\"\(id)\" from-port=\"3\" to-layer=\"\(id + 1)\" to-port=\"0\"/>"
        }
        return """
            <?xml version="1.0"?><net name="text" version="11"><layers>
            <layer id="0" name="x" type="Parameter" version="opset1"><data shape="?" element_type="string"/>
            <output>\(port(0, "STRING", names: "x"))</output></layer>
            <layer id="1" name="unpack" type="StringTensorUnpack" version="opset15"><input>\(port(0, "STRING"))</input>
            <output>\(port(1, "I32"))\(port(2, "I32"))\(port(3, "U8"))</output></layer>
            \(pack(2, "y"))\(pack(4, "y_bytes"))</layers><edges>
            <edge from-layer="0" from-port="0" to-layer="1" to-port="0"/>\(edges.joined())</edges></net>
            """
    }()
}
