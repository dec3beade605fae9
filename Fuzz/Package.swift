// swift-tools-version: 6.1
import PackageDescription

// The gateway's own modules, through links in Sources/, so that they are built with coverage and AddressSanitizer, and
// so that none of the gateway's dependencies is. fuzz.sh builds and runs it.
let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // The harness reaches what is internal, as the tests do.
    .unsafeFlags(["-enable-testing"]),
    // In one flag: of two `--sanitize` options the compiler heeds the last.
    .unsafeFlags(["-sanitize=fuzzer,address"]),
]

let package = Package(
    name: "fuzz",
    targets: [
        .systemLibrary(name: "COpenSSL", pkgConfig: "openssl", providers: [.apt(["libssl-dev"])]),
        .systemLibrary(name: "CJWT", pkgConfig: "libjwt", providers: [.apt(["libjwt-dev"])]),
        .target(name: "CPreparedKey", linkerSettings: [.linkedLibrary("crypto")]),
        .target(name: "GatewayCore", swiftSettings: swift),
        .target(
            name: "GatewayCrypto",
            dependencies: ["GatewayCore", "COpenSSL", "CPreparedKey"],
            swiftSettings: swift
        ),
        .target(name: "Identity", dependencies: ["GatewayCore", "GatewayCrypto", "CJWT"], swiftSettings: swift),
        // What reads bodies and model files, without the engines: their libraries do not load under AddressSanitizer.
        .target(
            name: "Inference",
            dependencies: ["GatewayCore"],
            exclude: ["Codec/PredictResponse.swift", "Codec/OpenInference/InferAnswer.swift"],
            sources: [
                "Codec", "Engine/InferenceError.swift", "Engine/ONNXGraph.swift", "Model/ByteElements.swift",
                "Model/ElementType.swift", "Model/ModelSignature.swift", "Model/Tensor.swift",
            ],
            swiftSettings: swift
        ),
        .executableTarget(
            name: "FuzzInference",
            dependencies: ["GatewayCore", "Inference"],
            swiftSettings: swift + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]
        ),
        .executableTarget(
            name: "FuzzTokens",
            dependencies: ["GatewayCore", "GatewayCrypto", "Identity", "COpenSSL"],
            // libFuzzer brings the main function.
            swiftSettings: swift + [.unsafeFlags(["-parse-as-library"])],
            linkerSettings: [.unsafeFlags(["-sanitize=fuzzer,address"])]
        ),
    ]
)
