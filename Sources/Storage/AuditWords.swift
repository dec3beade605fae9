// SPDX-License-Identifier: Apache-2.0

/// What a search by free text looks for.
///
/// Terms are separated by spaces, and a record must have all of them. A term in double quotes, or one with punctuation
/// as `10.0.0.7`, is a phrase: its words one behind the other. With `*` at its end a term finds words that begin so.
/// Case and accents make no difference.
public struct AuditWords: Hashable, Sendable {
    /// Most terms of a search.
    public static let maximumCount = 16
    /// Each as a query of SQLite's FTS5 (https://www.sqlite.org/fts5.html, section 3).
    let terms: [String]

    /// nil when the text has no word, more than ``maximumCount`` terms, or a quote without its other.
    public init?(_ text: String) {
        var terms: [String] = []
        var rest = text[...]
        while let start = rest.firstIndex(where: { $0 != " " && $0 != "\t" }) {
            rest = rest[start...]
            let term: Substring
            if rest.first == "\"" {
                rest = rest.dropFirst()
                guard let end = rest.firstIndex(of: "\"") else { return nil }
                term = rest[..<end]
                rest = rest[end...].dropFirst()
            } else {
                term = rest.prefix { $0 != " " && $0 != "\t" && $0 != "\"" }
                rest = rest[term.endIndex...]
            }
            var isPrefix = term.last == "*"
            if rest.first == "*" {
                isPrefix = true
                rest = rest.dropFirst()
            }
            // What has no letter or digit is no word for the index either.
            guard
                term.unicodeScalars.contains(where: { $0.properties.isAlphabetic || $0.properties.numericType != nil })
            else { continue }
            let quoted = term.filter { $0 != "\"" && $0 != "\0" && $0 != "*" }
            terms.append("\"\(quoted)\"" + (isPrefix ? " *" : ""))
        }
        guard !terms.isEmpty, terms.count <= Self.maximumCount else { return nil }
        self.terms = terms
    }
}
