// SPDX-License-Identifier: Apache-2.0

/// A certificate authority and a P-256 server certificate for 127.0.0.1, made by the openssl command for this test run.
struct Certificates {
    let authority: String
    let certificate: String
    let key: String
    /// A key that belongs to another certificate.
    let otherKey: String

    static var shared: Certificates { get throws { try made.get() } }

    /// A new authority with a certificate of the same names.
    static func another() throws -> Certificates { try Certificates() }

    private static let made = Result { try Certificates() }

    private init() throws {
        let directory = try TestRun.makeDirectory("certificates")
        authority = "\(directory)/ca.pem"
        certificate = "\(directory)/server.pem"
        key = "\(directory)/server.key"
        otherKey = "\(directory)/other.key"

        func openssl(_ arguments: String...) throws {
            let result = try ChildProcess.run("openssl", arguments, directory: directory)
            guard result.end == .exited(0) else { throw HarnessError("openssl \(arguments): \(result.errors)") }
        }
        for key in ["\(directory)/ca.key", key, otherKey] {
            try openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", key)
        }
        try openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            "\(directory)/ca.key",
            "-days",
            "2",
            "-out",
            authority,
            "-subj",
            "/CN=Tests",
            "-addext",
            "basicConstraints=critical,CA:TRUE"
        )
        try openssl(
            "req",
            "-x509",
            "-new",
            "-key",
            key,
            "-days",
            "2",
            "-out",
            certificate,
            "-subj",
            "/CN=localhost",
            "-CA",
            authority,
            "-CAkey",
            "\(directory)/ca.key",
            "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1",
            "-addext",
            "basicConstraints=critical,CA:FALSE"
        )
    }
}
