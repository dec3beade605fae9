// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import HTTPClient

/// Makes a change of what was seen, and of nothing else.
struct RevisionOption: ParsableArguments {
    @Option(help: "Change it only while it is at this revision; else it is refused.")
    var ifRevision: Int64?

    var headers: [(name: String, value: String)] { ifRevision.map { [("If-Match", "\"\($0)\"")] } ?? [] }
}

/// Makes a call that can be sent again without doing it twice.
struct IdempotencyOption: ParsableArguments {
    @Option(help: "Sent again with the same key, the call is not done again and its answer is given again.")
    var idempotencyKey: String?

    var headers: [(name: String, value: String)] { idempotencyKey.map { [("Idempotency-Key", $0)] } ?? [] }
}

/// Calls the management API.
struct ManagementClient {
    let base: String
    let http: HTTPClient
    /// nil where a client certificate stands for it.
    private let key: String?

    init(base: String, http: HTTPClient, key: String?) {
        self.base = base
        self.http = http
        self.key = key
    }

    /// The document that a call answers.
    ///
    /// - Throws: with the gateway's own sentence when it refuses, exit code 2, 75 or 77; 69 when it cannot be reached.
    func call(
        _ method: String,
        _ path: String,
        body: JSON? = nil,
        headers: [(name: String, value: String)] = []
    ) throws -> JSON {
        let response = try send(method, path, body: body, accept: "application/json", headers: headers)
        do {
            return try JSON.parse(response.body)
        } catch {
            throw fail("\(base)\(path) answered with something that is not JSON: \(error)")
        }
    }

    /// All objects of a list, page by page.
    ///
    /// - Parameters:
    ///   - name: the member that holds a page's objects.
    ///   - filters: parameters and their values; those without a value are left out.
    func list(_ name: String, _ path: String, filters: [(name: String, value: String?)]) throws -> [JSON] {
        var objects: [JSON] = []
        var token: String?
        repeat {
            let parameters = (filters + [("page_size", "1000"), ("page_token", token)])
                .compactMap { filter in filter.value.map { "\(filter.name)=\($0.queryEncoded)" } }
            let page = try call("GET", "\(path)?\(parameters.joined(separator: "&"))")
            objects += page[name]?.array ?? []
            token = page["next_page_token"]?.string
        } while token != nil
        return objects
    }

    func send(
        _ method: String,
        _ path: String,
        body: JSON? = nil,
        accept: String,
        headers: [(name: String, value: String)] = []
    ) throws -> HTTPResponse {
        let response = try answer(method, path, body: body, accept: accept, headers: headers)
        guard (200...299).contains(response.status) else { throw Self.failure(of: response) }
        return response
    }

    /// What the gateway answers, a refusal too.
    ///
    /// - Throws: exit code 69 when it cannot be reached.
    func answer(
        _ method: String,
        _ path: String,
        body: JSON? = nil,
        accept: String = "application/json",
        headers: [(name: String, value: String)] = []
    ) throws -> HTTPResponse {
        var request = HTTPRequest(
            method,
            base + path,
            headers: (key.map { [("Authorization", "Bearer \($0)")] } ?? []) + [("Accept", accept)] + headers
        )
        if let body {
            request.headers.append(("Content-Type", "application/json"))
            request.body = Array(body.serialized().utf8)
        }
        do {
            return try http.send(request)
        } catch {
            throw fail("\(error)", .unreachable)
        }
    }

    /// A refusal in the gateway's own words.
    static func failure(of response: HTTPResponse) -> ExitCode {
        let problem = try? JSON.parse(response.body)
        let sentence = problem?["detail"]?.string ?? response.text
        let code = problem?["code"]?.string.map { " (\($0))" } ?? ""
        return fail("\(sentence)\(code)".visible, FailureCode(status: response.status))
    }

    /// What the gateway has at a path, if it has it and shows it.
    func find(_ path: String) throws -> JSON? {
        let response = try answer("GET", path)
        return response.status == 200 ? try? JSON.parse(response.body) : nil
    }
}

extension String {
    /// The text as one part of a query (RFC 3986, section 2.3: unreserved characters stay).
    var queryEncoded: String {
        var unreserved = CharacterSet.alphanumerics
        unreserved.insert(charactersIn: "-._~")
        return addingPercentEncoding(withAllowedCharacters: unreserved) ?? ""
    }
}
