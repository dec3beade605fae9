// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Yams

/// The gateway's own description of its calls, and what an answer has that is not in it.
struct Description {
    struct Operation {
        let id: String
        let listeners: [String]
        fileprivate let method: String
        fileprivate let path: String
        fileprivate let json: JSON
    }

    let operations: [Operation]
    private let document: JSON

    init(yaml: String) throws {
        guard let any = try Yams.load(yaml: yaml) else { throw HarnessError("the description is empty") }
        document = try Self.json(any)
        var operations: [Operation] = []
        for item in document["paths"]?.members ?? [] {
            for verb in item.value.members ?? [] where verb.name != "parameters" {
                operations.append(
                    Operation(
                        id: verb.value["operationId"]?.string ?? "",
                        listeners: (verb.value["x-listener"]?.array ?? []).compactMap(\.string),
                        method: verb.name.uppercased(),
                        path: item.name,
                        json: verb.value
                    )
                )
            }
        }
        self.operations = operations
    }

    private static func json(_ any: Any) throws -> JSON {
        switch any {
        case let value as Bool: .bool(value)
        case let value as Int: .integer(Int64(value))
        case let value as Double: .double(value)
        case let value as String: .string(value)
        case is NSNull: .null
        case let value as [Any]: .array(try value.map(json))
        case let value as [String: Any]: .object(try value.map { JSON.Member($0.key, try json($0.value)) })
        default: throw HarnessError("what is \(any) in JSON?")
        }
    }

    /// The operation of a call; of two paths that fit, the one with fewer parameters.
    func operation(_ method: String, _ path: String) -> Operation? {
        let target = path.split(separator: "?")[0].split(separator: "/", omittingEmptySubsequences: false)
        func fits(_ template: String) -> Bool {
            let parts = template.split(separator: "/", omittingEmptySubsequences: false)
            return parts.count == target.count
                && zip(parts, target).allSatisfy { part, text in
                    guard let open = part.firstIndex(of: "{"), let close = part.firstIndex(of: "}") else {
                        return part == text
                    }
                    let tail = part[part.index(after: close)...]
                    let name = text.dropLast(tail.count)
                    return text.hasPrefix(part[..<open]) && text.hasSuffix(tail) && !name.isEmpty
                        && !name.contains(":") && !name.hasSuffix(".p")
                }
        }
        return operations.filter { $0.method == method && fits($0.path) }
            .min { $0.path.count { $0 == "{" } < $1.path.count { $0 == "{" } }
    }

    /// What the answer has that the operation does not say, in words; empty when it is as described.
    func faults(of answer: Answer, to operation: Operation) -> [String] {
        guard let response = resolved(operation.json["responses"]?[String(answer.status)]) else {
            return ["the status \(answer.status) is not described"]
        }
        var faults: [String] = []
        for header in response["headers"]?.members ?? [] {
            guard let described = resolved(header.value), let value = answer.header(header.name) else {
                if resolved(header.value)?["required"] == true { faults.append("there is no field \(header.name)") }
                continue
            }
            let isInteger = resolved(described["schema"])?["type"] == "integer"
            let json = isInteger ? Int64(value).map(JSON.integer) ?? .string(value) : .string(value)
            faults += Schema(root: document).faults(of: json, described["schema"] ?? .bool(true), at: header.name)
        }
        let media = (answer.header("Content-Type") ?? "").split(separator: ";").first.map(String.init) ?? ""
        guard let content = response["content"] else {
            return faults + (answer.body.isEmpty ? [] : ["there is a body"])
        }
        guard let described = content[media] else { return faults + ["the media type '\(media)' is not described"] }
        let isJSON = media == "application/json" || media.hasSuffix("+json")
        guard isJSON, let schema = described["schema"] else { return faults }
        guard let body = try? answer.json else { return faults + ["the body is not JSON"] }
        return faults + Schema(root: document).faults(of: body, schema, at: "body")
    }

    private func resolved(_ json: JSON?) -> JSON? { json.map { Schema(root: document).resolved($0) } }
}
