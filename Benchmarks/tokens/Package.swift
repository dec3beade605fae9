// swift-tools-version: 6.1
import PackageDescription

// The gateway's own modules, through links in Sources/: nothing else of it is built.
let swift: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // As the gateway itself is built.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
]

let package = Package(
    name: "tokens",
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
        .executableTarget(
            name: "tokens",
            dependencies: ["GatewayCore", "GatewayCrypto", "Identity"],
            swiftSettings: swift
        ),
        .executableTarget(name: "timing", dependencies: ["GatewayCrypto"], swiftSettings: swift),
    ]
)
