// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto
import Testing

@testable import Identity

@Suite struct APIKeyFormatTests {
    @Test("a new key has the published form and is read back")
    func roundTrip() throws {
        for _ in 0..<200 {
            let (id, text) = APIKeyFormat.generate()
            #expect(try #/tg_live_[0-9A-Za-z]{8}_[0-9A-Za-z]{49}/#.wholeMatch(in: text) != nil)
            let parsed = try #require(APIKeyFormat.parse(text.utf8))
            #expect(parsed.id == id)
            #expect(String(decoding: parsed.secret, as: UTF8.self) == text.dropFirst(17).prefix(43))
            let masked = APIKeyFormat.masked(id: id)
            #expect(masked == "tg_live_\(id)_…")
        }
    }

    @Test("no two keys are alike, and every letter and digit comes up as often")
    func randomness() {
        let keys = (0..<2000).map { _ in APIKeyFormat.generate() }
        #expect(Set(keys.map(\.text)).count == keys.count)
        var counts: [UInt8: Int] = [:]
        for key in keys { for byte in key.text.utf8.dropFirst(17).prefix(43) { counts[byte, default: 0] += 1 } }
        #expect(counts.count == 62)
        // 86,000 draws: 1,387 of each expected, with a standard deviation of 37.
        #expect(counts.values.allSatisfy { (1387 - 300...1387 + 300).contains($0) })
    }

    @Test("every change of one character is refused by form or checksum")
    func oneCharacter() {
        let text = Array(APIKeyFormat.generate().text.utf8)
        for position in text.indices {
            for byte in UInt8.min...UInt8.max where byte != text[position] {
                var changed = text
                changed[position] = byte
                #expect(APIKeyFormat.parse(changed) == nil)
            }
            var shorter = text
            shorter.remove(at: position)
            #expect(APIKeyFormat.parse(shorter) == nil)
            #expect(APIKeyFormat.parse(text[..<position]) == nil)
        }
        #expect(APIKeyFormat.parse(text + [48]) == nil)
    }

    @Test("two neighbours that changed places are noticed")
    func transposition() {
        let text = Array(APIKeyFormat.generate().text.utf8)
        for position in text.indices.dropLast() where text[position] != text[position + 1] {
            var changed = text
            changed.swapAt(position, position + 1)
            #expect(APIKeyFormat.parse(changed) == nil)
        }
    }

    @Test("a pepper hashes to 32 bytes that another pepper does not give")
    func pepper() {
        let one = Pepper(bytes: SecureRandom.bytes(32))
        let other = Pepper(bytes: SecureRandom.bytes(32))
        #expect(one.hash(secret: [1]).count == 32)
        #expect(one.hash(secret: [1]) == one.hash(secret: [1]))
        #expect(one.hash(secret: [1]) != other.hash(secret: [1]))
        #expect("\(one)" == "Pepper")
    }
}
