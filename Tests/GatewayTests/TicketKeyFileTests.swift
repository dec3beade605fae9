// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TLS
import Telemetry
import TestSupport
import Testing

@testable import Gateway

@Suite struct TicketKeyFileTests {
    private let directory: TemporaryDirectory
    private let log = StructuredLog(level: .error, descriptor: -1)
    private let now = UnixTime(seconds: Int64(time(nil)))

    init() throws {
        directory = try TemporaryDirectory()
    }

    private var path: String { directory.file("ticket-keys") }

    private func start() -> TicketKeyFile { TicketKeyFile(path: path, log: log) }

    private var saved: [UInt8] { FileManager.default.contents(atPath: path).map(Array.init) ?? [] }

    @Test func `keys outlive the process, in a file for its owner alone`() {
        let first = start()
        #expect(directory.mode("ticket-keys") == 0o600)
        #expect(saved == first.keys.serialised())
        #expect(start().keys.serialised() == first.keys.serialised())
        #expect(!FileManager.default.fileExists(atPath: path + ".partial"))
    }

    @Test(arguments: [0o640, 0o604, 0o660, 0o620])
    func `keys that others could read or write are not used`(mode: Int) throws {
        let first = start()
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: path)
        let second = start()
        #expect(second.keys.serialised()[8...] != first.keys.serialised()[8...])
        #expect(directory.mode("ticket-keys") == 0o600)
        #expect(saved == second.keys.serialised())
    }

    @Test func `a damaged file and a link are replaced`() throws {
        for text in ["", "garbage", String(repeating: "x", count: 1 << 17)] {
            _ = try directory.write(text, to: "ticket-keys")
            try FileManager.default.setAttributes([.posixPermissions: 0o600], ofItemAtPath: path)
            #expect(start().keys.serialised() == saved)
        }
        let elsewhere = directory.file("elsewhere")
        try FileManager.default.moveItem(atPath: path, toPath: elsewhere)
        try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: elsewhere)
        let moved = FileManager.default.contents(atPath: elsewhere).map(Array.init)
        let file = start()
        #expect(file.keys.serialised() != moved)
        #expect(FileManager.default.contents(atPath: elsewhere).map(Array.init) == moved)
    }

    @Test func `keys are renewed when it is time, and saved`() {
        let file = start()
        let before = saved
        file.rotate(now: now, log: log)
        #expect(saved == before)
        file.rotate(now: now + TLSTicketKeys.rotationInterval, log: log)
        #expect(saved != before)
        #expect(saved == file.keys.serialised())
        #expect(start().keys.serialised() == file.keys.serialised())
    }

    @Test func `two processes take each other's keys in and seal with the same one`() {
        let old = start()
        let new = start()
        let later = now + TLSTicketKeys.rotationInterval
        old.rotate(now: later, log: log)
        new.rotate(now: later, log: log)
        #expect(new.keys.serialised() == old.keys.serialised())
        old.rotate(now: later, log: log)
        #expect(saved == old.keys.serialised())
        #expect((saved.count - 8) / 88 == 2)
    }

    @Test func `a process that started without the file keeps the other's keys too`() throws {
        let first = start()
        try FileManager.default.removeItem(atPath: path)
        let second = start()
        #expect(second.keys.serialised() != first.keys.serialised())
        first.rotate(now: now, log: log)
        second.rotate(now: now, log: log)
        // One of them has both; the other's keys come into the file when the next one is made.
        first.rotate(now: now + TLSTicketKeys.rotationInterval, log: log)
        second.rotate(now: now + TLSTicketKeys.rotationInterval, log: log)
        #expect(first.keys.serialised() == second.keys.serialised())
        #expect((saved.count - 8) / 88 == 3)
    }

    @Test func `a folder that cannot be written leaves the server with keys of its own`() {
        let file = TicketKeyFile(path: directory.file("nowhere/ticket-keys"), log: log)
        let before = file.keys.serialised()
        #expect(before.count == 8 + 88)
        file.rotate(now: now + TLSTicketKeys.rotationInterval, log: log)
        #expect(file.keys.serialised() != before)
    }
}
