// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Audit

/// States of the disk built from a recorded trace of two prunings: whichever a power cut leaves, what the note does not say
/// has gone is there, and what it says goes with the next start.
struct PrunePowerLossTests {
    /// `make torture` asks for many.
    private static let states =
        (ProcessInfo.processInfo.environment["TOLLGATE_TEST_POWER_CUTS"].flatMap { Int($0) } ?? 120) / 3

    /// What has happened at some place of the trace.
    private struct Milestone {
        var event: Int
        /// The first record that is held from here on.
        var held: UInt64
    }

    private struct Life {
        let log: AuditLog
        let integration: TileIntegration
        let pruner: LogPruner

        init(_ files: any FileSystem, knownSize: UInt64 = 0) throws {
            var configuration = memory
            configuration.segmentBytes = 32 << 10
            configuration.knownSize = knownSize
            log = try AuditLog(configuration: configuration, time: .system, files: files)
            let folder = LogFolder(TestLog.directory, files: files)
            integration = try TileIntegration(log: log, folder: folder, signer: TestLog.signer)
            pruner = try LogPruner(log: log, directory: TestLog.directory, signer: TestLog.signer, files: files)
            try integration.step(now: 0) { false }
        }

        /// Writes the trace's next records.
        func grow(to size: Int) throws {
            while log.size < size {
                let first = Int(log.size)
                _ = log.write((first..<min(size, first + 64)).map(PrunePowerLossTests.record))
            }
            try integration.step(now: 0) { false }
        }

        /// - Parameter marked: is told of the first record that is held once the note is on the disk.
        func prune(_ marked: (UInt64) -> Void = { _ in }) throws {
            let checkpoint = try #require(integration.published).checkpoint
            let plan = try pruner.plan(
                RetentionPolicy(bytes: 1),
                now: UnixTime(nanoseconds: 0),
                checkpoint: checkpoint,
                needed: checkpoint.size
            )
            guard plan.end > plan.from else { return }
            let said = #"{"action":"audit.prune","change":{"after":{"first_kept":\#(plan.end)}}}"#
            let record = log.write([Array(said.utf8)])[0]
            try integration.step(now: 0) { false }
            let covered = try #require(integration.published).checkpoint.size
            try pruner.mark(plan, record: record.index, covered: covered)
            marked(plan.end)
            _ = try pruner.clean(atMost: 1000) { _, _ in }
        }
    }

    private static func record(_ number: Int) -> [UInt8] { payload(number, size: 60 + number * 131 % 90) }

    private static let sizes = [1600, 2000]
    /// Where the log says what is pruned.
    private static let said: Set<UInt64> = Set(sizes.map(UInt64.init))

    private static func trace() throws -> (events: [DiskTrace.Event], milestones: [Milestone]) {
        let files = TracingFileSystem()
        var milestones: [Milestone] = []
        let life = try Life(files)
        defer { life.log.close() }
        for size in sizes {
            try life.grow(to: size)
            if milestones.isEmpty { milestones.append(Milestone(event: files.events.count, held: 0)) }
            try life.prune { milestones.append(Milestone(event: files.events.count, held: $0)) }
        }
        return (files.events, milestones)
    }

    private static func recover(_ disk: MemoryFileSystem, _ states: DiskStates, held: UInt64) throws {
        let folder = LogFolder(TestLog.directory, files: disk)
        let checkpoint = try CheckpointStore.read(folder, verifier: TestLog.signer.verifier)?.checkpoint
        #expect(TestLog.verify(disk).faults.isEmpty, "before anything is repaired")
        let life = try Life(disk, knownSize: checkpoint?.size ?? 0)
        defer { life.log.close() }
        let first = life.pruner.firstHeld
        #expect(first >= held, "a pruning that was told of is forgotten")
        let reader = life.log.reader()
        #expect(reader.first <= first)
        for index in first..<life.log.size where !said.contains(index) {
            let isSame = try reader.record(at: index) == record(Int(index))
            if !isSame { Issue.record("record \(index) is not what was written") }
        }
        #expect(TestLog.verify(disk).pruned == first)
        // The next start's first step.
        #expect(try life.pruner.clean(atMost: 1000) { _, _ in })
        for bundle in 0..<first / 256 {
            #expect(disk["\(TestLog.directory)/\(TilePath(.entries, bundle).path)"] == nil)
        }
        #expect(disk.segments.count < 2 || disk.segments[1] > SegmentFile.path("audit/journal", first: first))
        try life.prune()
        let report = TestLog.verify(disk)
        #expect(report.faults.isEmpty && report.pruned >= first, "\(report.faults)")
    }

    @Test
    func `whatever a power cut leaves of a pruning, nothing that is held is lost and nothing that went comes back`()
        throws
    {
        let (events, milestones) = try Self.trace()
        let start = try #require(milestones.first).event
        #expect(milestones.map(\.held) == [0, 512, 768])
        let cuts = max(1, Self.states / (events.count - start))
        let stride = max(1, (events.count - start) / Self.states)
        var states = DiskStates()
        for (place, event) in events.enumerated() {
            states.apply(event)
            guard place >= start, place % stride == 0 else { continue }
            let held = milestones.last { $0.event <= place + 1 }?.held ?? 0
            for cut in 0..<cuts {
                var random = SeededGenerator(seed: UInt64(place) << 16 | UInt64(cut))
                let disk = states.afterPowerCut(&random)
                do { try Self.recover(disk, states, held: held) } catch {
                    Issue.record("event \(place), cut \(cut), \(event): \(error)")
                }
            }
        }
    }
}
