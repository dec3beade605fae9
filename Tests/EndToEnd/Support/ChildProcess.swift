// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization

/// A program that a test started; its output goes to files, so that nobody has to read along.
final class ChildProcess: Sendable {
    enum End: Equatable {
        case exited(Int32)
        case signalled(Int32)
    }

    let pid: pid_t
    private let files: (output: String, errors: String)
    private let ended = Mutex<End?>(nil)

    /// - Parameters:
    ///   - program: a path, or a name to look up in PATH.
    ///   - directory: for the files with its output.
    ///   - input: file to read as standard input; nothing without it.
    init(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = TestRun.environment,
        directory: String,
        input: String = "/dev/null"
    ) throws {
        let number = TestRun.next()
        files = ("\(directory)/\(number).out", "\(directory)/\(number).err")

        let descriptor = open(input, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw HarnessError("\(input) cannot be read") }
        defer { close(descriptor) }
        pid = Self.spawn(
            program,
            arguments,
            environment: environment,
            group: TestRun.group,
            input: descriptor,
            output: files.output,
            errors: files.errors
        )
        guard pid > 0 else { throw HarnessError("\(program) cannot be started") }
    }

    /// - Parameter group: the process group to join; 0 for a new one.
    /// - Returns: 0 when it could not be started.
    static func spawn(
        _ program: String,
        _ arguments: [String],
        environment: [String: String],
        group: pid_t,
        input: Int32,
        output: String = "/dev/null",
        errors: String = "/dev/null"
    ) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, input, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_addopen(&actions, 2, errors, O_WRONLY | O_CREAT | O_APPEND, 0o600)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setpgroup(&attributes, group)
        // The tests ignore SIGPIPE; the program under test has to do so by itself.
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var argv = ([program] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for text in argv + envp { free(text) } }
        var pid: pid_t = 0
        return posix_spawnp(&pid, program, &actions, &attributes, &argv, &envp) == 0 ? pid : 0
    }

    deinit { kill() }

    /// What it has written to standard output so far.
    var output: String { Self.text(files.output) }

    /// What it has written to standard error so far.
    var errors: String { Self.text(files.errors) }

    /// nil while it runs.
    var end: End? {
        ended.withLock { ended in
            if let ended { return ended }
            var status: Int32 = 0
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let signal = status & 0x7f
            ended = signal == 0 ? .exited(status >> 8 & 0xff) : .signalled(signal)
            return ended
        }
    }

    /// - Throws: when it does not end in time; then it is killed.
    func wait(within seconds: Double = 120) throws -> End {
        do {
            return try eventually("the end of a program", within: seconds) { end }
        } catch {
            kill()
            throw error
        }
    }

    func send(signal: Int32) {
        // Under the lock, so that the number cannot have gone to another process.
        ended.withLock { if $0 == nil { _ = Foundation.kill(pid, signal) } }
    }

    /// SIGKILL, and nothing is left of it when this returns.
    func kill() {
        send(signal: SIGKILL)
        while end == nil { usleep(1000) }
    }

    /// Runs a program to its end.
    static func run(
        _ program: String,
        _ arguments: [String],
        environment: [String: String] = TestRun.environment,
        directory: String,
        input: String = "/dev/null"
    ) throws -> (end: End, output: String, errors: String) {
        let child = try ChildProcess(
            program,
            arguments,
            environment: environment,
            directory: directory,
            input: input
        )
        let end = try child.wait()
        return (end, child.output, child.errors)
    }

    private static func text(_ file: String) -> String {
        String(decoding: FileManager.default.contents(atPath: file) ?? Data(), as: UTF8.self)
    }
}
