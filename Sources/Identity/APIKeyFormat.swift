// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import GatewayCrypto

/// The text of an API key: `tg_live_<id, 8>_<secret, 43><checksum, 6>`, all of `0-9 A-Z a-z`.
///
/// The id finds the key without the secret. The secret is 43 characters drawn evenly, 256 bits. The checksum is the
/// CRC-32 of everything before it, so that a mistyped or invented key is refused without a look-up, and a scanner for
/// leaked secrets can be sure (`tg_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}`). Underscores alone divide it: a double click
/// selects the whole.
public enum APIKeyFormat {
    private static let prefix = Array("tg_live_".utf8)
    private static let idLength = 8
    private static let secretLength = 43
    private static let checksumLength = 6
    /// Bytes of every key.
    public static let length = prefix.count + idLength + 1 + secretLength + checksumLength

    /// A new key. The text is shown to its owner once; afterwards only its hash is kept.
    public static func generate() -> (id: String, text: String) { generate(id: Base62.random(idLength)) }

    /// A new secret for the key of that id.
    ///
    /// - Parameter id: 8 of `0-9 A-Z a-z`.
    public static func generate(id: String) -> String {
        precondition(id.utf8.count == idLength, "a key's id has \(idLength) characters")
        return generate(id: Array(id.utf8)).text
    }

    private static func generate(id: [UInt8]) -> (id: String, text: String) {
        var text = prefix + id + [UInt8(ascii: "_")] + Base62.random(secretLength)
        text += Base62.encode(UInt64(CRC32.checksum(text)), length: checksumLength)
        return (String(decoding: id, as: UTF8.self), String(decoding: text, as: UTF8.self))
    }

    /// The parts of a key; nil when form or checksum is wrong, and then no key with this text exists.
    ///
    /// - Returns: the id, and the 43 characters of the secret as bytes.
    public static func parse(_ text: some Collection<UInt8>) -> (id: String, secret: [UInt8])? {
        guard text.count == length else { return nil }
        let bytes = Array(text)
        let idEnd = prefix.count + idLength
        let secretEnd = idEnd + 1 + secretLength
        guard bytes.starts(with: prefix), bytes[idEnd] == UInt8(ascii: "_"),
            bytes[prefix.count..<idEnd].allSatisfy(Base62.contains),
            bytes[(idEnd + 1)...].allSatisfy(Base62.contains),
            Base62.encode(UInt64(CRC32.checksum(bytes[..<secretEnd])), length: checksumLength)[...]
                == bytes[secretEnd...]
        else { return nil }
        return (String(decoding: bytes[prefix.count..<idEnd], as: UTF8.self), Array(bytes[(idEnd + 1)..<secretEnd]))
    }

    /// How a key is shown after its first time: `tg_live_ab12cd34_…`.
    public static func masked(id: String) -> String { "tg_live_\(id)_…" }
}
