// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Foundation
import GatewayCore
import HTTPClient

/// How to reach the management API; the key comes from the environment or a file, never from the command line, where
/// every user of the machine could read it.
struct ManagementOptions: ParsableArguments {
    @Option(help: "Address of the management listener; else TOLLGATE_MANAGEMENT_URL, else https://localhost:9443.")
    var url: String?
    @Option(help: "PEM file of the authority to trust; else TOLLGATE_CA, else the system's.")
    var ca: String?
    @Option(help: "File that holds the key; else the environment's.")
    var keyFile: String?
    @Option(name: [.customShort("o"), .long], help: "table or json.")
    var output = Output.table

    enum Output: String, ExpressibleByArgument, CaseIterable { case table, json }

    /// - Parameter keyVariable: the environment's name for the key of the role that is needed.
    func client(_ keyVariable: String = "TOLLGATE_ADMIN_KEY") throws -> ManagementClient {
        let environment = ProcessInfo.processInfo.environment
        let key: String
        if let keyFile {
            guard let bytes = FileManager.default.contents(atPath: keyFile) else {
                throw fail("\(keyFile): cannot be read")
            }
            key = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        } else if let set = environment[keyVariable], !set.isEmpty {
            key = set
        } else {
            throw fail("no key: set \(keyVariable), or name a file with --key-file")
        }
        let base = url ?? environment["TOLLGATE_MANAGEMENT_URL"] ?? "https://localhost:9443"
        return ManagementClient(
            base: base.hasSuffix("/") ? String(base.dropLast()) : base,
            http: HTTPClient(caFile: ca ?? environment["TOLLGATE_CA"]),
            key: key
        )
    }
}

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
    fileprivate let key: String

    fileprivate init(base: String, http: HTTPClient, key: String) {
        self.base = base
        self.http = http
        self.key = key
    }

    /// The document that a call answers.
    ///
    /// - Throws: exit code 2 with the gateway's own sentence when it refuses, 1 when it cannot be reached.
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
        var request = HTTPRequest(
            method,
            base + path,
            headers: [("Authorization", "Bearer \(key)"), ("Accept", accept)] + headers
        )
        if let body {
            request.headers.append(("Content-Type", "application/json"))
            request.body = Array(body.serialized().utf8)
        }
        let response: HTTPResponse
        do {
            response = try http.send(request)
        } catch {
            throw fail("\(error)")
        }
        guard (200...299).contains(response.status) else {
            let problem = try? JSON.parse(response.body)
            let sentence = problem?["detail"]?.string ?? response.text
            let code = problem?["code"]?.string.map { " (\($0))" } ?? ""
            throw fail("\(sentence)\(code)", code: 2)
        }
        return response
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
