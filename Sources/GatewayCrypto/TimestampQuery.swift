// SPDX-License-Identifier: Apache-2.0

import COpenSSL

/// Asks a time-stamping authority to confirm that something existed (RFC 3161), and checks what it answers.
///
/// The authority sees a hash alone. Its answer is a file that `openssl ts -verify` takes.
public final class TimestampQuery {
    /// Why an answer is not kept.
    public struct Fault: Error, Hashable, Sendable, CustomStringConvertible {
        /// Reads on from the authority's name.
        public let description: String
    }

    private let query: OpaquePointer
    /// In DER, as it is sent (section 3.4: `application/timestamp-query`).
    public let bytes: [UInt8]

    /// A query for the SHA-256 of these bytes, with a nonce of 64 bits, that asks for the signer's certificate.
    ///
    /// - Throws: ``CryptoError`` `operationFailed` when libcrypto has no memory left.
    public init(for data: [UInt8]) throws(CryptoError) {
        let digest = SHA256.hash(data)
        var nonce = SecureRandom.bytes(8)
        // Its DER is that of a positive number of eight bytes, whatever the dice say.
        nonce[0] = nonce[0] & 0x7f | 0x40
        guard let query = tg_timestamp_query(digest, Int32(digest.count), &nonce) else {
            throw CryptoError(.operationFailed, "a time-stamp query cannot be made")
        }
        let length = i2d_TS_REQ(query, nil)
        bytes = [UInt8](unsafeUninitializedCapacity: Int(max(0, length))) { out, count in
            var next = out.baseAddress
            count = Int(max(0, i2d_TS_REQ(query, &next)))
        }
        self.query = query
    }

    deinit {
        TS_REQ_free(query)
    }

    /// Checks an answer: its status, and that it is of this query, by imprint and nonce.
    ///
    /// - Parameters:
    ///   - response: in DER (`application/timestamp-reply`).
    ///   - authorities: PEM file; with one, the signature is checked too, and that its maker may make time-stamps.
    /// - Returns: the time in it, in seconds since 1970.
    public func time(of response: [UInt8], authorities: String? = nil) throws(Fault) -> Int64 {
        defer { clearOpenSSLErrors() }
        let read = response.withUnsafeBufferPointer { bytes -> (OpaquePointer, Int)? in
            var next = bytes.baseAddress
            guard let read = d2i_TS_RESP(nil, &next, bytes.count), let next, let start = bytes.baseAddress else {
                return nil
            }
            return (read, next - start)
        }
        guard let (answer, length) = read else { throw Fault(description: "answers with no time-stamp response") }
        defer { TS_RESP_free(answer) }
        guard length == response.count else {
            throw Fault(description: "answers with something behind its time-stamp response")
        }
        let status = tg_timestamp_status(answer)
        guard status == 0 || status == 1 else {
            throw Fault(description: "refuses with status \(status) (RFC 3161, section 2.4.2)")
        }
        guard tg_timestamp_answers(query, answer, authorities) == 1 else {
            throw Fault(
                description: "answers with a time-stamp that is not right: \(String(cString: tg_timestamp_reason()))"
            )
        }
        let time = tg_timestamp_time(answer)
        guard time >= 0 else { throw Fault(description: "answers with a time-stamp without a time") }
        return Int64(time)
    }
}

@available(*, unavailable)
extension TimestampQuery: Sendable {}
