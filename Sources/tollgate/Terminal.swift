// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import GatewayCore
import Glibc

/// The person before the terminal, if there is one.
enum Terminal {
    /// Whether somebody can be asked.
    static var isThere: Bool { isatty(STDIN_FILENO) == 1 }

    /// Reads a secret: from the terminal without showing it, else the first line of standard input.
    ///
    /// - Throws: exit code 64 when there is none.
    static func secret(_ question: String) throws -> String {
        guard isThere else { return try line(of: "standard input") }
        var before = termios()
        guard tcgetattr(STDIN_FILENO, &before) == 0 else { throw fail("the terminal's echo cannot be turned off") }
        var silent = before
        silent.c_lflag &= ~tcflag_t(ECHO)
        // An interruption must not leave the terminal mute.
        restored = before
        let handled = [SIGINT, SIGTERM, SIGHUP].map { number in
            (
                number,
                signal(number) { number in
                    _ = tcsetattr(STDIN_FILENO, TCSAFLUSH, &Terminal.restored)
                    signal(number, SIG_DFL)
                    raise(number)
                }
            )
        }
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &before)
            for (number, handler) in handled { signal(number, handler) }
            tell("")
        }
        guard tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0 else {
            throw fail("the terminal's echo cannot be turned off")
        }
        // Not before the echo is off: what is typed from here on is neither shown nor thrown away.
        prompt(question)
        return try line(of: "the terminal")
    }

    /// Asks a question that only `y` or `yes` affirms.
    static func affirms(_ question: String) -> Bool {
        // What was typed before the question is no answer to it.
        tcflush(STDIN_FILENO, TCIFLUSH)
        prompt("\(question) [y/N] ")
        return ["y", "yes"].contains((readLine() ?? "").lowercased())
    }

    private static func line(of place: String) throws -> String {
        guard let line = readLine(), !line.isEmpty else { throw fail("\(place) holds no key", .usage) }
        return line
    }

    private static func prompt(_ text: String) {
        let bytes = Array(text.utf8)
        write(STDERR_FILENO, bytes, bytes.count)
    }

    /// Written before the handlers that read it are set, by the only thread there is then.
    private nonisolated(unsafe) static var restored = termios()
}

/// Asks before something is done that cannot be taken back.
struct ConfirmationOption: ParsableArguments {
    @Flag(name: [.customShort("y"), .long], help: "Do it without asking; needed where there is no terminal to ask on.")
    var yes = false

    /// - Parameters:
    ///   - deed: what would be done, as "delete the tenant acme".
    ///   - effect: what follows from it, as a sentence.
    /// - Throws: exit code 64 when it was not confirmed; nothing was done then.
    func ask(_ deed: String, _ effect: String) throws {
        guard !yes else { return }
        guard Terminal.isThere else {
            throw fail(
                "this would \(deed.visible): confirm it with --yes, for there is no terminal to ask on",
                .usage
            )
        }
        guard Terminal.affirms("\(effect.visible)\nReally \(deed.visible)?") else {
            throw fail("not confirmed; nothing was done", .usage)
        }
    }
}
