// SPDX-License-Identifier: Apache-2.0

import GatewayCrypto
import Testing

@Suite struct DigestTests {
    private func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    @Test("SHA-256 gives the digests of FIPS 180-4, whatever holds the bytes")
    func sha256() {
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        #expect(hex(SHA256.hash("abc".utf8)) == abc)
        #expect(hex(SHA256.hash([UInt8]("abc".utf8))) == abc)
        #expect(hex(SHA256.hash([UInt8]("-abc-".utf8)[1..<4])) == abc)
        #expect(hex(SHA256.hash(Set([UInt8(97)]))) == hex(SHA256.hash("a".utf8)))
        #expect(
            hex(SHA256.hash(EmptyCollection()))
                == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        )
        #expect(
            hex(SHA256.hash([UInt8](repeating: 97, count: 1_000_000)))
                == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        )
    }

    @Test("HMAC-SHA256 gives the codes of RFC 4231")
    func hmac() {
        let short = HMACSHA256(key: Array("Jefe".utf8)).authenticate(Array("what do ya want for nothing?".utf8))
        #expect(hex(short) == "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843")
        let long = HMACSHA256(key: [UInt8](repeating: 0xaa, count: 131))
            .authenticate(Array("Test Using Larger Than Block-Size Key - Hash Key First".utf8))
        #expect(hex(long) == "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54")
    }

    @Test("one HMAC key serves many threads at once")
    func hmacIsThreadSafe() async {
        let hmac = HMACSHA256(key: [UInt8](repeating: 7, count: 32))
        let expected = hmac.authenticate([1, 2, 3])
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 { group.addTask { (0..<500).allSatisfy { _ in hmac.authenticate([1, 2, 3]) == expected } } }
            for await same in group { #expect(same) }
        }
    }

    @Test("CRC-32 is the one of zlib")
    func crc32() {
        #expect(CRC32.checksum("123456789".utf8) == 0xcbf4_3926)
        #expect(CRC32.checksum(EmptyCollection()) == 0)
        #expect(CRC32.checksum([UInt8](0...255)) == 0x2905_8c73)
    }

    @Test("constant-time equality is equality")
    func equality() {
        #expect(constantTimeEqual([], []))
        #expect(constantTimeEqual([1, 2], [1, 2]))
        #expect(!constantTimeEqual([1, 2], [1, 3]))
        #expect(!constantTimeEqual([1, 2], [1, 2, 3]))
    }

    @Test("random bytes come in the number asked for and do not repeat")
    func random() {
        #expect(SecureRandom.bytes(0).isEmpty)
        #expect(Set((0..<1000).map { _ in SecureRandom.bytes(16) }).count == 1000)
        #expect(Set(SecureRandom.bytes(10_000)).count == 256)
    }
}
