// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTPClient

/// What a gateway answered, whichever client asked.
struct Answer: Sendable {
    var version = "HTTP/1.1"
    var status: Int
    var headers: [(name: String, value: String)]
    var body: [UInt8]

    /// The value of the only field of that name; nil when there is none or more than one.
    func header(_ name: String) -> String? {
        let found = headers.filter { $0.name.lowercased() == name.lowercased() }
        return found.count == 1 ? found[0].value : nil
    }

    var text: String { String(decoding: body, as: UTF8.self) }
    var json: JSON { get throws { try JSON.parse(body) } }
    var requestID: String? { header("X-Request-Id") }
    var auditIndex: Int64? { header("Audit-Index").flatMap { Int64($0) } }

    /// `predictions` of a prediction: a list of numbers for each instance.
    var predictions: [[Double]] {
        get throws {
            try (json["predictions"]?.array ?? []).map { ($0.array ?? []).compactMap(\.number) }
        }
    }
}

/// A client with one connection that is kept alive, for one thread at a time.
struct Client {
    /// `https://127.0.0.1:8443`
    let base: String
    private let http: HTTPClient

    init(port: Int) throws { try self.init(base: "https://127.0.0.1:\(port)") }

    init(base: String) throws {
        self.base = base
        http = HTTPClient(caFile: try Certificates.shared.authority, timeoutSeconds: 120)
    }

    /// - Parameters:
    ///   - credential: for `Authorization: Bearer`.
    ///   - headers: a Content-Type of JSON is added to a body that has none.
    func send(
        _ method: String,
        _ path: String,
        credential: String? = nil,
        headers: [(name: String, value: String)] = [],
        body: String? = nil
    ) throws -> Answer {
        var request = HTTPRequest(method, base + path, headers: headers, body: body.map { Array($0.utf8) })
        if let credential { request.headers.append(("Authorization", "Bearer \(credential)")) }
        if body != nil, !headers.contains(where: { $0.name.lowercased() == "content-type" }) {
            request.headers.append(("Content-Type", "application/json"))
        }
        let response = try http.send(request)
        return Answer(status: response.status, headers: response.headers, body: response.body)
    }
}
