// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

/// A models' folder for the inference protocols: the digits, and small models that a test can compute by hand.
enum InferenceModels {
    static func make() throws -> String {
        let directory = try TestRun.makeDirectory("models")
        try FileManager.default.copyItem(atPath: "\(TestRun.models)/digits", toPath: "\(directory)/digits")
        try "{\"stable\": 1, \"next\": 2}".write(
            toFile: "\(directory)/digits/labels.json",
            atomically: true,
            encoding: .utf8
        )
        let types = [
            ("int8", "i8"), ("int16", "i16"), ("int32", "i32"), ("int64", "i64"), ("uint8", "u8"), ("uint16", "u16"),
            ("uint32", "u32"), ("uint64", "u64"), ("fp16", "f16"), ("bf16", "bf16"), ("fp32", "f32"), ("fp64", "f64"),
        ]
        for (name, type) in types {
            try write(
                ElementwiseModel([.init("x", type, [-1, 3])], [.init("y", "Add", 0, 0)]).xml,
                "twice-\(name)",
                directory
            )
        }
        let models: [(String, ElementwiseModel)] = [
            ("twice-bool", ElementwiseModel([.init("x", "boolean", [-1, 2])], [.init("y", "LogicalAnd", 0, 0)])),
            (
                "pair",
                ElementwiseModel(
                    [.init("a", "i32", [-1, 2]), .init("b", "i32", [-1, 2])],
                    [.init("sum \"of\"/ä&<b>", "Add", 0, 1), .init("product", "Multiply", 0, 1)]
                )
            ),
            ("scalar", ElementwiseModel([.init("x", "f32", [])], [.init("y", "Add", 0, 0)])),
            ("open", ElementwiseModel([.init("x", "f32", [-1, -1])], [.init("y", "Add", 0, 0)])),
            (
                "quotient",
                ElementwiseModel([.init("a", "f32", [-1]), .init("b", "f32", [-1])], [.init("q", "Divide", 0, 1)])
            ),
        ]
        for (name, model) in models { try write(model.xml, name, directory) }
        try write(TextModel.xml, "text", directory)
        return directory
    }

    private static func write(_ xml: String, _ name: String, _ directory: String) throws {
        let folder = "\(directory)/\(name)/1"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try xml.write(toFile: "\(folder)/model.xml", atomically: true, encoding: .utf8)
        try Data().write(to: URL(fileURLWithPath: "\(folder)/model.bin"))
    }
}
