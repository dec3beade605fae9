// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore

/// The part of JSON Schema (draft 2020-12) that the description uses; `format` says nothing here.
struct Schema {
    /// Where references lead.
    let root: JSON

    func resolved(_ json: JSON) -> JSON {
        guard let reference = json["$ref"]?.string else { return json }
        let found = reference.split(separator: "/").dropFirst().reduce(Optional(root)) { $0?[String($1)] }
        return found.map(resolved) ?? .bool(false)
    }

    /// What is wrong with a value, in words.
    func faults(of value: JSON, _ schema: JSON, at place: String) -> [String] {
        let schema = resolved(schema)
        if let all = schema.bool { return all ? [] : ["\(place) may not be there"] }
        var faults: [String] = []
        if let type = schema["type"] {
            let types = type.array ?? [type]
            if !types.contains(where: { Self.is(value, $0.string ?? "") }) { faults.append("\(place) is not \(type)") }
        }
        if let all = schema["enum"]?.array, !all.contains(value) { faults.append("\(place) is none of \(all)") }
        if let only = schema["const"], only != value { faults.append("\(place) is not \(only)") }
        func fitting(_ name: String) -> Int? {
            schema[name]?.array.map { $0.count { self.faults(of: value, $0, at: place).isEmpty } }
        }
        if let count = fitting("anyOf"), count == 0 { faults.append("\(place) fits nothing of anyOf: \(value)") }
        if let count = fitting("oneOf"), count != 1 { faults.append("\(place) fits \(count) of oneOf") }
        for one in schema["allOf"]?.array ?? [] { faults += self.faults(of: value, one, at: place) }
        if let not = schema["not"], self.faults(of: value, not, at: place).isEmpty {
            faults.append("\(place) fits 'not'")
        }
        if let number = value.number { faults += limits(number, schema, "minimum", "maximum", place) }
        if let text = value.string {
            faults += limits(Double(text.unicodeScalars.count), schema, "minLength", "maxLength", place)
            if let pattern = schema["pattern"]?.string, text.range(of: pattern, options: .regularExpression) == nil {
                faults.append("\(place) is not as \(pattern): \(text)")
            }
        }
        if let array = value.array {
            faults += limits(Double(array.count), schema, "minItems", "maxItems", place)
            if let items = schema["items"] {
                for (index, item) in array.enumerated() {
                    faults += self.faults(of: item, items, at: "\(place)[\(index)]")
                }
            }
        }
        return faults + members(value, schema, place)
    }

    private func members(_ value: JSON, _ schema: JSON, _ place: String) -> [String] {
        guard let members = value.members else { return [] }
        var faults: [String] = []
        for name in (schema["required"]?.array ?? []).compactMap(\.string) where value[name] == nil {
            faults.append("\(place) has no '\(name)'")
        }
        for member in members {
            let described = schema["properties"]?[member.name] ?? schema["additionalProperties"] ?? .bool(true)
            faults += self.faults(of: member.value, described, at: "\(place).\(member.name)")
        }
        return faults
    }

    private func limits(_ number: Double, _ schema: JSON, _ low: String, _ high: String, _ place: String) -> [String] {
        let isWithin = schema[low]?.number ?? number <= number && number <= schema[high]?.number ?? number
        return isWithin ? [] : ["\(place) is beyond \(low) or \(high): \(number)"]
    }

    private static func `is`(_ value: JSON, _ type: String) -> Bool {
        switch type {
        case "null": value == .null
        case "boolean": value.bool != nil
        case "integer": value.integer != nil
        case "number": value.number != nil
        case "string": value.string != nil
        case "array": value.array != nil
        case "object": value.members != nil
        default: false
        }
    }
}
