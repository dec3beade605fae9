// SPDX-License-Identifier: Apache-2.0

extension Configuration {
    /// A client certificate that stands for an API key: whoever proves to hold the one need not show the other.
    ///
    /// Written `FINGERPRINT=KEY`: SHA-256 of the certificate in DER, in hexadecimal, with colons as `openssl x509
    /// -fingerprint -sha256` prints it or without; then the key's id.
    public struct ClientKey: Sendable, Equatable {
        /// 64 lower-case hexadecimal digits.
        public let fingerprint: String
        /// Whether there is such a key is seen when it is used: keys come and go.
        public let keyID: String

        /// nil when the text is not of that form.
        public init?(_ text: String) {
            let parts = text.split(separator: "=", omittingEmptySubsequences: false)
            guard parts.count == 2 else { return nil }
            let digits = parts[0].replacing(":", with: "").lowercased()
            guard digits.wholeMatch(of: /[0-9a-f]{64}/) != nil, parts[1].wholeMatch(of: /[0-9A-Za-z]{8}/) != nil else {
                return nil
            }
            fingerprint = digits
            keyID = String(parts[1])
        }
    }
}

extension ConfigurationField {
    /// A list of such bindings, each certificate once; in one text with commas between them.
    static func clientKeys(
        _ name: String,
        _ path: any WritableKeyPath<Configuration, [Configuration.ClientKey]> & Sendable
    ) -> ConfigurationField {
        var field = ConfigurationField(path: name, isSame: { $0[keyPath: path] == $1[keyPath: path] }) {
            configuration,
            text in
            let parts = text.split(separator: ",").map { $0.filter { $0 != " " } }
            let keys = parts.compactMap { Configuration.ClientKey(String($0)) }
            guard keys.count == parts.count, Set(keys.map(\.fingerprint)).count == keys.count else {
                return Requirement(
                    text:
                        "a list of FINGERPRINT=KEY: SHA-256 of a certificate in hexadecimal, each once, and a key's id"
                )
            }
            configuration[keyPath: path] = keys
            return nil
        }
        field.isList = true
        return field
    }
}
