// SPDX-License-Identifier: Apache-2.0

import Inference

extension QueueLimits {
    init(_ configuration: Configuration.Inference) {
        self.init()
        requests = configuration.queueRequests
        requestsPerTenant = configuration.queueRequestsPerTenant
        batchNanoseconds = Int64(configuration.batchMicroseconds) * 1000
        turnNanoseconds = Int64(configuration.turnMicroseconds) * 1000
    }
}
