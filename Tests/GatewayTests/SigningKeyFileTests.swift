// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import GatewayCrypto
import Identity
import TestSupport
import Testing

@testable import Gateway

@Suite struct SigningKeyFileTests {
    private static let policy = RotationPolicy(
        algorithm: .es256,
        period: 86_400,
        publication: 0,
        tokenLifetime: 900,
        leeway: 30
    )
    private static let now = UnixTime(seconds: 1_800_000_000)

    @Test func `two processes that have the file verify what each other signs`() throws {
        let folder = try TemporaryDirectory()
        let files = (0..<2).map { _ in SigningKeyFile(path: "\(folder.path)/signing-keys") }
        let keys = try files.map { try $0.open(Self.policy, now: Self.now) }
        #expect(keys[0].ring.stored == keys[1].ring.stored)
        for round in 0..<6 {
            let (one, other) = (round % 2, 1 - round % 2)
            try keys[one].rotate(now: Self.now + Int64(round), immediately: false)
            // Its own writing is no news; the other's is, once.
            #expect(try files[one].changed() == nil)
            let news = try #require(try files[other].changed())
            keys[other].take(news)
            #expect(try files[other].changed() == nil)
            #expect(keys[0].ring.stored == keys[1].ring.stored)
        }
        #expect(keys[0].ring.keys.count == 8)
    }

    @Test func `a rotation goes on from what another process has written, seen or not`() throws {
        let folder = try TemporaryDirectory()
        let files = (0..<2).map { _ in SigningKeyFile(path: "\(folder.path)/signing-keys") }
        let keys = try files.map { try $0.open(Self.policy, now: Self.now) }
        try keys[0].rotate(now: Self.now + 1, immediately: false)
        let other = keys[0].ring.current.key.keyID
        try keys[1].rotate(now: Self.now + 2, immediately: false)
        #expect(keys[1].ring.verificationKeys[other] != nil)
        #expect(keys[1].ring.keys.count == 4)
    }

    @Test func `the file is its owner's alone, and one that others may read is refused`() throws {
        let folder = try TemporaryDirectory()
        let path = "\(folder.path)/signing-keys"
        _ = try SigningKeyFile(path: path).open(Self.policy, now: Self.now)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? NSNumber
        #expect(mode?.intValue == 0o600)
        try FileManager.default.setAttributes([.posixPermissions: 0o640], ofItemAtPath: path)
        #expect(throws: StateError.self) { _ = try SigningKeyFile(path: path).open(Self.policy, now: Self.now) }
    }
}
