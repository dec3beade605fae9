// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

/// A model of two inputs and two outputs, in OpenVINO's own format: `sum = a + b` and `product = a · b`, elementwise.
private let pair: String = {
    func port(_ id: Int, _ names: String = "") -> String {
        "<port id=\"\(id)\" precision=\"I32\"\(names)><dim>-1</dim><dim>2</dim></port>"
    }
    func parameter(_ id: Int, _ name: String) -> String {
        """
        <layer id="\(id)" name="\(name)" type="Parameter" version="opset1"><data shape="?,2" element_type="i32"/>
        <output>\(port(0, " names=\"\(name)\""))</output></layer>
        """
    }
    func operation(_ id: Int, _ name: String, _ type: String) -> String {
        """
        <layer id="\(id)" name="\(name)" type="\(type)" version="opset1"><data auto_broadcast="numpy"/>
        <input>\(port(0))\(port(1))</input><output>\(port(2, " names=\"\(name)\""))</output></layer>
        <layer id="\(id + 10)" name="\(name)_result" type="Result" version="opset1"><input>\(port(0))</input></layer>
        """
    }
    let edges = [(0, 0, 2, 0), (1, 0, 2, 1), (0, 0, 3, 0), (1, 0, 3, 1), (2, 2, 12, 0), (3, 2, 13, 0)]
    let lines = edges.map {
        "<edge from-layer=\"\($0.0)\" from-port=\"\($0.1)\" to-layer=\"\($0.2)\" to-port=\"\($0.3)\"/>"
    }
    return """
        <?xml version="1.0"?><net name="pair" version="11"><layers>\(parameter(0, "a"))\(parameter(1, "b"))
        \(operation(2, "sum", "Add"))\(operation(3, "product", "Multiply"))</layers>
        <edges>\(lines.joined())</edges></net>
        """
}()

@Suite struct TwoTensorsTests {
    private let model: Model
    private let worker = InferenceWorker()

    init() throws {
        let folder = try TemporaryDirectory()
        try folder.write(pair, to: "pair/1/model.xml")
        try folder.write([], to: "pair/1/model.bin")
        model = try ModelRepository(directory: folder.path).model(ModelName("pair")!).get()
    }

    private func answer(_ body: String) throws -> String {
        let request = try parse(body, model.signature).get()
        var bytes: [UInt8] = []
        try worker.predict(request, on: model).get().write(into: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    @Test func `the signature lists both inputs and outputs`() {
        #expect(Set(model.signature.inputs.map(\.name)) == ["a", "b"])
        #expect(model.signature.outputs.map(\.name) == ["sum", "product"])
        #expect(model.signature.inputs.allSatisfy { $0.elementType == .int32 && $0.shape == [-1, 2] })
    }

    @Test func `rows of named inputs are answered by rows of named outputs`() throws {
        let answer = try answer("{\"instances\":[{\"a\":[1,2],\"b\":[3,4]},{\"b\":[-7,8],\"a\":[5,6]}]}")
        #expect(
            answer
                == "{\"predictions\":[{\"sum\":[4,6],\"product\":[3,8]},{\"sum\":[-2,14],\"product\":[-35,48]}]}"
        )
    }

    @Test func `columns of named inputs are answered by columns of named outputs`() throws {
        let answer = try answer("{\"inputs\":{\"b\":[[3,4],[-7,8]],\"a\":[[1,2],[5,6]]}}")
        #expect(answer == "{\"outputs\":{\"sum\":[[4,6],[-2,14]],\"product\":[[3,8],[-35,48]]}}")
    }

    @Test func `requests of both forms share a batch`() throws {
        let row = try parse("{\"instances\":[{\"a\":[1,2],\"b\":[3,4]}]}", model.signature).get()
        let column = try parse("{\"inputs\":{\"a\":[[5,6],[7,8]],\"b\":[[1,1],[2,2]]}}", model.signature).get()
        let texts = try worker.predict([row, column], on: model).map { answer in
            var bytes: [UInt8] = []
            try answer.get().write(into: &bytes)
            return String(decoding: bytes, as: UTF8.self)
        }
        #expect(texts[0] == "{\"predictions\":[{\"sum\":[4,6],\"product\":[3,8]}]}")
        #expect(texts[1] == "{\"outputs\":{\"sum\":[[6,7],[9,10]],\"product\":[[5,6],[14,16]]}}")
    }

    @Test func `requests of a turn are answered by name as well`() throws {
        let bodies = [
            "{\"instances\":[{\"a\":[1,2],\"b\":[3,4]}]}", "{\"inputs\":{\"a\":[[5,6],[7,8]],\"b\":[[1,1],[2,2]]}}",
        ]
        for (ticket, body) in bodies.enumerated() {
            let parsed = Array(body.utf8).withUnsafeBytes {
                worker.parse(body: $0, model: model, ticket: UInt64(ticket))
            }
            #expect(throws: Never.self) { try parsed.get() }
        }
        var answers: [String] = []
        worker.run { ticket, result in
            var bytes: [UInt8] = []
            if case .success(let answer) = result { answer.write(into: &bytes) }
            #expect(ticket == UInt64(answers.count))
            answers.append(String(decoding: bytes, as: UTF8.self))
        }
        #expect(try bodies.map(answer) == answers)
    }
}
