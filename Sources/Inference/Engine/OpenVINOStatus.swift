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
    // The text comes from the model's file as much as from the engine: one line, bounded.
    // Where in the engine's source it was thrown says nothing here; the rest is bounded, for it quotes the model's file.
    let lines = String(cString: message).split(whereSeparator: \.isNewline).filter { !$0.hasPrefix("Exception from ") }
    return "OpenVINO status \(status.rawValue): \(lines.joined(separator: " | ").prefix(600))"
}
