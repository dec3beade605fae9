// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// A text with signatures below it (C2SP signed-note).
public struct SignedNote: Hashable, Sendable {
    /// A line below the text.
    public struct Signature: Hashable, Sendable {
        /// The key's name.
        public var name: String
        /// Tells the keys of a name apart.
        public var keyID: UInt32
        /// What the key made of the text, in the form of its kind.
        public var bytes: [UInt8]
    }

    /// With its last line's end.
    public var text: String
    /// At least one in a note that was read.
    public var signatures: [Signature]

    /// More bytes are not read; 16 of the longest signatures have room (the specification's least).
    public static let maximumBytes = 1 << 17
    private static let maximumSignatures = 100

    init(text: String, signatures: [Signature]) {
        self.text = text
        self.signatures = signatures
    }

    /// Reads a note; nil when the bytes are none.
    public init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count <= Self.maximumBytes, bytes.allSatisfy({ $0 >= 0x20 || $0 == 0x0a }),
            let note = String(validating: bytes, as: UTF8.self)
        else { return nil }
        // Bytes, not characters: Swift's would join what follows a line's end to it.
        let lines = note.utf8.split(separator: 0x0a, omittingEmptySubsequences: false)
        guard let end = lines.last, end.isEmpty,
            let blank = lines.dropLast().lastIndex(where: \.isEmpty), blank > 0,
            (1...Self.maximumSignatures).contains(lines.count - blank - 2)
        else { return nil }
        text = String(note.utf8.prefix(upTo: lines[blank].startIndex)) ?? ""
        signatures = []
        for line in lines[(blank + 1)..<(lines.count - 1)] {
            guard let signature = Signature(line) else { return nil }
            signatures.append(signature)
        }
    }

    /// The note as it is kept and sent.
    public var bytes: [UInt8] {
        Array((text + "\n" + signatures.map { "\($0)\n" }.joined()).utf8)
    }
}

extension SignedNote.Signature: CustomStringConvertible {
    /// `— name base64`.
    public var description: String {
        let id = [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: keyID >> UInt32($0)) }
        return "— \(name) \(Base64.encode(id + bytes))"
    }

    fileprivate init?(_ line: Substring.UTF8View) {
        let parts = line.split(separator: 0x20, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[0].elementsEqual("—".utf8), NoteKeyName.isValid(Substring(parts[1])),
            let raw = Base64.decode(parts[2]), raw.count > 4
        else { return nil }
        name = String(Substring(parts[1]))
        keyID = raw[..<4].reduce(0) { $0 << 8 | UInt32($1) }
        bytes = Array(raw[4...])
    }
}

/// The names that keys of notes may have.
public enum NoteKeyName {
    /// Not empty, without Unicode spaces, plus signs and control characters.
    public static func isValid(_ name: some StringProtocol) -> Bool {
        !name.isEmpty
            && name.unicodeScalars.allSatisfy {
                $0 != "+" && $0.value > 0x20 && $0.value != 0x7f && !$0.properties.isWhitespace
            }
    }
}
