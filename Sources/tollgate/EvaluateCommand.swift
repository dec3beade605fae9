// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Gateway
import GatewayCore
import Inference

extension ModelCommand {
    struct Evaluate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run labelled instances through the inference core and count what is right.",
            discussion: """
                The data is NDJSON, a line for each instance: {"label": 7, "instance": [0.0, …]}. Nothing is asked of a
                running gateway: the model is loaded here, in the same core.

                EXAMPLES
                  tollgate model evaluate digits --data examples/digits/heldout.ndjson
                  tollgate model evaluate digits-onnx --version 1 --data heldout.ndjson --output json
                """
        )
        @Argument(help: "The model's name.") var name: String
        @Option(help: "NDJSON file of labelled instances.") var data: String
        @Option(help: "Version; without it the highest.") var version: Int64?
        @OptionGroup var form: OutputOption
        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            let configuration = try options.load()
            guard let name = ModelName(name) else { throw fail("'\(self.name)' is no model name") }
            guard let text = FileManager.default.contents(atPath: data) else {
                throw fail("\(data): cannot be read", .noInput)
            }
            let evaluation: Evaluation
            let model: Model
            do {
                let repository = try ModelRepository(
                    directory: configuration.models.directory,
                    rules: configuration.models.rules
                )
                model = try repository.model(name, version: version).get()
                let worker = InferenceWorker()
                evaluation = try text.withUnsafeBytes { Evaluation.run($0, on: model, worker: worker) }.get()
            } catch let refusal as Refusal {
                throw fail(refusal.sentence + (refusal.detail.isEmpty ? "" : " (\(refusal.detail))"))
            } catch let error as InferenceError {
                throw fail(error.sentence + (error.detail.isEmpty ? "" : " (\(error.detail))"))
            }
            form.output.write(evaluation.json(of: model), text: evaluation.text(of: model))
        }
    }
}

extension Evaluation {
    fileprivate func json(of model: Model) -> JSON {
        [
            "model": .string(model.name.description), "version": .integer(model.version),
            "sha256": .string(model.digest), "count": .integer(Int64(count)), "correct": .integer(Int64(correct)),
            "accuracy": .double(accuracy),
            "confusion_matrix": .array(confusion.map { .array($0.map { .integer(Int64($0)) }) }),
            "latency_us": [
                "mean": .double(latency.mean / 1000), "p50": .double(Double(latency.p50) / 1000),
                "p99": .double(Double(latency.p99) / 1000),
            ],
        ]
    }

    fileprivate func text(of model: Model) -> String {
        func decimals(_ value: Double, _ count: Int) -> String { String(format: "%.\(count)f", value) }
        var lines = [
            "\(model.name) version \(model.version), \(model.format.rawValue), sha256 \(model.digest.prefix(16))…", "",
            "accuracy  Σ I(y = y′) / n = \(correct) / \(count) = \(decimals(accuracy, 4))",
            "latency   mean \(decimals(latency.mean / 1000, 1)) µs, p50 \(decimals(Double(latency.p50) / 1000, 1)) µs, "
                + "p99 \(decimals(Double(latency.p99) / 1000, 1)) µs for one instance", "",
            "confusion matrix (rows: label, columns: prediction)",
        ]
        let width = max(4, String(count).count + 1)
        func row(_ title: String, _ cells: [String]) -> String {
            ([title] + cells).map { String(repeating: " ", count: max(0, width - $0.count)) + $0 }.joined()
        }
        lines.append(row("", confusion.indices.map(String.init)))
        for (label, cells) in confusion.enumerated() {
            lines.append(row(String(label), cells.map { $0 == 0 ? "·" : String($0) }))
        }
        return lines.joined(separator: "\n")
    }
}
