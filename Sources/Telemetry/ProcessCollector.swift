// SPDX-License-Identifier: Apache-2.0

#if canImport(Glibc)
    import Glibc
#endif

extension MetricRegistry {
    /// Adds what all of the ecosystem's programs tell of their process: CPU time, memory, descriptors, threads, start.
    public func registerProcessMetrics() {
        add(ProcessCollector())
    }
}

/// The process's own figures, read from `/proc` at each scrape; a figure that cannot be read is left out.
struct ProcessCollector: MetricCollector {
    private static let cpu = MetricDescriptor(
        "process_cpu_seconds_total",
        help: "Total user and system CPU time spent in seconds.",
        kind: .counter
    )
    private static let maxDescriptors = MetricDescriptor(
        "process_max_fds",
        help: "Maximum number of open file descriptors.",
        kind: .gauge
    )
    private static let openDescriptors = MetricDescriptor(
        "process_open_fds",
        help: "Number of open file descriptors.",
        kind: .gauge
    )
    private static let resident = MetricDescriptor(
        "process_resident_memory_bytes",
        help: "Resident memory size in bytes.",
        kind: .gauge
    )
    private static let start = MetricDescriptor(
        "process_start_time_seconds",
        help: "Start time of the process since the Unix epoch in seconds.",
        kind: .gauge
    )
    private static let threads = MetricDescriptor(
        "process_threads",
        help: "Number of threads of the process.",
        kind: .gauge
    )
    private static let virtual = MetricDescriptor(
        "process_virtual_memory_bytes",
        help: "Virtual memory size in bytes.",
        kind: .gauge
    )

    var descriptors: [MetricDescriptor] {
        [
            Self.cpu, Self.maxDescriptors, Self.openDescriptors, Self.resident, Self.start, Self.threads, Self.virtual,
        ]
    }

    func collect(into writer: inout ExpositionWriter) {
        func write(_ descriptor: MetricDescriptor, _ value: Double?) {
            guard let value else { return }
            writer.head(descriptor)
            writer.sample([], value)
        }
        let status = Self.read("/proc/self/stat").flatMap(ProcessStatus.init(stat:))
        let ticks = Double(sysconf(Int32(_SC_CLK_TCK)))
        let page = Double(sysconf(Int32(_SC_PAGESIZE)))
        let boot = Self.read("/proc/stat").flatMap(ProcessStatus.bootTime(stat:))
        write(Self.cpu, status.map { Double($0.cpuTicks) / ticks })
        write(Self.maxDescriptors, Self.descriptorLimit())
        write(Self.openDescriptors, Self.descriptorCount())
        write(Self.resident, status.map { Double($0.residentPages) * page })
        write(Self.start, status.flatMap { status in boot.map { Double($0) + Double(status.startTicks) / ticks } })
        write(Self.threads, status.map { Double($0.threads) })
        write(Self.virtual, status.map { Double($0.virtualBytes) })
    }

    // MARK: - Sources

    private static func read(_ path: String) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while true {
            let before = bytes.count
            bytes.append(contentsOf: repeatElement(0, count: 4096))
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress! + before, 4096)
            }
            bytes.removeLast(4096 - max(0, count))
            if count == 0 { return bytes }
            if count < 0 && errno != EINTR { return nil }
        }
    }

    private static func descriptorCount() -> Double? {
        guard let directory = opendir("/proc/self/fd") else { return nil }
        defer { closedir(directory) }
        // Not '.', '..' and the directory's own descriptor.
        var count = -3
        while readdir(directory) != nil { count += 1 }
        return Double(count)
    }

    private static func descriptorLimit() -> Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return limit.rlim_cur == rlim_t.max ? .infinity : Double(limit.rlim_cur)
    }
}
