// SPDX-License-Identifier: Apache-2.0

import CCurl

/// A blocking HTTP client on libcurl: one connection that is kept alive between calls, certificates always checked.
///
/// Not thread-safe: one thread uses it at a time. Redirects are not followed, proxies of the environment not used.
public final class HTTPClient {
    private let handle: UnsafeMutableRawPointer
    private var errorText = [CChar](repeating: 0, count: Int(CURL_ERROR_SIZE))

    private let maxBodyBytes: Int

    /// - Parameters:
    ///   - caFile: PEM file of the authorities to trust; nil trusts the system's.
    ///   - clientCertificate: PEM files: what servers that ask for it are shown, with its intermediates, and its key.
    ///   - timeoutSeconds: for each whole request, from the look-up of the name to the last byte.
    ///   - maxBodyBytes: an answer with a longer body is given up.
    ///   - isPlainAllowed: whether `http://` is spoken too.
    public init(
        caFile: String? = nil,
        clientCertificate: (file: String, keyFile: String)? = nil,
        timeoutSeconds: Int = 30,
        maxBodyBytes: Int = .max,
        isPlainAllowed: Bool = true
    ) {
        _ = Self.global
        self.maxBodyBytes = maxBodyBytes
        guard let handle = curl_easy_init() else { preconditionFailure("libcurl is out of memory") }
        self.handle = handle
        if let caFile { tg_curl_set_string(handle, CURLOPT_CAINFO, caFile) }
        if let clientCertificate {
            tg_curl_set_string(handle, CURLOPT_SSLCERT, clientCertificate.file)
            tg_curl_set_string(handle, CURLOPT_SSLKEY, clientCertificate.keyFile)
        }
        tg_curl_set_long(handle, CURLOPT_NOSIGNAL, 1)
        tg_curl_set_long(handle, CURLOPT_TIMEOUT, timeoutSeconds)
        tg_curl_set_string(handle, CURLOPT_PROXY, "")
        tg_curl_set_string(handle, CURLOPT_PROTOCOLS_STR, isPlainAllowed ? "http,https" : "https")
        tg_curl_set_long(handle, CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        let collect: tg_curl_sink = { bytes, size, count, context in
            guard let bytes, let context else { return 0 }
            let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
            guard size * count <= sink.limit - sink.bytes.count else {
                sink.isOverrun = true
                return 0
            }
            sink.bytes.append(contentsOf: UnsafeRawBufferPointer(start: bytes, count: size * count))
            return size * count
        }
        tg_curl_set_sink(handle, CURLOPT_WRITEFUNCTION, collect)
        tg_curl_set_sink(handle, CURLOPT_HEADERFUNCTION, collect)
    }

    deinit {
        curl_easy_cleanup(handle)
    }

    /// Sends one request and waits for the whole answer.
    ///
    /// - Throws: when there was none: no connection, an untrusted certificate, a time-out.
    public func send(_ request: HTTPRequest) throws(HTTPClientError) -> HTTPResponse {
        var list: UnsafeMutablePointer<curl_slist>?
        // Without this libcurl holds a body over 1 MiB back until the server says 100 Continue.
        for line in ["Expect:"] + request.headers.map({ "\($0.name): \($0.value)" }) {
            list = curl_slist_append(list, line)
        }
        defer { curl_slist_free_all(list) }
        let head = Sink(limit: Self.maxHeadBytes)
        let body = Sink(limit: maxBodyBytes)
        tg_curl_set_string(handle, CURLOPT_URL, request.url)
        tg_curl_set_pointer(handle, CURLOPT_HTTPHEADER, list)
        tg_curl_set_pointer(handle, CURLOPT_HEADERDATA, Unmanaged.passUnretained(head).toOpaque())
        tg_curl_set_pointer(handle, CURLOPT_WRITEDATA, Unmanaged.passUnretained(body).toOpaque())
        tg_curl_set_long(handle, CURLOPT_NOBODY, request.method == "HEAD" ? 1 : 0)

        var status = 0
        let code = errorText.withUnsafeMutableBufferPointer { errorText in
            errorText[0] = 0
            tg_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, errorText.baseAddress)
            defer { tg_curl_set_pointer(handle, CURLOPT_ERRORBUFFER, nil) }
            return (request.body ?? []).withUnsafeBytes { bytes in
                if request.body != nil {
                    tg_curl_set_long(handle, CURLOPT_POSTFIELDSIZE, bytes.count)
                    tg_curl_set_pointer(
                        handle,
                        CURLOPT_POSTFIELDS,
                        bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 1)
                    )
                } else {
                    tg_curl_set_long(handle, CURLOPT_HTTPGET, 1)
                }
                tg_curl_set_string(handle, CURLOPT_CUSTOMREQUEST, request.method)
                return curl_easy_perform(handle)
            }
        }
        guard code == CURLE_OK else {
            if head.isOverrun || body.isOverrun {
                throw HTTPClientError(
                    code: code.rawValue,
                    reason:
                        "the answer is longer than the \(head.isOverrun ? head.limit : body.limit) bytes that are read",
                    url: request.url
                )
            }
            let own = errorText.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
            throw HTTPClientError(
                code: code.rawValue,
                reason: own.isEmpty ? String(cString: curl_easy_strerror(code)) : own,
                url: request.url
            )
        }
        tg_curl_status(handle, &status)
        return HTTPResponse(status: status, headers: Self.fields(of: head.bytes), body: body.bytes)
    }

    /// The fields of the last of the heads received: an interim 100 comes before the final one.
    private static func fields(of head: [UInt8]) -> [(name: String, value: String)] {
        var fields: [(name: String, value: String)] = []
        for line in String(decoding: head, as: UTF8.self).split(separator: "\r\n") {
            if line.hasPrefix("HTTP/") {
                fields = []
            } else if let colon = line.firstIndex(of: ":") {
                let value = line[line.index(after: colon)...].drop { $0 == " " }
                fields.append((String(line[..<colon]), String(value)))
            }
        }
        return fields
    }

    private static let maxHeadBytes = 256 * 1024

    private static let global: Void = {
        curl_global_init(CLong(CURL_GLOBAL_DEFAULT))
    }()
}

/// Where libcurl's callbacks put what arrives.
private final class Sink {
    var bytes: [UInt8] = []
    let limit: Int
    var isOverrun = false

    init(limit: Int) { self.limit = limit }
}

@available(*, unavailable)
extension HTTPClient: Sendable {}
