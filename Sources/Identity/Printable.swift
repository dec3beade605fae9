// SPDX-License-Identifier: Apache-2.0

/// What a stranger wrote, made fit for a log: visible ASCII, at most 64 characters, in quotes.
func printable(_ text: String) -> String {
    var out = "\""
    for scalar in text.unicodeScalars.prefix(64) {
        let isPlain = (0x20...0x7e).contains(scalar.value) && scalar != "\"" && scalar != "\\"
        out.unicodeScalars.append(isPlain ? scalar : "?")
    }
    return out + (text.unicodeScalars.count > 64 ? "\"…" : "\"")
}
