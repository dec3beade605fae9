// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The body of feedback: `{"labels": [{"request_id": "…", "label": 7}, …]}`, or a line for each label (NDJSON). A request of
/// several instances has as many labels: `"label": [7, 3]`.
struct FeedbackBody {
    /// The labels of one request.
    struct Item {
        /// As it came, for the answer.
        let text: String
        /// nil for a text that is no request's id.
        let id: RequestID?
        let labels: [Double]
    }

    /// The most requests, and the most instances, of one call.
    static let maxLabels = 4096

    let items: [Item]

    /// - Throws: a refusal that names the place, from 0, or the line, from 1.
    init(_ body: [UInt8]) throws(Refusal) {
        var items: [Item] = []
        var count = 0
        func add(_ json: JSON, _ place: @autoclosure () -> String) throws(Refusal) {
            let item = try Self.item(json, place())
            count += max(1, item.labels.count)
            guard count <= Self.maxLabels else {
                throw Refusal(
                    .tooManyInstances,
                    "At most \(Self.maxLabels) labels are taken in one call; send several."
                )
            }
            items.append(item)
        }
        let lines = body.split(separator: 0x0a).filter { line in
            line.contains { $0 != 0x20 && $0 != 0x0d && $0 != 0x09 }
        }
        if let first = lines.first, let json = try? JSON.parse(first), json["request_id"] != nil {
            for (number, line) in body.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
            where line.contains(where: { $0 != 0x20 && $0 != 0x0d && $0 != 0x09 }) {
                let json: JSON
                do {
                    json = try JSON.parse(line)
                } catch {
                    throw Refusal(.jsonMalformed, "Line \(number + 1) is not JSON: \(error).")
                }
                try add(json, "line \(number + 1)")
            }
        } else {
            let json = try JSONBody(body, fields: ["labels"]).json
            guard let labels = json["labels"]?.array else {
                throw JSONBody.missing("labels", "a list of {\"request_id\": …, \"label\": …}")
            }
            for (place, label) in labels.enumerated() { try add(label, "labels[\(place)]") }
        }
        guard !items.isEmpty else { throw Refusal(.fieldMissing, "There is no label in the body.") }
        self.items = items
    }

    private static func item(_ json: JSON, _ place: String) throws(Refusal) -> Item {
        guard let members = json.members else {
            throw Refusal(.fieldInvalid, "\(place) must be {\"request_id\": …, \"label\": …}.")
        }
        for member in members where !["request_id", "label"].contains(member.name) {
            throw Refusal(
                .fieldInvalid,
                "\(place) has a field '\(member.name.prefix(40))'; there are request_id, label."
            )
        }
        guard let text = json["request_id"]?.string, text.unicodeScalars.count <= 64 else {
            throw Refusal(.fieldInvalid, "\(place): 'request_id' must be the X-Request-Id of an answer.")
        }
        let values = json["label"].map { $0.array ?? [$0] } ?? []
        let labels = values.compactMap(\.number).filter(\.isFinite)
        guard !labels.isEmpty, labels.count == values.count else {
            throw Refusal(
                .fieldInvalid,
                "\(place): 'label' must be the number of a class or a value, or a list with one for each instance."
            )
        }
        return Item(text: text, id: RequestID(text), labels: labels)
    }
}
