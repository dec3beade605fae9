// SPDX-License-Identifier: Apache-2.0

import Foundation

/// Makes system calls on a gateway's journal fail, by a library that is loaded before the C library: Tests/Torture/faults.c.
struct JournalFaults {
    /// For the gateway's settings.
    let environment: [String: String]
    private let control: String

    init() throws {
        let directory = try TestRun.makeDirectory("faults")
        control = "\(directory)/control"
        try Data().write(to: URL(fileURLWithPath: control))
        environment = ["LD_PRELOAD": try Self.library.get(), "TOLLGATE_FAULTS": control]
    }

    /// From now on these calls fail, as `fdatasync EIO`; none when none is named.
    func set(_ faults: String...) throws {
        // In one piece: the file is read by every call.
        try Data(faults.joined(separator: "\n").utf8).write(to: URL(fileURLWithPath: control), options: .atomic)
    }

    private static let library = Result { () throws -> String in
        let directory = try TestRun.makeDirectory("faults-library")
        let source = "\(TestRun.repository)/Tests/Torture/faults.c"
        let made = try ChildProcess.run(
            "cc",
            ["-shared", "-fPIC", "-O2", "-Wall", "-Werror", "-o", "\(directory)/faults.so", source, "-ldl"],
            directory: directory
        )
        guard made.end == .exited(0) else { throw HarnessError("cc: \(made.errors)") }
        return "\(directory)/faults.so"
    }
}
