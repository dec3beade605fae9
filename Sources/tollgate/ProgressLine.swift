// SPDX-License-Identifier: Apache-2.0

import Glibc

/// How far a long piece of work is, on one line of the terminal that is written over; elsewhere a line now and then.
struct ProgressLine {
    private let title: String
    private let isTerminal = isatty(STDERR_FILENO) == 1
    private let begin = Self.now
    private var shown = Self.now
    private var isOpen = false

    init(_ title: String) { self.title = title }

    private static var now: Double {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// - Parameter all: nil where it is not known.
    mutating func show(_ done: Int, of all: Int?) {
        let now = Self.now
        let isLast = done == all
        guard isLast || now - shown >= (isTerminal ? 0.1 : 5) else { return }
        shown = now
        let seconds = max(1e-9, now - begin)
        var text =
            "\(title): \(done)\(all.map { " of \($0)" } ?? "") instances, \(Int(Double(done) / seconds)) a second"
        if let all, done > 0, done < all { text += ", \(Int(Double(all - done) * seconds / Double(done)) + 1) s to go" }
        write(isTerminal ? "\r\(text)\u{1b}[K" : "\(text)\n")
        isOpen = isTerminal
    }

    /// Ends the line.
    mutating func end() {
        if isOpen { write("\n") }
        isOpen = false
    }

    private func write(_ text: String) {
        let bytes = Array(text.utf8)
        _ = Glibc.write(STDERR_FILENO, bytes, bytes.count)
    }
}
