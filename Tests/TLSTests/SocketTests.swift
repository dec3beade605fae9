// SPDX-License-Identifier: Apache-2.0

import Foundation
import NIOCore
import NIOOpenSSL
import NIOPosix
import TestSupport
import Testing

/// Real sockets and other people's clients: the command lines of OpenSSL and curl.
@Suite struct SocketTests {
    let identity: TestIdentity

    init() throws {
        identity = try TestIdentity()
    }

    /// Answers each HTTP request line with a body of the length that the path names, and closes when asked to.
    private final class Application: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private var received = ""

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            received += String(buffer: Self.unwrapInboundIn(data))
            while let end = received.range(of: "\r\n\r\n") {
                let head = received[..<end.lowerBound]
                received = String(received[end.upperBound...])
                let path = head.split(separator: " ").dropFirst().first ?? "/"
                let length = Int(path.dropFirst()) ?? 0
                context.write(
                    NIOAny(ByteBuffer(string: "HTTP/1.1 200 OK\r\ncontent-length: \(length)\r\n\r\n")),
                    promise: nil
                )
                context.writeAndFlush(NIOAny(ByteBuffer(repeating: UInt8(ascii: "x"), count: length)), promise: nil)
                if head.contains("connection: close") || head.contains("Connection: close") {
                    context.close(promise: nil)
                }
            }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }

    private func withServer<Result>(
        _ context: TLSContext,
        _ body: (Int) async throws -> Result
    ) async throws -> Result {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandlers([
                        TLSServerHandler(context: context), Application(),
                    ])
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        do {
            let result = try await body(server.localAddress?.port ?? 0)
            try await server.close()
            return result
        } catch {
            try await server.close()
            throw error
        }
    }

    private struct Output {
        let status: Int32
        let text: String
    }

    /// Runs a program with `input` on its standard input; both outputs come back together.
    private func run(_ program: String, _ arguments: [String], input: String = "") async throws -> Output {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["timeout", "20", program] + arguments
        let output = Pipe()
        let source = Pipe()
        process.standardOutput = output
        process.standardError = output
        process.standardInput = source
        try process.run()
        try source.fileHandleForWriting.write(contentsOf: Data(input.utf8))
        try source.fileHandleForWriting.close()
        let bytes = try await NIOThreadPool.singleton.runIfActive {
            try output.fileHandleForReading.readToEnd() ?? Data()
        }
        process.waitUntilExit()
        return Output(status: process.terminationStatus, text: String(decoding: bytes, as: UTF8.self))
    }

    @Test(arguments: ["1.2", "1.3"])
    func `curl trusts the certificate and fetches two answers over one connection`(version: String) async throws {
        try await withServer(identity.context()) { port in
            let url = "https://localhost:\(port)"
            let result = try await run(
                "curl",
                [
                    "-sS", "--cacert", identity.chainFile, "--tlsv\(version)", "--tls-max", version, "--http1.1",
                    "--ipv4", "-w", "%{http_code} %{size_download} %{num_connects};", "-o", "/dev/null", "\(url)/10",
                    "-o", "/dev/null", "\(url)/5000000",
                ]
            )
            #expect(result.text == "200 10 1;200 5000000 0;")
            #expect(result.status == 0)
        }
    }

    @Test func `the last bytes before our close arrive and curl sees a clean end`() async throws {
        try await withServer(identity.context()) { port in
            let result = try await run(
                "curl",
                [
                    "-sS", "--cacert", identity.chainFile, "--ipv4", "-H", "Connection: close", "-w",
                    "%{size_download}", "-o", "/dev/null", "https://localhost:\(port)/8000000",
                ]
            )
            #expect(result.text == "8000000")
            #expect(result.status == 0)
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `openssl s_client agrees on version, protocol and a clean close`(version: String) async throws {
        try await withServer(identity.context()) { port in
            let result = try await run(
                "openssl",
                [
                    "s_client", "-connect", "127.0.0.1:\(port)", version, "-alpn", "h2,http/1.1", "-CAfile",
                    identity.chainFile, "-ign_eof",
                ],
                input: "GET /3 HTTP/1.1\r\nconnection: close\r\n\r\n"
            )
            #expect(result.text.contains("ALPN protocol: http/1.1"))
            #expect(result.text.contains("Verify return code: 0 (ok)"))
            #expect(result.text.contains("Secure Renegotiation IS"))
            #expect(result.text.contains("Compression: NONE"))
            #expect(result.text.contains("\r\n\r\nxxx"))
            #expect(result.text.hasSuffix("closed\n"))
        }
    }

    @Test(arguments: ["-tls1_2", "-tls1_3"])
    func `openssl s_client resumes its session`(version: String) async throws {
        let file = identity.directory.file("session\(version)")
        try await withServer(identity.context()) { port in
            let first = try await run(
                "openssl",
                ["s_client", "-connect", "127.0.0.1:\(port)", version, "-sess_out", file, "-ign_eof"],
                input: "GET /1 HTTP/1.1\r\nconnection: close\r\n\r\n"
            )
            #expect(first.text.contains("New, TLSv1"))
            let second = try await run(
                "openssl",
                ["s_client", "-connect", "127.0.0.1:\(port)", version, "-sess_in", file, "-ign_eof"],
                input: "GET /1 HTTP/1.1\r\nconnection: close\r\n\r\n"
            )
            #expect(second.text.contains("Reused, TLSv1"))
        }
    }

    @Test func `curl without TLS is turned away and the next client is served`() async throws {
        try await withServer(identity.context()) { port in
            let plain = try await run("curl", ["-sS", "http://127.0.0.1:\(port)/1"])
            #expect(plain.status != 0)
            let secure = try await run(
                "curl",
                ["-sS", "--cacert", identity.chainFile, "--ipv4", "https://localhost:\(port)/4"]
            )
            #expect(secure.text == "xxxx")
        }
    }

    @Test func `a client that hangs up in the middle of an answer harms nobody`() async throws {
        try await withServer(identity.context()) { port in
            let url = "https://localhost:\(port)"
            let impatient = try await run(
                "sh",
                [
                    "-c",
                    "curl -sS --cacert \(identity.chainFile) --ipv4 \(url)/50000000 2>/dev/null | head -c 1000 | wc -c",
                ]
            )
            #expect(impatient.text.filter(\.isNumber) == "1000")
            let next = try await run("curl", ["-sS", "--cacert", identity.chainFile, "--ipv4", "\(url)/4"])
            #expect(next.text == "xxxx")
        }
    }
}
