// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Identity
import TestSupport
import Testing

@testable import Gateway

/// The last good key set on disk.
@Suite struct IssuerKeySetFileTests {
    private let directory: TemporaryDirectory
    private let source: KeySetSource
    private let set: KeySetText
    private static let now = UnixTime(seconds: 1_800_000_000)
    private static let url = "https://a.example/jwks"

    init() throws {
        directory = try TemporaryDirectory()
        source = KeySetSource.example()
        let key = try SigningKey.generate(.es256).publicJWK
        let text = JSON.object([JSON.Member("keys", [key])]).serialized() + " \n\"\\é".prefix(2)
        set = try KeySetText(Array(text.utf8), etag: "W/\"one\"", source: source)
    }

    private func file(_ source: KeySetSource? = nil, url: String = url) -> KeySetFile {
        KeySetFile(directory: directory.file("issuers"), source: source ?? self.source, url: url)
    }

    @Test func `what was saved comes back byte for byte, with its age, and is its owner's alone`() throws {
        #expect(try file().load(now: Self.now) == nil)
        try file().save(set, now: Self.now)
        try file().save(set, now: Self.now)
        let loaded = try #require(try file().load(now: Self.now + 90))
        #expect(loaded.set.text == set.text && loaded.set.etag == "W/\"one\"" && loaded.age == 90)
        #expect(Array(loaded.set.set.keys.keys) == Array(set.set.keys.keys))
        let name = try #require(file().path.split(separator: "/").last)
        #expect(directory.mode("issuers") == 0o700 && directory.mode("issuers/\(name)") == 0o600)
        #expect(try FileManager.default.contentsOfDirectory(atPath: directory.file("issuers")) == [String(name)])
        file().remove()
        #expect(try file().load(now: Self.now) == nil)
    }

    @Test func `another issuer or address has another file, and cannot use this one`() throws {
        try file().save(set, now: Self.now)
        let other = file(KeySetSource.example("https://b.example"))
        #expect(other.path != file().path && file(url: "https://a.example/other").path != file().path)
        try FileManager.default.copyItem(atPath: file().path, toPath: other.path)
        #expect(throws: KeySetFile.Failure.self) { try other.load(now: Self.now) }
    }

    @Test func `a set from the future is not used`() throws {
        try file().save(set, now: Self.now)
        #expect(throws: KeySetFile.Failure.self) { try file().load(now: Self.now + -1) }
    }

    @Test func `algorithms that are not accepted any more are not loaded either`() throws {
        try file().save(set, now: Self.now)
        let stricter = file(KeySetSource.example(algorithms: [.rs256]))
        #expect(throws: KeySetFile.Failure.self) { try stricter.load(now: Self.now) }
    }

    @Test func `whatever happens to the file, no other key comes of it`() throws {
        try file().save(set, now: Self.now)
        let good = try Array(Data(contentsOf: URL(fileURLWithPath: file().path)))
        var random = SeededGenerator(seed: 23)
        var refused = 0
        for _ in 0..<500 {
            var bytes = good
            let position = Int.random(in: 0..<bytes.count, using: &random)
            switch Int.random(in: 0..<3, using: &random) {
            case 0: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1: bytes.removeSubrange(position...)
            default: bytes.insert(.random(in: .min ... .max, using: &random), at: position)
            }
            try Data(bytes).write(to: URL(fileURLWithPath: file().path))
            chmod(file().path, 0o600)
            do {
                guard let loaded = try file().load(now: Self.now) else { continue }
                for (id, key) in loaded.set.set.keys where set.set.keys[id] != nil {
                    #expect(set.set.keys[id]?.isSame(as: key) == true)
                }
            } catch {
                refused += 1
            }
        }
        #expect(refused > 250)
    }

    @Test func `an entity tag that could smuggle a field is not kept`() throws {
        for tag in [
            "one", "\"a\"b\"", "\"a\r\nX: y\"", "\"", "", "\"\u{e9}\"",
            "\"" + String(repeating: "a", count: 300) + "\"",
        ] {
            #expect(try KeySetText(set.text, etag: tag, source: source).etag == nil, "\(tag)")
        }
        for tag in ["\"\"", "\"abc\"", "W/\"abc-1\""] {
            #expect(try KeySetText(set.text, etag: tag, source: source).etag == tag)
        }
    }

    static let fields: [(field: String?, seconds: Int64?)] = [
        ("max-age=60", 60), ("public, max-age=3600, must-revalidate", 3600), ("MAX-AGE = \"5\"", 5),
        ("no-cache", nil),
        ("max-age=", nil), ("max-age=-1", nil), ("max-age=99999999999999999999", nil), ("s-maxage=7", nil),
        ("", nil),
        (nil, nil), ("max-age=0", 0),
    ]

    @Test(arguments: fields)
    func `max-age is read where there is one`(_ row: (field: String?, seconds: Int64?)) {
        #expect(KeySetFetch.maxAge(row.field) == row.seconds)
    }
}

extension KeySetSource {
    static func example(
        _ issuer: String = "https://a.example",
        algorithms: [SignatureAlgorithm] = Configuration.Issuer.everyAlgorithm,
        cooldown: Int = 30,
        refresh: Int = 300
    ) -> KeySetSource {
        var configuration = Configuration.Issuer()
        configuration.issuer = issuer
        configuration.jwksURL = "\(issuer)/jwks"
        configuration.algorithms = algorithms
        configuration.cooldownSeconds = cooldown
        configuration.refreshSeconds = refresh
        return KeySetSource(configuration)
    }
}
