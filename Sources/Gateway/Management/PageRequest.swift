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
    private let parameters: QueryParameters

    private static let sizes: ClosedRange<Int64> = 1...1000

    /// - Parameters:
    ///   - filters: the names of parameters that the list knows.
    ///   - places: how many parts a place has.
    init(_ request: BlockingRequest, filters: [String], places: Int) throws(Refusal) {
        let parameters = try QueryParameters(request.query, known: filters + ["page_size", "page_token"])
        self.parameters = parameters
        size = Int(try parameters.number("page_size", Self.sizes) ?? 100)
        after = try parameters["page_token"].map { text throws(Refusal) in try Self.place(text, parts: places) }
    }

    private static func place(_ token: String, parts count: Int) throws(Refusal) -> [String] {
        let parts = Base64URL.decode(Array(token.utf8)).flatMap { try? JSON.parse($0).array }
        guard let parts, parts.count == count, parts.allSatisfy({ $0.string != nil }) else {
            throw JSONBody.wrong("page_token", "the next_page_token of the page before")
        }
        return parts.compactMap(\.string)
    }

    /// A filter's text; nil where it is absent.
    subscript(_ name: String) -> String? { parameters[name] }

    /// A filter that is one of a few words.
    func word<Word: RawRepresentable & CaseIterable>(_ name: String) throws(Refusal) -> Word?
    where Word.RawValue == String {
        try parameters.word(name)
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
