// SPDX-License-Identifier: Apache-2.0

/// A request's method (RFC 9110, section 9; PATCH: RFC 5789).
public enum HTTPMethod: UInt8, CaseIterable, Sendable {
    case get, head, post, put, patch, delete, options
    /// Another registered method; ``RequestHead/methodRange`` has its name.
    case other

    /// As it is sent; `OTHER` for those that have no case of their own.
    public var name: StaticString {
        switch self {
        case .get: "GET"
        case .head: "HEAD"
        case .post: "POST"
        case .put: "PUT"
        case .patch: "PATCH"
        case .delete: "DELETE"
        case .options: "OPTIONS"
        case .other: "OTHER"
        }
    }

    /// Whether a request of this method may have a body here. RFC 9110, section 9.3.1, gives the body of a GET no
    /// meaning and calls it a way to smuggle requests.
    public var takesBody: Bool {
        switch self {
        case .post, .put, .patch, .other: true
        case .get, .head, .delete, .options: false
        }
    }

    /// The method of that name, which is case-sensitive. nil for what is not registered, and for CONNECT: a gateway
    /// is no tunnel.
    public init?(_ name: UnsafeRawBufferPointer) {
        let candidate: HTTPMethod
        switch name.count {
        case 3: candidate = name[0] == UInt8(ascii: "G") ? .get : .put
        case 4: candidate = name[0] == UInt8(ascii: "P") ? .post : .head
        case 5: candidate = .patch
        case 6: candidate = .delete
        case 7: candidate = .options
        default: candidate = .other
        }
        if name.equals(candidate.name), candidate != .other {
            self = candidate
        } else if Self.isRegistered(name) {
            self = .other
        } else {
            return nil
        }
    }

    /// IANA's registry of HTTP methods, as far as today's parsers know it, and three old extensions that they share.
    private static func isRegistered(_ name: UnsafeRawBufferPointer) -> Bool {
        switch name.count {
        case 3: name.equals("ACL")
        case 4:
            name.equals("COPY") || name.equals("LOCK") || name.equals("MOVE") || name.equals("BIND")
                || name.equals("LINK")
        case 5:
            name.equals("TRACE") || name.equals("MKCOL") || name.equals("MERGE") || name.equals("PURGE")
                || name.equals("QUERY")
        case 6:
            name.equals("SEARCH") || name.equals("UNLOCK") || name.equals("REBIND") || name.equals("UNBIND")
                || name.equals("REPORT") || name.equals("NOTIFY") || name.equals("UNLINK")
        case 8: name.equals("PROPFIND") || name.equals("CHECKOUT") || name.equals("M-SEARCH")
        case 9: name.equals("PROPPATCH")
        case 10: name.equals("MKACTIVITY") || name.equals("MKCALENDAR")
        default: false
        }
    }
}
