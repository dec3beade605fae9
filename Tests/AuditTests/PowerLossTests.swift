// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Synchronization
import TestSupport
import Testing

@testable import Audit

/// States of the disk built from a recorded trace of a log at work: whichever a power cut leaves, the log opens, has all that
/// was acknowledged, in order, and goes on.
@Suite struct PowerLossTests {
    /// `make torture` asks for many.
    private static let states =
        ProcessInfo.processInfo.environment["TOLLGATE_TEST_POWER_CUTS"].flatMap { Int($0) } ?? 150

    private static func record(_ number: Int) -> [UInt8] {
        // Lengths that put frames across pages in every way.
        payload(number, size: 40 + number * 131 % 900)
    }

    /// The trace of two lives of a log, with segments that fill up, and of the tiles and checkpoints behind it.
    private static func trace(_ configuration: AuditConfiguration, seed: UInt64) throws -> [DiskTrace.Event] {
        var random = SeededGenerator(seed: seed)
        let files = TracingFileSystem()
        var count = 0
        for _ in 0..<2 {
            let log = try AuditLog(configuration: configuration, time: .system, files: files)
            let integration = try TileIntegration(
                log: log,
                folder: LogFolder(TestLog.directory, files: files),
                signer: TestLog.signer
            )
            for _ in 0..<12 {
                let size = Int.random(in: 1...12, using: &random)
                let inbox = Inbox { files.note(.acknowledged(index: $0.index)) }
                log.submit((count..<count + size).map(record), to: inbox.mailbox)
                inbox.wait(for: size)
                count += size
                guard Bool.random(using: &random) else { continue }
                try integration.step(now: 0) { false }
                if let size = integration.published?.checkpoint.size { files.note(.published(size: size)) }
            }
            log.close()
        }
        return files.events
    }

    /// Opens what the power cut left and checks every promise.
    private static func recover(
        _ disk: MemoryFileSystem,
        _ states: DiskStates,
        _ configuration: AuditConfiguration
    ) throws {
        let folder = LogFolder(TestLog.directory, files: disk)
        let checkpoint = try CheckpointStore.read(folder, verifier: TestLog.signer.verifier)?.checkpoint
        #expect(checkpoint?.size ?? 0 >= states.published, "a checkpoint that was seen is gone")
        var configuration = configuration
        configuration.knownSize = checkpoint?.size ?? 0
        let log = try openLog(disk, configuration)
        let entries = try log.reader().all()
        #expect(entries.count == Int(log.size))
        if configuration.durability == .durable { #expect(log.size >= states.acknowledged, "a record is lost") }
        for (place, entry) in entries.enumerated() {
            #expect(entry.index == UInt64(place))
            #expect(entry.bytes == record(place), "record \(place) is not what was written")
        }
        #expect(log.write([record(-1)]).map(\.index) == [UInt64(entries.count)])
        // Brings everything to the disk: no checkpoint covers what is not there.
        log.close()
        // The tree goes on from what was signed: had a checkpoint covered other records, this one would not agree.
        let integration = try TileIntegration(log: log, folder: folder, signer: TestLog.signer)
        try integration.step(now: 0) { false }
        let leaves = entries.map(\.bytes) + [record(-1)]
        if let checkpoint {
            #expect(NaiveTree(leaves: leaves).root(0..<Int(checkpoint.size)) == checkpoint.root.bytes)
        }
        #expect(integration.published?.checkpoint.root.bytes == NaiveTree(leaves: leaves).root())
        #expect(TestLog.verify(disk).faults.isEmpty)
    }

    @Test(arguments: [AuditDurability.durable, .written])
    func `whatever a power cut leaves on the disk, the log opens with all that was acknowledged`(
        _ durability: AuditDurability
    ) throws {
        var configuration = memory
        configuration.segmentBytes = 16 << 10
        configuration.durability = durability
        var done = 0
        var seed: UInt64 = 1
        while done < Self.states {
            let events = try Self.trace(configuration, seed: seed)
            // So many cuts at each moment that a trace makes a tenth of all, or a few hundred states.
            let cuts = max(1, max(Self.states / 10, 300) / events.count)
            var states = DiskStates()
            for (place, event) in events.enumerated() {
                states.apply(event)
                for cut in 0..<cuts where done < Self.states {
                    var random = SeededGenerator(seed: seed << 40 | UInt64(place) << 16 | UInt64(cut))
                    let disk = states.afterPowerCut(&random)
                    let here = "seed \(seed), event \(place), cut \(cut): \(event)"
                    do { try Self.recover(disk, states, configuration) } catch { Issue.record("\(here): \(error)") }
                    done += 1
                }
            }
            seed += 1
        }
    }
}
