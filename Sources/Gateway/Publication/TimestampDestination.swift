// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCrypto
import Glibc
import HTTPClient

/// `tsa:URL`: a time-stamping authority (RFC 3161). Each checkpoint is kept as `SIZE.checkpoint`, and the authority's
/// response for the SHA-256 of that file beside it as `SIZE.tsr`.
struct TimestampDestination: CheckpointDestination {
    private let url: String
    private let authorities: String?
    private let folder: CheckpointFolder
    private let client: HTTPClient

    private static let timeoutSeconds = 20
    /// A response holds the authority's certificates.
    private static let maximumBodyBytes = 256 << 10

    init(_ configuration: Configuration.Destination, folder: CheckpointFolder) {
        url = configuration.place
        authorities = configuration.authorities.isEmpty ? nil : configuration.authorities
        self.folder = folder
        client = HTTPClient(
            caFile: configuration.caFile.isEmpty ? nil : configuration.caFile,
            timeoutSeconds: Self.timeoutSeconds,
            maxBodyBytes: Self.maximumBodyBytes
        )
    }

    mutating func deliver(_ checkpoint: VerifiedCheckpoint) throws(DeliveryFailure) {
        let file = folder.file(checkpoint.checkpoint.size, "tsr")
        // Of what the file holds: it may have been kept with other cosignatures.
        let bytes = try folder.keep(checkpoint)
        guard !folder.exists(file) else { return }
        if let authorities, access(authorities, R_OK) != 0 {
            throw DeliveryFailure("\(authorities): cannot be read: \(String(cString: strerror(errno)))")
        }
        let response: HTTPResponse
        do {
            let query = try TimestampQuery(for: bytes)
            response = try client.send(
                HTTPRequest("POST", url, headers: [("Content-Type", "application/timestamp-query")], body: query.bytes)
            )
            guard response.status == 200 else {
                throw DeliveryFailure("\(url): answers with status \(response.status)")
            }
            _ = try query.time(of: response.body, authorities: authorities)
        } catch let error as DeliveryFailure {
            throw error
        } catch let error as TimestampQuery.Fault {
            throw DeliveryFailure("\(url): \(error)")
        } catch {
            throw DeliveryFailure("\(error)")
        }
        try folder.write(response.body, to: file)
    }
}
