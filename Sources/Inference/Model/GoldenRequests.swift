// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// `golden.ndjson` in a version's folder: requests with the answers that the version must give before it takes traffic.
///
/// A line each: `{"request": {"instances": …}, "expected": {"predictions": …}, "tolerance": 1e-4}`, bodies of TensorFlow
/// Serving's REST API. Numbers may differ by the tolerance, absolutely; without one by 1e-4. The rest must be equal.
struct GoldenRequests: Sendable {
    static let fileName = "golden.ndjson"
    private static let maxLines = 1000

    private struct Case: Sendable {
        let line: Int
        let request: [UInt8]
        let expected: JSON
        let tolerance: Double
    }

    private let cases: [Case]

    /// - Throws: `verificationFailed` that names the line which is no golden request.
    init(_ text: [UInt8]) throws(InferenceError) {
        var cases: [Case] = []
        for (place, line) in text.split(separator: 0x0a, omittingEmptySubsequences: false).enumerated()
        where line.contains(where: { $0 != 0x20 && $0 != 0x0d && $0 != 0x09 }) {
            let json: JSON
            do {
                json = try JSON.parse(line)
            } catch {
                throw Self.wrong(place + 1, "is not JSON: \(error)")
            }
            guard let request = json["request"], let expected = json["expected"] else {
                throw Self.wrong(place + 1, "must have 'request' and 'expected'")
            }
            let tolerance = json["tolerance"]?.number ?? (json["tolerance"] == nil ? 1e-4 : -1)
            guard tolerance >= 0, tolerance.isFinite else {
                throw Self.wrong(place + 1, "must have a 'tolerance' of at least 0")
            }
            guard cases.count < Self.maxLines else { throw Self.wrong(place + 1, "is one too many: at most 1000") }
            cases.append(
                Case(
                    line: place + 1,
                    request: Array(request.serialized().utf8),
                    expected: expected,
                    tolerance: tolerance
                )
            )
        }
        self.cases = cases
    }

    /// Asks the model.
    ///
    /// - Throws: `verificationFailed` that names the first line whose answer is another, and where.
    func verify(_ model: Model) throws(InferenceError) {
        let worker = InferenceWorker()
        for golden in cases {
            let answer: JSON
            do {
                answer = try Self.answer(to: golden.request, of: model, worker)
            } catch let refusal as Refusal {
                throw Self.failed(golden.line, "is refused: \(refusal.sentence)")
            } catch let error as InferenceError {
                throw Self.failed(golden.line, "fails: \(error.sentence)")
            } catch {
                throw Self.failed(golden.line, "has an answer that is not JSON")
            }
            if let place = Self.difference(answer, golden.expected, golden.tolerance, at: "") {
                throw Self.failed(golden.line, place)
            }
        }
    }

    private static func answer(to body: [UInt8], of model: Model, _ worker: InferenceWorker) throws -> JSON {
        if let fixed = model.fixedAnswer { return try JSON.parse(fixed) }
        let request = try body.withUnsafeBytes {
            try PredictRequest.parse(body: $0, signature: model.signature, maxInstances: 4096).get()
        }
        var bytes: [UInt8] = []
        try worker.predict(request, on: model).get().write(into: &bytes)
        return try JSON.parse(bytes)
    }

    /// Where two documents differ, as the end of a sentence; nil when they do not.
    static func difference(_ found: JSON, _ expected: JSON, _ tolerance: Double, at place: String) -> String? {
        let here = place.isEmpty ? "the answer" : place
        if let a = found.number, let b = expected.number {
            return abs(a - b) <= tolerance ? nil : "has \(a) at \(here), expected \(b) within \(tolerance)"
        }
        switch (found, expected) {
        case (.array(let a), .array(let b)):
            guard a.count == b.count else { return "has \(a.count) elements at \(here), expected \(b.count)" }
            for index in a.indices {
                if let found = difference(a[index], b[index], tolerance, at: "\(place)[\(index)]") { return found }
            }
            return nil
        case (.object(let a), .object(let b)):
            guard a.map(\.name).sorted() == b.map(\.name).sorted() else {
                return "has other names at \(here) than expected"
            }
            for member in b {
                let name = place.isEmpty ? member.name : "\(place).\(member.name)"
                let value = found[member.name] ?? .null
                if let found = difference(value, member.value, tolerance, at: name) { return found }
            }
            return nil
        default: return found == expected ? nil : "has another value at \(here) than expected"
        }
    }

    private static func failed(_ line: Int, _ what: String) -> InferenceError {
        InferenceError(.verificationFailed, "golden request \(line) \(what)")
    }

    private static func wrong(_ line: Int, _ what: String) -> InferenceError {
        InferenceError(.verificationFailed, "line \(line) of golden.ndjson \(what)")
    }
}
