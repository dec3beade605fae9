// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import GatewayCrypto
import TestSupport
import Testing

struct SignedNoteTests {
    private static let text = "gateway.example/audit\n42\n\(TreeHash.empty)\n"

    private func signer(_ name: String = "gateway.example/audit") throws -> NoteSigner {
        try #require(NoteSigner(name: name, key: SigningKey.generate(.ed25519)))
    }

    @Test func `a note is verified by its key alone`() throws {
        let (signer, other) = (try signer(), try self.signer())
        let note = try signer.sign(Self.text)
        let read = try #require(SignedNote(note.bytes))
        #expect(read == note)
        #expect(signer.verifier.verify(read) == .valid(at: nil))
        #expect(other.verifier.verify(read) == .absent)
        let verified = try VerifiedCheckpoint(note.bytes, verifier: signer.verifier)
        #expect(verified.checkpoint == Checkpoint(origin: "gateway.example/audit", size: 42, root: .empty))
        #expect(throws: VerifiedCheckpoint.Fault.unsigned) {
            _ = try VerifiedCheckpoint(note.bytes, verifier: other.verifier)
        }
    }

    @Test func `the key's text says the key, its name and its id`() throws {
        let verifier = try signer("name.example").verifier
        let parts = verifier.description.split(separator: "+", maxSplits: 2)
        #expect(parts[0] == "name.example")
        let raw = try #require(Base64.decode(parts[2].utf8))
        #expect(raw.count == 33 && raw[0] == 1)
        let id = SHA256.hash(Array("name.example\n".utf8) + raw)[..<4]
        #expect(parts[1] == Hexadecimal.text(id))
        #expect(NoteVerifier(verifier.description + "\n")?.description == verifier.description)
    }

    @Test func `the key of the Go checksum database is read`() throws {
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
        let key = try #require(NoteVerifier(text))
        #expect(key.name == "sum.golang.org")
        #expect(key.keyID == 0x033d_e0ae)
        #expect(key.description == text)
    }

    @Test func `a key's text with another id, name or kind is refused`() throws {
        let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
        for wrong in [
            text.replacing("033de0ae", with: "033de0af"), text.replacing("sum.", with: "som."),
            text.replacing("+Ac4", with: "+Bc4"), text.replacing("+033de0ae", with: ""), text + "=", " " + text,
            text.replacing("033de0ae", with: "033DE0AE"), "",
        ] {
            #expect(NoteVerifier(wrong) == nil, "\(wrong)")
        }
    }

    @Test func `a witness's cosignature is verified with its time`() throws {
        let log = try signer()
        let key = try SigningKey.generate(.ed25519)
        let x = try #require(Base64URL.decode(key.publicJWK["x"]?.string?.utf8 ?? "".utf8))
        let id = SHA256.hash(Array("witness.example\n".utf8) + [4] + x)[..<4]
        let witness = try #require(
            NoteVerifier("witness.example+\(Hexadecimal.text(id))+\(Base64.encode([4] + x))")
        )
        let time: UInt64 = 1_679_315_147
        let signature = try key.sign(Array("cosignature/v1\ntime \(time)\n\(Self.text)".utf8))
        let bigEndian = (0..<8).map { UInt8(truncatingIfNeeded: time >> UInt64(56 - 8 * $0)) }
        let line = "— witness.example \(Base64.encode(id + bigEndian + signature))\n"
        let note = try #require(SignedNote(try log.sign(Self.text).bytes + Array(line.utf8)))
        #expect(log.verifier.verify(note) == .valid(at: nil))
        #expect(witness.verify(note) == .valid(at: time))
        let later = bigEndian.dropLast() + [bigEndian[7] + 1]
        let forged = "— witness.example \(Base64.encode(id + later + signature))\n"
        let other = try #require(SignedNote(try log.sign(Self.text).bytes + Array(forged.utf8)))
        #expect(witness.verify(other) == .invalid)
    }

    @Test func `no note with a changed byte verifies`() throws {
        let signer = try signer()
        let note = try signer.sign(Self.text).bytes
        for place in note.indices {
            for change: UInt8 in [1, 0x20, 0x80] {
                var bytes = note
                bytes[place] ^= change
                #expect((try? VerifiedCheckpoint(bytes, verifier: signer.verifier)) == nil)
            }
        }
    }

    @Test func `random bytes are no note, and no text breaks the reader`() {
        var random = SeededGenerator(seed: 11)
        let words = ["— ", "a", "\n", "\n\n", "Zm9vYmFyYmF6", " ", "+", "\u{301}", "\r", "42\n", "—", "\u{2028}"]
        for _ in 0..<5000 {
            let text = (0..<Int.random(in: 0...12, using: &random)).map { _ in words.randomElement(using: &random)! }
            let bytes = Array(text.joined().utf8)
            if let note = SignedNote(bytes) { #expect(note.bytes == bytes) }
            _ = Checkpoint(text: text.joined())
            _ = TreeProof(Array("c2sp.org/tlog-proof@v1\n".utf8) + bytes)
        }
    }
}
