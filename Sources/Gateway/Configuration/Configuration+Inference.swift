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
    public var repositoryRules: RepositoryRules {
        var rules = RepositoryRules()
        rules.versions = models.versions
        rules.requiresManifest = models.manifest == .required
        rules.maxBytes = Int64(models.maxVersionBytes)
        rules.loopNanoseconds = Int64(inference.loopMicroseconds) * 1000
        rules.onnxRuntimeLibrary = models.onnxRuntimeLibrary.isEmpty ? nil : models.onnxRuntimeLibrary
        return rules
    }
}
