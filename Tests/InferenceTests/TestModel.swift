// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import TestSupport
import Testing

@testable import Inference

extension TemporaryDirectory {
    /// Writes a dense layer as NAME/VERSION.
    func write(_ layer: DenseLayer, as version: String) throws {
        try write(layer.xml, to: "\(version)/model.xml")
        try write(layer.bin, to: "\(version)/model.bin")
    }
}

/// A model small enough to compute by hand: `scores = pixels · weights`, in OpenVINO's own format.
struct DenseLayer {
    var inputs = 4
    var outputs = 3
    /// -1 lets the batch be open.
    var batch = -1
    /// Row-major, `inputs` × `outputs`.
    var weights: [Float]

    init(inputs: Int = 4, outputs: Int = 3, batch: Int = -1) {
        self.inputs = inputs
        self.outputs = outputs
        self.batch = batch
        weights = (0..<inputs * outputs).map { Float(($0 * 7) % 11) / 8 - 0.5 }
    }

    /// What the model must answer for one instance.
    func scores(_ pixels: [Float]) -> [Float] {
        (0..<outputs).map { column in
            (0..<inputs).reduce(0) { $0 + pixels[$1] * weights[$1 * outputs + column] }
        }
    }

    var bin: [UInt8] { weights.withUnsafeBytes { Array($0) } }

    var xml: String {
        """
        <?xml version="1.0"?>
        <net name="dense" version="11">
          <layers>
            <layer id="0" name="pixels" type="Parameter" version="opset1">
              <data shape="\(batch < 0 ? "?" : String(batch)),\(inputs)" element_type="f32"/>
              <output><port id="0" precision="FP32" names="pixels"><dim>\(batch)</dim><dim>\(inputs)</dim></port></output>
            </layer>
            <layer id="1" name="weights" type="Const" version="opset1">
              <data element_type="f32" shape="\(inputs), \(outputs)" offset="0" size="\(inputs * outputs * 4)"/>
              <output><port id="0" precision="FP32"><dim>\(inputs)</dim><dim>\(outputs)</dim></port></output>
            </layer>
            <layer id="2" name="product" type="MatMul" version="opset1">
              <data transpose_a="false" transpose_b="false"/>
              <input>
                <port id="0" precision="FP32"><dim>\(batch)</dim><dim>\(inputs)</dim></port>
                <port id="1" precision="FP32"><dim>\(inputs)</dim><dim>\(outputs)</dim></port>
              </input>
              <output><port id="2" precision="FP32" names="scores"><dim>\(batch)</dim><dim>\(outputs)</dim></port></output>
            </layer>
            <layer id="3" name="result" type="Result" version="opset1">
              <input><port id="0" precision="FP32"><dim>\(batch)</dim><dim>\(outputs)</dim></port></input>
            </layer>
          </layers>
          <edges>
            <edge from-layer="0" from-port="0" to-layer="2" to-port="0"/>
            <edge from-layer="1" from-port="0" to-layer="2" to-port="1"/>
            <edge from-layer="2" from-port="2" to-layer="3" to-port="0"/>
          </edges>
        </net>
        """
    }
}

func parse(
    _ body: String,
    _ signature: ModelSignature,
    maxInstances: Int = 100
) -> Result<PredictRequest, Refusal> {
    parse(Array(body.utf8), signature, maxInstances: maxInstances)
}

func parse(
    _ body: [UInt8],
    _ signature: ModelSignature,
    maxInstances: Int = 100
) -> Result<PredictRequest, Refusal> {
    body.withUnsafeBytes { PredictRequest.parse(body: $0, signature: signature, maxInstances: maxInstances) }
}
