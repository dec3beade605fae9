// SPDX-License-Identifier: Apache-2.0

import ArgumentParser
import Glibc

/// Ends the program with a sentence on standard error.
///
/// - Parameter code: 1 failed, 2 refused by the gateway, 78 wrong configuration (sysexits.h: EX_CONFIG).
func fail(_ sentence: String, code: Int32 = 1) -> ExitCode {
    let line = Array("tollgate: \(sentence)\n".utf8)
    write(STDERR_FILENO, line, line.count)
    return ExitCode(code)
}
