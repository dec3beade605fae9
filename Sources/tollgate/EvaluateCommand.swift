// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import Gateway
import GatewayCore
import Inference
import Quality

extension ModelCommand {
    struct Evaluate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Run labelled instances through the inference core: what is right, how sure, how fast.",
            discussion: """
                Nothing is asked of a running gateway: the model is loaded here, in the same core. The data is
                  .ndjson  a line for each instance: {"label": 7, "instance": [0.0, …]}
                  .csv     a row of numbers for each; the label's column is named 'label', or by --label-column
                  .npz     arrays x (or X, instances, x_test, images, data) and y (or Y, labels, y_test, label, target)
                  .npy     an array of instances, with --labels for the file of their labels
                Arrays are little-endian numbers in C order, the instances along the first dimension.

                --compare runs another version on the same data and says whether the difference may be chance (McNemar's
                exact test). --save-reference writes the reference.json that drift is measured from; it belongs in the
                version's folder.

                EXAMPLES
                  tollgate model evaluate digits --data examples/digits/heldout.ndjson
                  tollgate model evaluate digits/2 --compare digits/1 --data test.npz --fail-under 0.95 --fail-if-worse
                  tollgate model evaluate models/digits/2 --data x.npy --labels y.npy --output json
                  tollgate model evaluate digits --data test.csv --save-reference models/digits/1/reference.json

                EXIT CODES
                  0 done; 1 the model did not load, is under --fail-under, or is worse with --fail-if-worse; 65 the data is
                  not what it should be: file, line and column are named; 66 a file cannot be read; 73 not written
                """
        )
        @Argument(help: "NAME, NAME/VERSION, or the folder of a version.") var model: String
        @Option(help: "File of labelled instances: .ndjson, .csv, .npz or .npy.", completion: .file()) var data: String
        @Option(help: "Labels of an .npy file, an .npy file too.", completion: .file()) var labels: String?
        @Option(help: "The label's column of a CSV file, by name or number from 1.") var labelColumn: String?
        @Option(help: "Version; without it the highest.") var version: Int64?
        @Option(help: "Another NAME, NAME/VERSION or folder, to be run on the same data.") var compare: String?
        @Option(help: "Fail when the accuracy is below this, from 0 to 1.") var failUnder: Double?
        @Flag(help: "Fail when the model is significantly worse than --compare's (p < 0.05).") var failIfWorse = false
        @Option(help: "Write what drift is measured from to this file.", completion: .file()) var saveReference: String?
        @OptionGroup var form: OutputOption
        @OptionGroup var options: ConfigurationOptions

        func run() throws {
            if failIfWorse, compare == nil { throw fail("--fail-if-worse needs --compare", .usage) }
            if let failUnder, !(0...1).contains(failUnder) { throw fail("--fail-under must be from 0 to 1", .usage) }
            let configuration = try options.load()
            let data = try DataFile(path: self.data, labels: labels, labelColumn: labelColumn).read()
            let model = try ModelChoice(self.model, version: version, configuration).load()
            let evaluation = try evaluate(model, data)
            if let saveReference { try save(evaluation.reference, to: saveReference) }
            var report = EvaluationReport(model: model, evaluation: evaluation)
            if let compare {
                let other = try ModelChoice(compare, version: nil, configuration).load()
                guard other.task == model.task else {
                    throw fail("\(compare) has other classes than \(self.model), so they cannot be compared")
                }
                report.compare(with: other, try evaluate(other, data))
            }
            form.output.write(report.json, text: report.text)
            if let failUnder, case .classification = evaluation.task, evaluation.accuracy < failUnder {
                throw fail("the accuracy \(evaluation.accuracy) is below \(failUnder)")
            }
            if failIfWorse, report.comparison?.isWorse == true {
                throw fail("\(self.model) is significantly worse than \(compare ?? "")")
            }
        }

        private func evaluate(_ model: Model, _ data: LabelledData) throws -> Evaluation {
            var progress = ProgressLine("\(model.name)/\(model.version)")
            defer { progress.end() }
            let result = Evaluation.run(data, on: model, worker: InferenceWorker()) { done, all in
                progress.show(done, of: all)
            }
            do {
                return try result.get()
            } catch {
                progress.end()
                throw fail(error.sentence + (error.detail.isEmpty ? "" : " (\(error.detail))"), .badData)
            }
        }

        private func save(_ reference: ReferenceProfile?, to path: String) throws {
            guard let reference,
                FileManager.default.createFile(
                    atPath: path,
                    contents: Data((reference.json.serialized() + "\n").utf8)
                )
            else { throw fail("\(path): cannot be written", .noOutput) }
        }
    }
}

/// The model that an argument means.
private struct ModelChoice {
    private let text: String
    private let name: ModelName
    private let version: Int64?
    private let directory: String
    private let rules: RepositoryRules

    init(_ text: String, version: Int64?, _ configuration: Configuration) throws {
        self.text = text
        rules = try configuration.repositoryRules()
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        if parts.count <= 2, let name = ModelName(parts[0]), parts.count == 1 || Int64(parts[1]) != nil {
            self.name = name
            self.version = parts.count == 2 ? Int64(parts[1]) : version
            directory = configuration.models.directory
            return
        }
        // …/NAME/VERSION
        let folder = URL(fileURLWithPath: text).standardizedFileURL.path
        let components = folder.split(separator: "/")
        guard components.count >= 2, let number = Int64(components[components.count - 1]), number > 0,
            let name = ModelName(components[components.count - 2])
        else { throw fail("'\(text)' is no NAME, NAME/VERSION or folder that ends so", .usage) }
        self.name = name
        self.version = number
        directory = "/" + components.dropLast(2).joined(separator: "/")
    }

    func load() throws -> Model {
        do {
            return try ModelRepository.load(name, version: version, from: directory, rules: rules)
        } catch let refusal as Refusal {
            throw fail("\(text): " + refusal.sentence + (refusal.detail.isEmpty ? "" : " (\(refusal.detail))"))
        } catch let error as InferenceError {
            throw fail("\(text): " + error.sentence + (error.detail.isEmpty ? "" : " (\(error.detail))"))
        }
    }
}
