// SPDX-License-Identifier: Apache-2.0

import Foundation

/// A terminal with a person before it: what a program that asks reads from.
final class PseudoTerminal {
    /// To be opened as standard input.
    let path: String
    private let keyboard: Int32
    /// Held, so that the terminal is there before and after the program.
    private let screen: Int32

    init() throws {
        keyboard = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_CLOEXEC)
        var (isLocked, number): (Int32, UInt32) = (0, 0)
        guard keyboard >= 0, ioctl(keyboard, Self.setLock, &isLocked) == 0,
            ioctl(keyboard, Self.getNumber, &number) == 0
        else { throw HarnessError("there is no pseudo terminal") }
        path = "/dev/pts/\(number)"
        screen = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC)
        _ = fcntl(keyboard, F_SETFL, O_NONBLOCK)
    }

    // TIOCSPTLCK and TIOCGPTN (ioctl_tty(2)), whose macros Swift does not see.
    private static let setLock: UInt = 0x4004_5431
    private static let getNumber: UInt = 0x8004_5430

    deinit {
        close(screen)
        close(keyboard)
    }

    func type(_ text: String) {
        let bytes = Array(text.utf8)
        _ = write(keyboard, bytes, bytes.count)
    }

    /// What the terminal echoed since it was last asked.
    func echo() -> String {
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = read(keyboard, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(0, count)), as: UTF8.self)
    }
}

extension GatewayProcess {
    /// Runs a command before a terminal, and types the answer when it asks.
    func command(
        _ arguments: [String],
        environment: [String: String]? = nil,
        answering question: String,
        with answer: String
    ) throws -> (end: ChildProcess.End, output: String, errors: String, echo: String) {
        let terminal = try PseudoTerminal()
        let child = try ChildProcess(
            TestRun.binary,
            arguments,
            environment: environment ?? commandEnvironment(),
            directory: directory,
            input: terminal.path
        )
        _ = try eventually("the question; it wrote \(child.errors)") {
            if let end = child.end { throw HarnessError("it ended with \(end) before it asked: \(child.errors)") }
            return child.errors.contains(question) ? true : nil
        }
        terminal.type(answer)
        let end = try child.wait()
        return (end, child.output, child.errors, terminal.echo())
    }
}
