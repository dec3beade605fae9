// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

/// What an exit code says, so that scripts can tell what to do; 64 and above are sysexits.h's.
enum FailureCode: Int32 {
    /// Anything that has no code of its own; for `audit verify` that the log is not whole, for `model evaluate` that the
    /// model is not good enough.
    case failed = 1
    /// The gateway understood, and refused: what was asked is not possible so.
    case refused = 2
    /// EX_USAGE; also where a confirmation is needed and nobody can be asked.
    case usage = 64
    /// EX_DATAERR: a file that was named can be read, and does not hold what it should.
    case badData = 65
    /// EX_NOINPUT: a file that was named cannot be read.
    case noInput = 66
    /// EX_UNAVAILABLE: no answer, or no certificate that is trusted.
    case unreachable = 69
    /// EX_CANTCREAT: a file cannot be written.
    case noOutput = 73
    /// EX_TEMPFAIL: the gateway answered 429 or 503; the same may go later.
    case later = 75
    /// EX_NOPERM: no credential, or one that does not count or may not do this: 401 or 403.
    case notPermitted = 77
    /// EX_CONFIG: the gateway's configuration, or the contexts.
    case configuration = 78

    /// What the status of a refusal comes to.
    init(status: Int) {
        switch status {
        case 401, 403: self = .notPermitted
        case 429, 503: self = .later
        default: self = .refused
        }
    }

    /// The table for people, in the program's help.
    static let help = """
        Exit codes: 0 done, 1 failed, 2 refused by the gateway, 64 wrong usage or not confirmed, 65 a file does not hold
        what it should, 66 a file cannot be read, 69 no gateway reached, 73 a file cannot be written, 75 refused for now
        (429, 503), 77 not permitted (no key, 401, 403), 78 wrong configuration.
        """
}

/// Ends the program with a sentence on standard error.
func fail(_ sentence: String, _ code: FailureCode = .failed) -> ExitCode {
    let line = Array("tollgate: \(sentence)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    return ExitCode(code.rawValue)
}

/// Tells people something that is no result.
func tell(_ sentence: String) {
    let line = Array("\(sentence)\n".utf8)
    write(STDERR_FILENO, line, line.count)
}
