// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import TestSupport
import Testing

@testable import Inference

private let dense = ModelName("dense")!

/// A watched folder: what is whole is found, once; what is being copied is not.
@Suite struct RepositoryWatchTests {
    private let folder: TemporaryDirectory
    private let repository: ModelRepository

    init() throws {
        folder = try TemporaryDirectory()
        try folder.write(DenseLayer(), as: "dense/1")
        repository = try ModelRepository(directory: folder.path)
    }

    /// So many seconds from now.
    private func later(_ seconds: Int64) -> UnixTime { TimeSource.system.now() + seconds }

    private func found(
        _ watch: inout RepositoryWatch,
        _ repository: ModelRepository,
        _ seconds: Int64
    ) -> [ModelName: Set<Int64>] {
        watch.look(at: repository, now: later(seconds))
    }

    @Test func `what did not change is not found`() {
        var watch = RepositoryWatch(settleSeconds: 5)
        #expect(found(&watch, repository, 0).isEmpty)
        #expect(found(&watch, repository, 3600).isEmpty)
    }

    @Test func `a version without a manifest is found when it was left alone for long enough`() throws {
        var watch = RepositoryWatch(settleSeconds: 30)
        try folder.write(DenseLayer(), as: "dense/2")
        #expect(found(&watch, repository, 0).isEmpty)
        #expect(found(&watch, repository, 20).isEmpty)
        #expect(found(&watch, repository, 31) == [dense: [2]])
    }

    @Test func `a hidden file that grows beside it is a copy under way`() throws {
        var watch = RepositoryWatch(settleSeconds: 30)
        try folder.write(DenseLayer(), as: "dense/2")
        let old = [FileAttributeKey.modificationDate: Date(timeIntervalSince1970: 1)]
        // Times that a copy brings along say nothing.
        for name in ["model.xml", "model.bin"] {
            try FileManager.default.setAttributes(old, ofItemAtPath: folder.file("dense/2/\(name)"))
        }
        try folder.write([1], to: "dense/2/.model.bin.Xy12")
        try FileManager.default.setAttributes(old, ofItemAtPath: folder.file("dense/2"))
        #expect(found(&watch, repository, 0).isEmpty)
        #expect(found(&watch, repository, 31) == [dense: [2]])
    }

    @Test func `a version that fits its manifest is found at once, one that does not when it is left alone`() throws {
        var watch = RepositoryWatch(settleSeconds: 3600)
        try folder.write(DenseLayer(), as: "dense/2")
        _ = try ManifestWriter.write(folder.file("dense/2"), tenants: nil)
        #expect(found(&watch, repository, 0) == [dense: [2]])

        // The manifest first, the files behind it, byte by byte.
        let bin = try Data(contentsOf: URL(fileURLWithPath: folder.file("dense/2/model.bin")))
        for length in [0, 1, 20, bin.count - 1] {
            try bin.prefix(length).write(to: URL(fileURLWithPath: folder.file("dense/2/model.bin")))
            #expect(found(&watch, repository, 0).isEmpty)
            #expect(found(&watch, repository, 0).isEmpty)
        }
        #expect(found(&watch, repository, 3601) == [dense: [2]])
        try bin.write(to: URL(fileURLWithPath: folder.file("dense/2/model.bin")))
        #expect(found(&watch, repository, 0) == [dense: [2]])
    }

    @Test func `a half-copied version does not take the place of one that the policy loads`() throws {
        try folder.write(#"{"versions": "latest 1"}"#, to: "dense/model.json")
        try folder.write(DenseLayer(), as: "dense/2")
        try folder.write("<net", to: "dense/3/model.xml")
        let after = try repository.following(dense, versions: [2]).repository
        #expect(after.list().map(\.version) == [1, 2])
        #expect(after.list().map(\.phase) == [.draining, .serving])
    }

    @Test func `what failed is not tried again until it changes`() throws {
        var watch = RepositoryWatch(settleSeconds: 1)
        try folder.write("<net", to: "dense/2/model.xml")
        try folder.write([0], to: "dense/2/model.bin")
        #expect(found(&watch, repository, 10) == [dense: [2]])
        let failed = try repository.following(dense, versions: [2])
        #expect(failed.failure?.code == .modelInvalid)
        #expect(found(&watch, failed.repository, 10).isEmpty)
        try folder.write(DenseLayer(), as: "dense/2")
        #expect(found(&watch, failed.repository, 10) == [dense: [2]])
        let mended = try failed.repository.following(dense, versions: [2])
        #expect(mended.failure == nil)
        #expect(try mended.repository.model(dense).get().version == 2)
    }

    @Test func `what was unloaded stays so until it changes`() throws {
        var watch = RepositoryWatch(settleSeconds: 1)
        let unloaded = try repository.unloading(dense).repository
        #expect(found(&watch, unloaded, 10).isEmpty)
    }

    @Test func `a version that went is taken out of service, but the last one never is`() throws {
        var watch = RepositoryWatch(settleSeconds: 1)
        try folder.write(DenseLayer(), as: "dense/2")
        let two = try repository.following(dense, versions: [2]).repository
        try FileManager.default.removeItem(atPath: folder.file("dense/2"))
        #expect(found(&watch, two, 10) == [dense: []])
        let one = try two.following(dense, versions: []).repository
        #expect(one.list().map(\.version) == [1])
        try FileManager.default.removeItem(atPath: folder.file("dense/1"))
        #expect(found(&watch, one, 10).isEmpty)
        #expect(try one.following(dense, versions: []).repository.model(dense).get().version == 1)
    }
}
