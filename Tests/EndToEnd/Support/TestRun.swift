// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// What all end-to-end tests of one process share: where things are, and a folder that is gone when the process ends.
enum TestRun {
    /// The checked-out repository.
    static let repository: String = {
        // Tests/EndToEnd/Support/TestRun.swift
        var url = URL(fileURLWithPath: #filePath)
        for _ in 0..<4 { url.deleteLastPathComponent() }
        return url.path
    }()

    static var models: String { "\(repository)/examples/digits/models" }

    /// The program under test: what was built beside this test bundle, or what TOLLGATE_BINARY names.
    static let binary: String = {
        if let named = ProcessInfo.processInfo.environment["TOLLGATE_BINARY"] { return named }
        let own = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")) ?? ""
        let candidates = [own] + CommandLine.arguments
        for path in candidates.map({ URL(fileURLWithPath: $0).deletingLastPathComponent().path + "/tollgate" })
        where FileManager.default.isExecutableFile(atPath: path) {
            return path
        }
        return "\(repository)/.build/debug/tollgate"
    }()

    /// How often a test does the same over again: as often as the environment says, as TOLLGATE_TEST_DRAINS=100.
    static func rounds(_ name: String, _ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["TOLLGATE_TEST_\(name)"].flatMap { Int($0) } ?? usual
    }

    /// This process's environment without what would configure the gateway behind a test's back.
    static var environment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("TOLLGATE_") }
    }

    private static let counter = Atomic(0)

    /// A number that no other caller in this process gets.
    static func next() -> Int { counter.add(1, ordering: .relaxed).newValue }

    /// A new empty folder for its owner alone.
    static func makeDirectory(_ name: String) throws -> String {
        let path = "\(root)/\(name)-\(next())"
        try FileManager.default.createDirectory(
            atPath: path,
            withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700]
        )
        return path
    }

    private static let root: String = {
        // A peer that has closed is a result, not the end of the tests.
        signal(SIGPIPE, SIG_IGN)
        return NSTemporaryDirectory() + "tollgate-end-to-end-\(getpid())"
    }()

    /// The process group of all that the tests start. Its leader waits for this process to end, in whatever way, and
    /// then ends the group and removes the folder: a crash of the tests leaves nothing behind either.
    static let group: pid_t = {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { return 0 }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[0]) }
        // The other end stays open for as long as this process lives.
        return ChildProcess.spawn(
            "sh",
            ["-c", "read end; rm -rf \"$0\"; kill -9 0", root],
            environment: environment,
            group: 0,
            input: ends[0]
        )
    }()
}

/// What went wrong outside of the program under test.
struct HarnessError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}

/// Asks again and again until there is an answer.
///
/// - Throws: after `seconds`, with what was waited for.
func eventually<Value>(
    _ what: @autoclosure () -> String,
    within seconds: Double = 120,
    _ ask: () throws -> Value?
) throws -> Value {
    let end = ContinuousClock.now + .seconds(seconds)
    while true {
        if let value = try ask() { return value }
        guard ContinuousClock.now < end else { throw HarnessError("waited \(seconds) s in vain for \(what())") }
        usleep(3000)
    }
}

/// The daily quota renews at midnight, UTC; a test that counts it does not begin in the minute before.
func awayFromMidnight() throws {
    _ = try eventually("midnight") { Int(Date().timeIntervalSince1970) % 86_400 < 86_340 ? true : nil }
}
