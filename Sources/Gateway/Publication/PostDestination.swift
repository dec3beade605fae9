// SPDX-License-Identifier: Apache-2.0

import Audit
import Foundation
import HTTPClient

/// `https://…`: a server that is sent each checkpoint's text by POST.
struct PostDestination: CheckpointDestination {
    private let url: String
    private let tokenFile: String
    private let client: HTTPClient

    private static let timeoutSeconds = 10
    /// Of an answer, which nobody reads.
    private static let maximumBodyBytes = 64 << 10
    private static let maximumTokenBytes = 8192

    init(_ configuration: Configuration.Destination) {
        url = configuration.place
        tokenFile = configuration.tokenFile
        client = HTTPClient(
            caFile: configuration.caFile.isEmpty ? nil : configuration.caFile,
            timeoutSeconds: Self.timeoutSeconds,
            maxBodyBytes: Self.maximumBodyBytes,
            isPlainAllowed: false
        )
    }

    mutating func deliver(_ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure) {
        var request = HTTPRequest("POST", url, headers: [("Content-Type", "text/plain; charset=utf-8")])
        request.body = checkpoint.note.bytes
        // Read each time: tokens are renewed.
        if !tokenFile.isEmpty { request.headers.append(("Authorization", "Bearer \(try token())")) }
        let status: Int
        do {
            status = try client.send(request).status
        } catch {
            throw DeliveryFailure("\(error)")
        }
        switch status {
        case 200...299: return
        case 300...399:
            throw DeliveryFailure("\(url): redirects with status \(status), which is not followed; name its target")
        default: throw DeliveryFailure("\(url): answers with status \(status)")
        }
    }

    private func token() throws(DeliveryFailure) -> String {
        guard let file = FileHandle(forReadingAtPath: tokenFile),
            let bytes = try? file.read(upToCount: Self.maximumTokenBytes + 1)
        else { throw DeliveryFailure("\(tokenFile): the token cannot be read: no such file, or no permission") }
        let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        // What is no token could be a field of its own (RFC 6750, section 2.1).
        guard (1...Self.maximumTokenBytes).contains(text.utf8.count),
            text.utf8.allSatisfy({ (0x21...0x7e).contains($0) })
        else {
            throw DeliveryFailure("\(tokenFile): must hold one token of visible characters and nothing else")
        }
        return text
    }
}
