// SPDX-License-Identifier: Apache-2.0

/// Writes the personal fields of one connection's records under a key, and remembers the last form of each: a caller on a
/// kept connection is the same again and again.
public struct PersonalFields {
    private struct Known {
        var text: String
        var pseudonym: String
    }

    private var key: PersonalKey?
    private var source: Known?
    private var subject: Known?
    private var client: Known?
    private var token: Known?
    private var certificate: Known?

    /// Nothing is remembered yet.
    public init() {}

    /// Replaces what tells of a person: where they came from, who they are to their issuer, their token and certificate.
    public mutating func conceal(_ record: inout AuditRecord, under key: PersonalKey) {
        if key !== self.key {
            self = PersonalFields()
            self.key = key
        }
        record.personalKey = key.id
        if let fingerprint = record.tls?.clientSHA256 {
            let concealed = Self.form(of: fingerprint, &certificate, key)
            record.tls?.clientSHA256 = concealed
            record.detail = record.detail?.replacing(fingerprint, with: concealed)
        }
        if let address = record.source?.address { record.source?.address = Self.form(of: address, &source, key) }
        if let text = record.subject { record.subject = Self.form(of: text, &subject, key) }
        if let text = record.clientID { record.clientID = Self.form(of: text, &client, key) }
        if let text = record.tokenID { record.tokenID = Self.form(of: text, &token, key) }
        // A client that another issuer's token names, and nobody knows.
        if record.detail?.hasPrefix("client_id ") == true { record.detail = "client_id" }
    }

    private static func form(of text: String, _ known: inout Known?, _ key: PersonalKey) -> String {
        if let known, known.text == text { return known.pseudonym }
        let pseudonym = key.pseudonym(of: text)
        known = Known(text: text, pseudonym: pseudonym)
        return pseudonym
    }
}

@available(*, unavailable)
extension PersonalFields: Sendable {}
