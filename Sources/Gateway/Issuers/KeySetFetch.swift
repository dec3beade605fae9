// SPDX-License-Identifier: Apache-2.0

import HTTPClient
import Identity

/// What came of one fetch of a key set.
enum KeySetFetch: Sendable {
    /// `maxAge`: of the answer's `Cache-Control`, in seconds.
    case changed(KeySetText, maxAge: Int64?)
    case unchanged(maxAge: Int64?)
    case failed(Failure)

    struct Failure: Error, Sendable {
        /// A word for the metric's label.
        let result: Result
        /// For the log.
        let reason: String
    }

    /// The metric's words.
    enum Result: String, Sendable, CaseIterable {
        case changed, unchanged
        /// No connection, no trusted certificate, no answer in time.
        case unreachable
        /// A status that brings no key set; redirects too.
        case refused
        /// An answer that is no key set to verify with, or too long for one.
        case invalid
    }

    var isFailure: Bool { if case .failed = self { true } else { false } }

    var result: Result {
        switch self {
        case .changed: .changed
        case .unchanged: .unchanged
        case .failed(let failure): failure.result
        }
    }

    /// Fetches a key set by HTTPS and waits for it, at most so long as the source says.
    ///
    /// Each fetch has a connection of its own: minutes lie between two of them, and the authorities' file is read anew.
    ///
    /// - Parameter known: the set at hand.
    static func perform(_ source: KeySetSource, url: String, caFile: String?, known: KeySetText?) -> KeySetFetch {
        let client = HTTPClient(
            caFile: caFile,
            timeoutSeconds: source.timeoutSeconds,
            maxBodyBytes: JSONWebKeySet.maximumLength,
            isPlainAllowed: false
        )
        var request = HTTPRequest("GET", url, headers: [("Accept", "application/jwk-set+json, application/json")])
        if let etag = known?.etag { request.headers.append(("If-None-Match", etag)) }
        let response: HTTPResponse
        do {
            response = try client.send(request)
        } catch {
            return .failed(Failure(result: error.isTooLong ? .invalid : .unreachable, reason: "\(error)"))
        }
        let maxAge = maxAge(response.header("Cache-Control"))
        switch response.status {
        case 200:
            if response.body == known?.text { return .unchanged(maxAge: maxAge) }
            do throws(JSONWebKeySet.ReadError) {
                let text = try KeySetText(response.body, etag: response.header("ETag"), source: source)
                return .changed(text, maxAge: maxAge)
            } catch {
                return .failed(Failure(result: .invalid, reason: "\(url): the key set \(error)"))
            }
        case 304 where known?.etag != nil:
            return .unchanged(maxAge: maxAge)
        case 300...399:
            let reason =
                "\(url): redirects with status \(response.status), which is not followed; set jwks_url to its target"
            return .failed(Failure(result: .refused, reason: reason))
        default:
            return .failed(Failure(result: .refused, reason: "\(url): answers with status \(response.status)"))
        }
    }

    /// `max-age` of RFC 9111, section 5.2.2.1; nil where there is none that can be read.
    static func maxAge(_ field: String?) -> Int64? {
        for directive in (field ?? "").split(separator: ",") {
            let parts = directive.split(separator: "=", maxSplits: 1).map { $0.filter { $0 != " " && $0 != "\"" } }
            guard parts.count == 2, parts[0].lowercased() == "max-age", let seconds = Int64(parts[1]) else { continue }
            return (0...31_536_000).contains(seconds) ? seconds : nil
        }
        return nil
    }
}
