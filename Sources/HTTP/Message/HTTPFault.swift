// SPDX-License-Identifier: Apache-2.0

/// Why a message is not taken; after it nothing more of its connection (HTTP/1.1) or stream (HTTP/2) is read.
public struct HTTPFault: Error, Sendable {
    /// What is wrong, for whoever chooses the answer's status.
    public enum Kind: UInt8, CaseIterable, Sendable {
        /// Not well-formed, or framed or addressed so that another server could understand it differently.
        case malformed
        /// The head has more bytes than it may.
        case headTooLarge
        /// The head has more fields than it may.
        case tooManyFields
        /// The request target has more bytes than it may.
        case targetTooLong
        /// Something is expected that is not understood (RFC 9110, section 10.1.1).
        case expectationFailed
        /// A version that is not spoken here.
        case versionUnsupported
        /// The chunked coding is broken (RFC 9112, section 7.1).
        case bodyChunkMalformed
        /// Fields behind the body.
        case trailers
    }

    /// What is wrong.
    public let kind: Kind
    /// A sentence for the client: what was wrong, and what to do. Nothing of the request is in it.
    public let reason: StaticString

    /// - Parameter reason: one sentence, without anything of the request.
    public init(_ kind: Kind, _ reason: StaticString) {
        self.kind = kind
        self.reason = reason
    }
}

extension HTTPFault: CustomStringConvertible {
    /// The sentence.
    public var description: String { reason.description }
}

extension HTTPFault: Equatable {
    /// Faults are equal when they say the same.
    public static func == (a: HTTPFault, b: HTTPFault) -> Bool {
        a.kind == b.kind && a.reason.description == b.reason.description
    }
}
