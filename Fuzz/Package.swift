// swift-tools-version: 6.1
import PackageDescription

// A package of its own: the fuzzer's runtime brings a main function with it. run.sh builds and runs it.
let package = Package(
    name: "fuzz",
    dependencies: [.package(name: "tollgate", path: "..")],
    targets: [
        .executableTarget(
            name: "InferenceFuzzer",
            dependencies: [.product(name: "Inference", package: "tollgate")],
            swiftSettings: [.swiftLanguageMode(.v6), .unsafeFlags(["-parse-as-library"])],
            linkerSettings: [
                .unsafeFlags([
                    "-L\(Context.packageDirectory)/../.openvino/lib", "-Xlinker", "-rpath", "-Xlinker",
                    "\(Context.packageDirectory)/../.openvino/lib",
                ])
            ]
        )
    ]
)
