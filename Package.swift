// swift-tools-version: 6.1
import PackageDescription

// OpenVINO comes as a pinned wheel that Sources/COpenVINO/fetch.sh unpacks here.
let openVINO = "\(Context.packageDirectory)/.openvino"
// And ONNX Runtime, where it is wanted, as one that Sources/CONNXRuntime/fetch.sh unpacks here.
let onnxRuntime = "\(Context.packageDirectory)/.onnxruntime"

let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .unsafeFlags(["-Xcc", "-I\(openVINO)/include"]),
    // Checked in debug builds, which the tests are; a check for each access to an object's property is 8 % of a request.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let openVINOLibrary: [LinkerSetting] = [
    .unsafeFlags(["-L\(openVINO)/lib", "-Xlinker", "-rpath", "-Xlinker", "\(openVINO)/lib"]),
    .unsafeFlags(["-Xlinker", "-rpath", "-Xlinker", "\(onnxRuntime)/lib"]),
]

func library(
    _ name: String,
    _ dependencies: [Target.Dependency],
    resources: [Resource] = [],
    link: [LinkerSetting] = []
) -> Target {
    .target(
        name: name,
        dependencies: dependencies,
        resources: resources,
        swiftSettings: swift,
        linkerSettings: link
    )
}

func tests(_ name: String, _ dependencies: [Target.Dependency], resources: [Resource] = []) -> Target {
    .testTarget(
        name: name,
        dependencies: dependencies,
        resources: resources,
        swiftSettings: swift,
        linkerSettings: openVINOLibrary
    )
}

let package = Package(
    name: "tollgate",
    products: [
        .executable(name: "tollgate", targets: ["tollgate"]),
        .library(name: "TLS", targets: ["TLS"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/jpsim/Yams", exact: "6.2.2"),
    ],
    targets: [
        // C libraries of the system: a module map and a shim header each.
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CJWT", pkgConfig: "libjwt", providers: [.apt(["libjwt-dev"])]),
        .systemLibrary(name: "CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "COpenVINO"),
        .systemLibrary(name: "CONNXRuntime"),
        .systemLibrary(name: "CTransport"),
        .systemLibrary(name: "CCRC32C"),
        .systemLibrary(name: "CSync"),
        .target(name: "CPreparedKey", linkerSettings: [.linkedLibrary("crypto")]),

        // Domain modules: none knows HTTP.
        library("GatewayCore", []),
        library("GatewayCrypto", ["GatewayCore", "COpenSSL", "CPreparedKey"]),
        library("TLS", ["COpenSSL"]),
        library("Transport", ["GatewayCore", "TLS", "CTransport"]),
        library("Identity", ["GatewayCore", "GatewayCrypto", "CJWT"]),
        library("Limits", ["GatewayCore"]),
        library("Audit", ["GatewayCore", "GatewayCrypto", "CCRC32C", "CSync"]),
        library("Telemetry", ["GatewayCore"]),
        library("Quality", ["GatewayCore", "ContentCoding"]),
        library(
            "Inference",
            ["GatewayCore", "GatewayCrypto", "Quality", "COpenVINO", "CONNXRuntime"],
            link: openVINOLibrary
        ),
        library(
            "Storage",
            [
                "GatewayCore", "Identity", "Limits", "Audit",
                .product(name: "GRDB", package: "GRDB.swift"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ]
        ),

        // The protocol: no I/O, knows nothing of the gateway.
        library("HTTP", ["GatewayCore", "CNGHTTP2"]),
        library("ContentCoding", ["CZlib"]),

        // config/openapi.yaml, as bytes of the program.
        library("APIDescription", [], resources: [.embedInCode("openapi.yaml")]),

        // The program.
        library("HTTPClient", ["CCurl"]),
        library(
            "Gateway",
            [
                "GatewayCore", "GatewayCrypto", "TLS", "Transport", "HTTP", "Identity", "Limits", "Audit", "Telemetry",
                "Inference", "Quality", "Storage", "ContentCoding", "HTTPClient", "APIDescription", "Yams",
            ]
        ),
        .executableTarget(
            name: "tollgate",
            dependencies: [
                "Audit", "Gateway", "GatewayCore", "HTTPClient", "Inference", "Quality", "Storage", "Telemetry", "Yams",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            swiftSettings: swift,
            linkerSettings: openVINOLibrary
        ),

        // Benchmarks/README.md says how it is run.
        .executableTarget(
            name: "index-benchmark",
            dependencies: ["Storage", "Audit", "GatewayCore"],
            path: "Benchmarks/index",
            swiftSettings: swift
        ),
        .executableTarget(
            name: "audit-benchmark",
            dependencies: [
                "Audit", "GatewayCore", "GatewayCrypto",
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "GRDBSQLite", package: "GRDB.swift"),
            ],
            path: "Benchmarks/audit",
            swiftSettings: swift
        ),

        // What several test targets share.
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: swift),

        tests("GatewayCoreTests", ["GatewayCore", "TestSupport"]),
        tests("GatewayCryptoTests", ["GatewayCrypto", "GatewayCore", "COpenSSL"]),
        tests("TransportTests", ["Transport", "TLS", "GatewayCore", "COpenSSL", "CTransport", "TestSupport"]),
        tests("TLSTests", ["TLS", "COpenSSL", "TestSupport"]),
        // NIO's decoder is the oracle: nothing that it refuses may pass.
        tests(
            "HTTPTests",
            [
                "HTTP", "GatewayCore", "CNGHTTP2", "TestSupport",
                .product(name: "NIOCore", package: "swift-nio"),
                .product(name: "NIOEmbedded", package: "swift-nio"),
                .product(name: "NIOHTTP1", package: "swift-nio"),
            ]
        ),
        tests("ContentCodingTests", ["ContentCoding", "TestSupport"]),
        tests(
            "IdentityTests",
            ["Identity", "GatewayCore", "GatewayCrypto", "COpenSSL", "TestSupport"],
            resources: [.copy("Resources")]
        ),
        tests("LimitsTests", ["Limits", "GatewayCore", "TestSupport"]),
        tests("AuditTests", ["Audit", "GatewayCore", "GatewayCrypto", "TestSupport"]),
        tests("TelemetryTests", ["Telemetry", "GatewayCore", "TestSupport"]),
        tests("QualityTests", ["Quality", "GatewayCore", "TestSupport"]),
        tests("InferenceTests", ["Inference", "GatewayCore", "GatewayCrypto", "Quality", "TestSupport"]),
        tests(
            "StorageTests",
            [
                "Storage", "GatewayCore", "Identity", "Limits", "Audit", "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift"),
            ]
        ),
        tests(
            "GatewayTests",
            [
                "Gateway", "APIDescription", "GatewayCore", "GatewayCrypto", "HTTP", "Identity", "TLS", "Telemetry",
                "TestSupport", "Yams",
            ]
        ),
        tests(
            "EndToEnd",
            [
                "tollgate", "Audit", "HTTPClient", "GatewayCore", "GatewayCrypto", "COpenSSL", "CNGHTTP2",
                "TestSupport", "Yams",
            ]
        ),
    ]
)
