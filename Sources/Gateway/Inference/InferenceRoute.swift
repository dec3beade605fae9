// SPDX-License-Identifier: Apache-2.0

import GatewayCore
import HTTP

/// A call of TensorFlow Serving's REST API or of the Open Inference Protocol V2, beside the prediction and the status that
/// ``Route`` knows itself.
struct InferenceRoute: Equatable {
    let call: InferenceCall
    /// nil for calls that are of no model.
    var model: ModelName?
    var version = VersionChoice.latest
}

enum InferenceCall: Equatable, CaseIterable {
    // TensorFlow Serving.
    case servingPredict, servingClassify, servingRegress
    case servingStatus, servingMetadata
    /// Ours, in its manner: true labels for earlier predictions, and what they came to.
    case servingFeedback, servingQuality
    /// KServe's list of models; TensorFlow Serving has nothing there.
    case servingList
    // Open Inference Protocol V2.
    case server, live, ready
    case metadata, modelReady, config, infer
    case statistics
    case index, load, unload

    /// Whether it is TensorFlow Serving's, or KServe's in its manner.
    var isServing: Bool {
        switch self {
        case .servingPredict, .servingClassify, .servingRegress, .servingStatus, .servingMetadata, .servingList,
            .servingFeedback, .servingQuality:
            true
        case .server, .live, .ready, .metadata, .modelReady, .config, .infer, .statistics, .index, .load, .unload: false
        }
    }
}

/// Which version of a model a path names.
enum VersionChoice: Equatable {
    case latest
    case number(Int64)
    case label(String)
}

extension InferenceRoute {
    var template: String {
        switch call {
        case .servingPredict: "/v1/models/{model}:predict"
        case .servingClassify: "/v1/models/{model}:classify"
        case .servingRegress: "/v1/models/{model}:regress"
        case .servingStatus: "/v1/models/{model}"
        case .servingMetadata: "/v1/models/{model}/metadata"
        case .servingFeedback: "/v1/models/{model}:feedback"
        case .servingQuality: "/v1/models/{model}/quality"
        case .servingList: "/v1/models"
        case .server: "/v2"
        case .live: "/v2/health/live"
        case .ready: "/v2/health/ready"
        case .metadata: "/v2/models/{model}"
        case .modelReady: "/v2/models/{model}/ready"
        case .config: "/v2/models/{model}/config"
        case .infer: "/v2/models/{model}/infer"
        case .statistics: model == nil ? "/v2/models/stats" : "/v2/models/{model}/stats"
        case .index: "/v2/repository/index"
        case .load: "/v2/repository/models/{model}/load"
        case .unload: "/v2/repository/models/{model}/unload"
        }
    }

    var methods: [HTTPMethod] {
        switch call {
        case .servingPredict, .servingClassify, .servingRegress, .servingFeedback, .infer, .index, .load, .unload:
            [.post]
        case .servingStatus, .servingMetadata, .servingQuality, .servingList, .server, .live, .ready, .metadata,
            .modelReady, .config,
            .statistics:
            [.get, .head]
        }
    }

    /// nil for the probes, which nobody needs to prove who they are for.
    var scope: ScopeSet? {
        switch call {
        case .servingPredict, .servingClassify, .servingRegress, .servingFeedback, .infer: .predict
        case .servingStatus, .servingMetadata, .servingQuality, .servingList, .server, .metadata, .modelReady, .config,
            .statistics,
            .index:
            .modelsRead
        case .live, .ready: nil
        case .load, .unload: .modelsWrite
        }
    }

    var action: String {
        switch call {
        case .servingPredict, .infer: "predict"
        case .servingClassify: "classify"
        case .servingRegress: "regress"
        case .servingStatus, .modelReady: "model.status"
        case .servingMetadata, .metadata, .config: "model.metadata"
        case .servingFeedback: "model.feedback"
        case .servingQuality: "model.quality"
        case .servingList, .index: "model.list"
        case .server: "server.metadata"
        case .live, .ready: "health.check"
        case .statistics: "model.statistics"
        case .load: "model.load"
        case .unload: "model.unload"
        }
    }

    /// Whether the body is tensors, with no limit but the configuration's.
    var takesTensors: Bool {
        switch call {
        case .servingPredict, .servingClassify, .servingRegress, .infer: true
        default: false
        }
    }

    var blocks: Bool { call == .load || call == .unload }

