// SPDX-License-Identifier: Apache-2.0

public import Inference

extension QueueLimits {
    init(_ configuration: Configuration.Inference) {
        self.init()
        requests = configuration.queueRequests
        requestsPerTenant = configuration.queueRequestsPerTenant
        batchNanoseconds = Int64(configuration.batchMicroseconds) * 1000
        turnNanoseconds = Int64(configuration.turnMicroseconds) * 1000
    }
}

extension Configuration {
    /// What the model repository is told of all this.
    ///
    /// - Throws: ``ConfigurationError`` when a signer's key cannot be read.
    public func repositoryRules() throws(ConfigurationError) -> RepositoryRules {
        var rules = RepositoryRules()
        do throws(InferenceError) {
            rules.signers = try ManifestSigners(paths: models.signers)
        } catch {
            throw ConfigurationError(faults: [
                .init(source: "the configuration", line: nil, field: "models.signers", reason: error.sentence)
            ])
        }
        rules.versions = models.versions
        rules.requiresManifest = models.manifest == .required
        rules.maxBytes = Int64(models.maxVersionBytes)
        rules.loopNanoseconds = Int64(inference.loopMicroseconds) * 1000
        rules.onnxRuntimeLibrary = models.onnxRuntimeLibrary.isEmpty ? nil : models.onnxRuntimeLibrary
        return rules
    }
}
