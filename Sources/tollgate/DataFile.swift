// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import Inference
import Quality

/// A file of labelled instances, of the form that its name ends in.
struct DataFile {
    let path: String
    let labels: String?
    let labelColumn: String?

    /// - Throws: exit code 64 for options that do not go together, 65 for what is in the file, 66 when it cannot be read.
    func read() throws -> LabelledData {
        let ending = path.split(separator: ".").last.map { $0.lowercased() } ?? ""
        if labels != nil, ending != "npy" { throw fail("--labels belongs to an .npy file", .usage) }
        if labelColumn != nil, ending != "csv" { throw fail("--label-column belongs to a .csv file", .usage) }
        do {
            switch ending {
            case "csv":
                return .numbers(try LabelledNumbers(csv: try bytes(of: path), labelColumn: labelColumn, file: path))
            case "npz": return .numbers(try LabelledNumbers(npz: try bytes(of: path), file: path))
            case "npy":
                guard let labels else { throw fail("an .npy file of instances needs --labels", .usage) }
                return .numbers(
                    try LabelledNumbers(
                        npy: try bytes(of: path),
                        file: path,
                        labels: try bytes(of: labels),
                        labelsFile: labels
                    )
                )
            case "ndjson", "jsonl": return .lines(try bytes(of: path), file: path)
            default: throw fail("\(path): name it .ndjson, .csv, .npz or .npy, by what it holds", .usage)
            }
        } catch let fault as DataFault {
            throw fail(fault.description.visible, .badData)
        }
    }

    private func bytes(of path: String) throws -> [UInt8] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw fail("\(path): cannot be read", .noInput)
        }
        return [UInt8](data)
    }
}