    /// The route of a path that begins with `/v1` or `/v2`; nil when there is none.
    static func find(_ path: String, on listener: ListenerKind) -> InferenceRoute? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropFirst()
        switch parts.first {
        case "v1" where listener == .tenant: return serving(Array(parts.dropFirst()))
        // `/v2/` is what the protocol's OpenAPI file says.
        case "v2":
            return openInference(
                parts.last == "" ? Array(parts.dropFirst().dropLast()) : Array(parts.dropFirst()),
                listener
            )
        default: return nil
        }
    }

    // MARK: - TensorFlow Serving

    /// What follows `/v1/`; literals in any case, as there.
    private static func serving(_ parts: [Substring]) -> InferenceRoute? {
        var parts = parts
        guard parts.first?.lowercased() == "models" else { return nil }
        if parts.count == 1 { return InferenceRoute(call: .servingList) }
        var call = InferenceCall.servingStatus
        if let last = parts.last, let colon = last.lastIndex(of: ":") {
            switch last[colon...].dropFirst().lowercased() {
            case "predict": call = .servingPredict
            case "classify": call = .servingClassify
            case "regress": call = .servingRegress
            case "feedback": call = .servingFeedback
            default: return nil
            }
            parts[parts.count - 1] = last[..<colon]
        } else if parts.count > 2, parts.last?.lowercased() == "metadata" {
            call = .servingMetadata
            parts.removeLast()
        } else if parts.count > 2, parts.last?.lowercased() == "quality" {
            call = .servingQuality
            parts.removeLast()
        }
        guard let name = ModelName(parts[1]) else { return nil }
        switch parts.count {
        case 2: return InferenceRoute(call: call, model: name)
        case 4 where parts[2].lowercased() == "versions":
            return number(parts[3]).map { InferenceRoute(call: call, model: name, version: .number($0)) }
        case 4 where parts[2].lowercased() == "labels":
            return label(parts[3]).map { InferenceRoute(call: call, model: name, version: .label($0)) }
        default: return nil
        }
    }

    private static func number(_ text: Substring) -> Int64? {
        text.utf8.allSatisfy { $0 >= 48 && $0 <= 57 } ? Int64(text) : nil
    }

    private static func label(_ text: Substring) -> String? {
        isLabel(text) ? String(text) : nil
    }

    static func isLabel(_ text: some StringProtocol) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy {
                (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0)
                    || [45, 46, 95].contains($0)
            }
    }

    // MARK: - Open Inference Protocol

    /// What follows `/v2/`.
    private static func openInference(_ parts: [Substring], _ listener: ListenerKind) -> InferenceRoute? {
        switch parts.first {
        case nil: return InferenceRoute(call: .server)
        case "health" where parts.count == 2:
            switch parts[1] {
            case "live": return InferenceRoute(call: .live)
            case "ready": return InferenceRoute(call: .ready)
            default: return nil
            }
        case "repository": return repository(Array(parts.dropFirst()))
        case "models": return model(Array(parts.dropFirst()), listener)
        default: return nil
        }
    }

    private static func repository(_ parts: [Substring]) -> InferenceRoute? {
        if parts == ["index"] { return InferenceRoute(call: .index) }
        guard parts.count == 3, parts[0] == "models", let name = ModelName(parts[1]) else { return nil }
        switch parts[2] {
        case "load": return InferenceRoute(call: .load, model: name)
        case "unload": return InferenceRoute(call: .unload, model: name)
        default: return nil
        }
    }

    private static func model(_ parts: [Substring], _ listener: ListenerKind) -> InferenceRoute? {
        var rest = parts[...]
        if parts == ["stats"] { return InferenceRoute(call: .statistics) }
        guard let name = rest.popFirst().flatMap({ ModelName($0) }) else { return nil }
        var version = VersionChoice.latest
        if rest.first == "versions" {
            rest = rest.dropFirst()
            // A version is any text to the protocol: one that is no number is a label.
            guard let text = rest.popFirst(), let label = label(text) else { return nil }
            version = number(text).map { .number($0) } ?? .label(label)
        }
        let call: InferenceCall
        switch (rest.first, rest.count) {
        case (nil, 0): call = .metadata
        case ("ready", 1): call = .modelReady
        case ("config", 1): call = .config
        case ("stats", 1): call = .statistics
        // Operators look; they have no plan to be charged by.
        case ("infer", 1) where listener == .tenant: call = .infer
        default: return nil
        }
        return InferenceRoute(call: call, model: name, version: version)
    }
}
