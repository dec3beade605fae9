// SPDX-License-Identifier: Apache-2.0

public import GatewayCore
public import GatewayCrypto

/// Why signing keys could not be read or did not follow one another. Never holds key material.
public enum SigningKeyError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was kept of the keys is not what was written; reads on from "the signing keys are damaged: ".
    case damaged(String)
    /// The next key has not been published for long enough; it may sign from that moment on.
    case tooEarly(UnixTime)
    /// No key could be made.
    case notMade(CryptoError)

    /// What was wrong and what to do.
    public var description: String {
        switch self {
        case .damaged(let what): "the signing keys are damaged: \(what)"
        case .tooEarly(let moment):
            "the next signing key is not published for long enough: others may not know it before \(moment)"
        case .notMade(let error): "no signing key could be made: \(error)"
        }
    }
}
