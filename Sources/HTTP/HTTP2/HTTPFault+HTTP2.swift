// SPDX-License-Identifier: Apache-2.0

/// The faults that only a request of HTTP/2 has, with the sentences that their clients read.
extension HTTPFault {
    static var path: Self {
        Self(.malformed, "The request must have a :scheme and a :path that begins with a slash, as /predict.")
    }
    static var scheme: Self { Self(.malformed, "The :scheme must be https.") }
    static var authority: Self {
        Self(.malformed, "The :authority must be a name or an IP address, with or without a port.")
    }
    static var hostIsNotAuthority: Self {
        Self(.malformed, "The host field and :authority differ; send one of them.")
    }
    static var fieldBytes: Self {
        Self(.malformed, "A field's name or value has a byte that it must not have, or blanks around it.")
    }
}
