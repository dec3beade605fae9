// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Identity
import Inference
import Limits

/// What a connection's last prediction came to before its body was looked at; the next one of the same caller for the same
/// model need not look it up again. Its record and answer differ in their measures alone, its counters are the same.
final class LastRequest {
    // Held, so that no other can come to lie at the same place.
    let principal: Principal
    let tenant: TenantContext
    let route: Route
    /// Not held: while the loop serves the models of this generation it holds them, and idle connections need not keep what
    /// was swapped out. To be read where ``covers(_:_:version:generation:)`` says yes.
    unowned(unsafe) let model: Model
    private let account: TenantAccount
    private let version: HTTPVersion
    private let planGeneration: UInt32
    private let modelsGeneration: Int64
    private var template: RecordTemplate?
    private var templateGeneration: Int64 = 0
    /// Of the personal keys.
    private var templateKeys: UInt64 = 0
    /// The part of an answer's head over HTTP/1.1 that stays.
    var head: [UInt8]?
    var meters: RequestMeters?

    /// - Parameter generation: of the models that the loop serves.
    init(
        _ principal: Principal,
        _ tenant: TenantContext,
        _ route: Route,
        _ version: HTTPVersion,
        _ model: Model,
        generation: Int64
    ) {
        self.principal = principal
        self.tenant = tenant
        self.route = route
        self.version = version
        self.model = model
        account = tenant.account
        planGeneration = account.planGeneration
        modelsGeneration = generation
    }

    /// Whether that request may go where this one went.
    func covers(_ principal: Principal, _ route: Route?, version: HTTPVersion, generation: Int64) -> Bool {
        self.principal === principal && self.route == route && self.version == version
            && modelsGeneration == generation && planGeneration == account.planGeneration
    }

    /// The template of the stream's record.
    func template(of stream: RequestStream, on connection: HTTPConnection, reply: borrowing Reply) -> RecordTemplate {
        let keys = stream.services.personalKeys.generation
        if let template, templateGeneration == stream.loop.generation, templateKeys == keys { return template }
        let made = RecordTemplate(AuditRecord(of: stream, on: connection, reply: reply))
        template = made
        templateGeneration = stream.loop.generation
        templateKeys = keys
        return made
    }
}

@available(*, unavailable)
extension LastRequest: Sendable {}
