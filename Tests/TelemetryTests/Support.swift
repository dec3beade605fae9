// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport

extension SeededGenerator {
    /// Text that writers of text get wrong: controls, quotes, separators, directions, astral characters.
    mutating func hostileText(maxLength: Int = 12) -> String {
        let scalars: [Unicode.Scalar] = [
            "a", "Z", "0", " ", "\"", "\\", "\n", "\r", "\t", "\0", "\u{1b}", "\u{7f}", "\u{85}", "\u{9b}", "\u{2028}",
            "\u{202e}", "\u{2066}", "é", "\u{301}", "=", ",", "{", "}", "#", "😀", "\u{feff}",
        ]
        var text = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...maxLength, using: &self) { text.append(scalars.randomElement(using: &self)!) }
        return String(text)
    }
}

/// The project's own files, wherever it lies.
enum Project {
    static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
    static let dashboards = root.appendingPathComponent("dashboards")
}

/// Prometheus's own checker, from Debian's package `prometheus`. Tests fail where it is missing.
struct Promtool {
    let status: Int32
    let output: String

    init(_ arguments: [String], input: [UInt8] = []) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["promtool"] + arguments
        process.currentDirectoryURL = Project.dashboards
        let stdin = Pipe()
        let output = Pipe()
        process.standardInput = stdin
        process.standardOutput = output
        process.standardError = output
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input))
        try stdin.fileHandleForWriting.close()
        let bytes = try output.fileHandleForReading.readToEnd() ?? Data()
        process.waitUntilExit()
        status = process.terminationStatus
        self.output = String(decoding: bytes, as: UTF8.self)
    }
}
