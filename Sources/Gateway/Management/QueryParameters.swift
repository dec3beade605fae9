// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// The parameters of a management call's query: each known, there once, and not empty but for `page_token`, whose empty
/// text is the first page's.
struct QueryParameters {
    private let form: FormBody

    /// - Parameters:
    ///   - query: of the target, as sent; nil for none.
    ///   - known: every name that may occur.
    /// - Throws: a refusal that names the parameter.
    init(_ query: String?, known: [String]) throws(Refusal) {
        guard let form = FormBody((query ?? "").utf8) else {
            throw Refusal(.fieldInvalid, "The query is not a form in which each parameter stands once.")
        }
        for name in form.names.sorted() where !known.contains(name) {
            throw Refusal(
                .fieldInvalid,
                "There is no parameter '\(name.prefix(40))' here; there are \(known.joined(separator: ", "))."
            )
        }
        // Who builds a filter from a text that came out empty would else get everything.
        for name in form.names.sorted() where form[name] == nil && name != "page_token" {
            throw Refusal(.fieldInvalid, "'\(name)' is empty; give it a value or leave it out.")
        }
        self.form = form
    }

    /// The parameter's text; nil where it is absent.
    subscript(_ name: String) -> String? { form[name] }

    /// A whole number.
    func number(_ name: String, _ range: ClosedRange<Int64>) throws(Refusal) -> Int64? {
        guard let text = form[name] else { return nil }
        // Digits alone: Swift's own reading takes a plus sign too.
        guard text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int64(text), range.contains(number) else {
            throw JSONBody.wrong(name, "a whole number from \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }

    /// One of a few words.
    func word<Word: RawRepresentable & CaseIterable>(_ name: String) throws(Refusal) -> Word?
    where Word.RawValue == String {
        guard let text = form[name] else { return nil }
        guard let word = Word(rawValue: text) else {
            throw JSONBody.wrong(name, "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }
}
