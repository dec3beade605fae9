// SPDX-License-Identifier: Apache-2.0

public import Audit
import Foundation
import Yams

extension Configuration {
    /// One of the list `audit.witnesses`: who is asked to cosign the log's checkpoints (C2SP tlog-witness).
    public struct Witness: Sendable, Equatable {
        /// Its verifier key's text, `name+1a2b3c4d+base64`, of a cosignature/v1 key.
        public var key = ""
        /// Its submission prefix, an https URL; `/add-checkpoint` is put behind it.
        public var url = ""
        /// PEM file of the authorities that the server's certificate is checked by; empty for the system's.
        public var caFile = ""

        /// The key; nil before it is set.
        public var verifier: NoteVerifier? { NoteVerifier(key) }
    }

    /// One of the list `audit.publish`: where checkpoints are sent.
    public struct Destination: Sendable, Equatable {
        /// What kind of place it is.
        public enum Kind: String, Sendable, CaseIterable {
            /// A folder, a file for each checkpoint.
            case file
            /// A server that takes checkpoints by POST.
            case https
            /// A time-stamping authority (RFC 3161).
            case tsa
        }

        /// As it stands in the file: `file:/path`, `https://…` or `tsa:https://…`.
        public var to = ""
        /// File of the bearer token that the server asks for; empty without.
        public var tokenFile = ""
        /// PEM file of the authorities that the server's certificate is checked by; empty for the system's.
        public var caFile = ""
        /// PEM file of the authorities of time-stamps; empty leaves their signatures to who verifies them later.
        public var authorities = ""
        /// Where time-stamps are kept; empty for the state's `audit/checkpoints`.
        public var folder = ""

        /// By the beginning of ``to``.
        public var kind: Kind {
            to.hasPrefix("file:") ? .file : to.hasPrefix("tsa:") ? .tsa : .https
        }

        /// The folder or URL.
        public var place: String {
            switch kind {
            case .file, .tsa: String(to[to.index(after: to.firstIndex(of: ":") ?? to.startIndex)...])
            case .https: to
            }
        }
    }
}

extension EntryReader<Configuration.Witness> {
    init(_ list: Node, file: String) {
        let fields: [EntryField<Configuration.Witness>] = [
            EntryField("key") { witness, text in
                guard NoteVerifier(text)?.kind == .cosignature else {
                    return "a witness's verifier key of kind cosignature/v1 (Ed25519), as name+1a2b3c4d+base64"
                }
                witness.key = text
                return nil
            },
            EntryField("url") { witness, text in
                guard isDestination(text) else { return destinationRequirement }
                witness.url = text
                return nil
            },
            EntryField("ca_file", \.caFile, "a PEM file"),
        ]
        self.init(list, file: file, path: "audit.witnesses", fields: fields, empty: Configuration.Witness()) {
            $1.contains("url") ? nil : "must have url: the submission prefix of the witness"
        }
        checkOnce("key") { $0.verifier?.name ?? "" }
    }
}

extension EntryReader<Configuration.Destination> {
    init(_ list: Node, file: String) {
        let fields: [EntryField<Configuration.Destination>] = [
            EntryField("to") { destination, text in
                let isRight =
                    if text.hasPrefix("file:") {
                        text.hasPrefix("file:/") && !text.hasPrefix("file://")
                    } else if text.hasPrefix("tsa:") {
                        isDestination(String(text.dropFirst(4)), isPlainAllowed: true)
                    } else {
                        isDestination(text)
                    }
                guard isRight else { return "file:/FOLDER, tsa:URL or \(destinationRequirement)" }
                destination.to = text
                return nil
            },
            EntryField("token_file", \.tokenFile, "a file with a bearer token"),
            EntryField("ca_file", \.caFile, "a PEM file"),
            EntryField("authorities", \.authorities, "a PEM file"),
            EntryField("folder", \.folder, "a folder"),
        ]
        self.init(
            list,
            file: file,
            path: "audit.publish",
            fields: fields,
            empty: Configuration.Destination(),
            isShort: true
        ) { destination, given in
            let allowed: Set<String> =
                switch destination.kind {
                case .file: []
                case .https: ["token_file", "ca_file"]
                case .tsa: ["ca_file", "authorities", "folder"]
                }
            let useless = given.subtracting(allowed).subtracting(["to"]).sorted().first
            return useless.map { "has \($0), which is of no use for \(destination.to.prefix(200))" }
        }
        checkOnce("to") { $0.to }
        // Of each checkpoint a folder has one time-stamp.
        checkOnce("folder") { $0.kind == .tsa ? "tsa:" + $0.folder : "" }
    }
}

private let destinationRequirement = "an https URL without user name, query and fragment"

/// What is secret belongs into a file: a URL is in logs and metrics. Time-stamps are signed, so they may come over plain
/// HTTP, which is all that most authorities speak.
private func isDestination(_ text: String, isPlainAllowed: Bool = false) -> Bool {
    guard (1...512).contains(text.utf8.count), text.utf8.allSatisfy({ (0x21...0x7e).contains($0) }),
        text.hasPrefix("https://") || isPlainAllowed && text.hasPrefix("http://"), let url = URLComponents(string: text)
    else { return false }
    return url.host?.isEmpty == false && url.user == nil && url.password == nil && url.query == nil
        && url.fragment == nil
}
