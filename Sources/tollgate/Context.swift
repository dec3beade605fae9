// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore

/// A gateway that somebody works with, under a name: where it is and whom to trust. The key is in a file of its own.
struct Context {
    let name: String
    var url: String
    /// PEM file of the authority to trust; nil trusts the system's.
    var ca: String?
    /// PEM files of a client certificate and its key, where one stands for a key.
    var certificate: (file: String, keyFile: String)?

    /// 1 to 63 of letters, digits, `.`, `_` and `-`, the first a letter or digit: also the name of the key's file.
    static func isName(_ text: String) -> Bool {
        text.wholeMatch(of: /[A-Za-z0-9][A-Za-z0-9._\-]{0,62}/) != nil
    }

    var json: JSON {
        [
            "url": .string(url), "ca": ca.map(JSON.string) ?? .null,
            "certificate": (certificate?.file).map(JSON.string) ?? .null,
            "certificate_key": (certificate?.keyFile).map(JSON.string) ?? .null,
        ]
    }
}
