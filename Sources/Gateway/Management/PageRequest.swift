// SPDX-License-Identifier: Apache-2.0

import GatewayCore

/// `page_size` and `page_token` of a list, and its filters.
///
/// A token holds the place of the last object shown. What is added or removed meanwhile moves no other object from one
/// page to another.
struct PageRequest {
    let size: Int
    /// The parts of the last object's place; nil for the first page.
    let after: [String]?
    private let form: FormBody

    private static let sizes = 1...1000

    /// - Parameters:
    ///   - filters: the names of parameters that the list knows.
    ///   - places: how many parts a place has.
    init(_ request: BlockingRequest, filters: [String], places: Int) throws(Refusal) {
        guard let form = FormBody((request.query ?? "").utf8) else {
            throw Refusal(.fieldInvalid, "The query is not a form in which each parameter stands once.")
        }
        let known = filters + ["page_size", "page_token"]
        for name in form.names where !known.contains(name) {
            throw Refusal(
                .fieldInvalid,
                "There is no parameter '\(name.prefix(40))' here; there are \(known.joined(separator: ", "))."
            )
        }
        self.form = form
        var size = 100
        if let text = form["page_size"] {
            guard let number = Int(text), Self.sizes.contains(number) else {
                throw JSONBody.wrong("page_size", "a whole number from 1 to \(Self.sizes.upperBound)")
            }
            size = number
        }
        self.size = size
        after = try form["page_token"].map { text throws(Refusal) in try Self.place(text, parts: places) }
    }

    private static func place(_ token: String, parts count: Int) throws(Refusal) -> [String] {
        let parts = Base64URL.decode(Array(token.utf8)).flatMap { try? JSON.parse($0).array }
        guard let parts, parts.count == count, parts.allSatisfy({ $0.string != nil }) else {
            throw JSONBody.wrong("page_token", "the next_page_token of the page before")
        }
        return parts.compactMap(\.string)
    }

    /// A filter's text; nil where it is absent or empty.
    subscript(_ name: String) -> String? { form[name] }

    /// A filter that is one of a few words.
    func word<Word: RawRepresentable & CaseIterable>(_ name: String) throws(Refusal) -> Word?
    where Word.RawValue == String {
        guard let text = form[name] else { return nil }
        guard let word = Word(rawValue: text) else {
            throw JSONBody.wrong(name, "one of \(Word.allCases.map(\.rawValue).joined(separator: ", "))")
        }
        return word
    }

    /// The answer to a list.
    ///
    /// - Parameters:
    ///   - objects: one more than ``size`` where there is a next page.
    ///   - place: of an object.
    func reply<Object>(_ name: String, _ objects: [Object], place: (Object) -> [String], json: (Object) -> JSON)
        -> Reply
    {
        var members = [JSON.Member(name, .array(objects.prefix(size).map(json)))]
        if objects.count > size {
            let token = JSON.array(place(objects[size - 1]).map(JSON.string)).serialized()
            members.append(JSON.Member("next_page_token", .string(Base64URL.encode(Array(token.utf8)))))
        }
        return .json(.object(members))
    }
}
