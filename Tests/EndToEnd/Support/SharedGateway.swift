// SPDX-License-Identifier: Apache-2.0

import Testing

/// Gives all tests of a suite one gateway, which must end well after the last of them.
struct SharedGateway: SuiteTrait, TestScoping {
    var settings: @Sendable () throws -> GatewayProcess.Settings = { GatewayProcess.Settings() }

    @TaskLocal private static var current: GatewayProcess?

    /// The suite's gateway.
    static var gateway: GatewayProcess {
        get throws { try #require(current, "the suite lacks the trait .gateway()") }
    }

    func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable () async throws -> Void
    ) async throws {
        let gateway = try GatewayProcess(settings())
        defer { gateway.stop() }
        try await Self.$current.withValue(gateway) { try await function() }
        #expect(try gateway.terminate() == .exited(0), "the gateway did not end well:\n\(gateway.log)")
    }
}

extension Trait where Self == SharedGateway {
    /// One gateway for the whole suite.
    static func gateway(_ fields: [String: String] = [:]) -> SharedGateway {
        SharedGateway(settings: { GatewayProcess.Settings(fields: fields) })
    }
}
