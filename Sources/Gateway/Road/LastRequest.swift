// SPDX-License-Identifier: Apache-2.0

import Audit
import GatewayCore
import HTTP
import Identity
import Inference
import Limits

/// What a connection's last prediction came to before its body was looked at; the next one of the same caller for the same
/// model need not look it up again, and its record differs in its measures alone.
struct LastRequest {
    // Held, so that no other can come to lie at the same place.
    let principal: Principal
    let tenant: TenantContext
    let name: ModelName
    let version: Int64?
    let model: Model
    private let planGeneration: UInt32
    private let modelsGeneration: Int64
    private var template: RecordTemplate?
    private var templateGeneration: Int64 = 0
    private var route: Route?
    private var protocolVersion = HTTPVersion.http11

    /// - Parameter generation: of the models that the loop serves.
    init(
        _ principal: Principal,
        _ tenant: TenantContext,
        _ name: ModelName,
        version: Int64?,
        _ model: Model,
        generation: Int64
    ) {
        self.principal = principal
        self.tenant = tenant
        self.name = name
        self.version = version
        self.model = model
        planGeneration = tenant.account.planGeneration
        modelsGeneration = generation
    }

    /// Whether that request may go where this one went.
    func covers(_ principal: Principal, _ name: ModelName, version: Int64?, generation: Int64) -> Bool {
        self.principal === principal && self.version == version && self.name == name && modelsGeneration == generation
            && planGeneration == tenant.account.planGeneration
    }

    /// The template of the stream's record.
    mutating func template(of stream: RequestStream, on connection: HTTPConnection, reply: Reply) -> RecordTemplate {
        if let template, templateGeneration == stream.loop.generation, route == stream.exchange.route,
            protocolVersion == stream.exchange.version
        {
            return template
        }
        let made = RecordTemplate(AuditRecord(of: stream, on: connection, reply: reply))
        template = made
        templateGeneration = stream.loop.generation
        route = stream.exchange.route
        protocolVersion = stream.exchange.version
        return made
    }
}

extension RequestStream {
    /// The template of this request's record; nil where the connection's last request was another, or it is not likely to
    /// come again.
    func recordTemplate(on connection: HTTPConnection, reply: Reply) -> RecordTemplate? {
        guard reply.status == 200, exchange.scope == .predict, let principal = exchange.principal,
            let name = exchange.model, exchange.served != nil,
            connection.last?.covers(
                principal,
                name,
                version: exchange.modelVersion,
                generation: loop.modelsGeneration
            ) == true
        else { return nil }
        return connection.last?.template(of: self, on: connection, reply: reply)
    }
}
