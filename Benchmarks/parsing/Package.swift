// swift-tools-version: 6.1
import PackageDescription

// The gateway's own readers of bodies, through links in Sources/, without its engines.
let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // As the gateway itself is built.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    // The reader into memory that is kept, as an event loop uses it, is internal.
    .unsafeFlags(["-enable-testing"]),
]

let package = Package(
    name: "parsing",
    targets: [
        .target(name: "GatewayCore", swiftSettings: swift),
        .target(
            name: "Inference",
            dependencies: ["GatewayCore"],
            exclude: ["Codec/PredictResponse.swift", "Codec/OpenInference/InferAnswer.swift"],
            sources: [
                "Codec", "Engine/InferenceError.swift", "Model/ByteElements.swift", "Model/ElementType.swift",
                "Model/ModelSignature.swift", "Model/Tensor.swift",
            ],
            swiftSettings: swift
        ),
        .executableTarget(name: "parsing", dependencies: ["GatewayCore", "Inference"], swiftSettings: swift),
    ]
)
