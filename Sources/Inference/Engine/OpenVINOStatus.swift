// SPDX-License-Identifier: Apache-2.0

import COpenVINO
import Synchronization

/// Serialises the calls whose failure text is read: the text belongs to the process, not to the call.
let openVINOLock = Mutex<Void>(())

/// Turns a failed call into an error with the engine's text as detail.
func check(
    _ status: ov_status_e,
    _ code: InferenceError.Code,
    _ sentence: @autoclosure () -> String
) throws(InferenceError) {
    if status == OK { return }
    throw InferenceError(code, sentence(), detail: lastErrorText(status))
}

private func lastErrorText(_ status: ov_status_e) -> String {
    guard let message = ov_get_last_err_msg() else { return "OpenVINO status \(status.rawValue)" }
    defer { ov_free(message) }
    // One line, bounded, for it quotes the model's file; where in the engine's source it was thrown says nothing here. Which
    // operators are refused stands last, and here first.
    let all = String(cString: message).split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("Exception from ") }
    let lines = all.filter { $0.hasPrefix(refusedOperators) } + all.filter { !$0.hasPrefix(refusedOperators) }
    return "OpenVINO status \(status.rawValue): \(lines.joined(separator: " | ").prefix(600))"
}

private let refusedOperators = "-- Conversion is failed for: "

/// The operators that a failure's detail says are refused, as `If-13`; empty when it says none.
func refusedOperators(in detail: String) -> [String] {
    guard let found = detail.firstRange(of: refusedOperators) else { return [] }
    return detail[found.upperBound...].prefix { $0 != "|" }.split(separator: ",").prefix(8).compactMap { word in
        let name = word.drop { $0 == " " }.prefix { $0 != " " }
        let isPlain = name.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
        return isPlain && (1...64).contains(name.utf8.count) ? String(name) : nil
    }
}
