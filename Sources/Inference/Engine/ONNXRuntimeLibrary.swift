// SPDX-License-Identifier: Apache-2.0

import CONNXRuntime

#if canImport(Glibc)
    import Glibc
#endif

/// ONNX Runtime's shared library, opened and tried.
///
/// Never closed: its threads and atexit handlers outlive every session.
struct ONNXRuntimeLibrary: @unchecked Sendable {
    // Unchecked because the compiler cannot see that the table and what it points to never change.
    let api: ort_api
    let version: String

    /// The version of the table that is asked for: every library since 1.10 has it.
    private static let apiVersion: UInt32 = 10
    /// As the dynamic linker knows it; found in .onnxruntime/lib by the program's own run path.
    static let name = "libonnxruntime.so.1"

    /// - Throws: `modelUnsupported` when it is not there or is not what it should be; the sentence says how to get it.
    init(path: String?) throws(InferenceError) {
        guard let handle = dlopen(path ?? Self.name, RTLD_NOW | RTLD_LOCAL) else {
            throw Self.missing(dlerror().map { String(cString: $0) } ?? "")
        }
        guard let symbol = dlsym(handle, "OrtGetApiBase") else { throw Self.missing("it has no OrtGetApiBase") }
        let base = unsafeBitCast(symbol, to: (@convention(c) () -> UnsafePointer<ort_base>?).self)()
        guard let base, let version = base.pointee.version?() else { throw Self.missing("it gives no version") }
        self.version = String(cString: version)
        // Asked of an older library, the call writes to standard error.
        let numbers = self.version.split(separator: ".").map { Int($0) ?? 0 }
        guard numbers.count > 1, numbers[0] == 1, numbers[1] >= Int(Self.apiVersion),
            let api = base.pointee.api?(Self.apiVersion)
        else { throw Self.missing("its version is \(self.version.prefix(40))") }
        self.api = api
        guard isAsDeclared else { throw Self.missing("its functions are not where they should be") }
    }

    /// Makes a status and reads it back, through the functions' places in the table.
    private var isAsDeclared: Bool {
        guard let status = ort_create_status(api, 2, "as declared") else { return false }
        defer { ort_release_status(api, status) }
        guard ort_status_code(api, status) == 2, let text = ort_status_text(api, status) else { return false }
        return String(cString: text) == "as declared"
    }

    private static func missing(_ detail: String) -> InferenceError {
        InferenceError(
            .modelUnsupported,
            "ONNX Runtime may run it, but its library is not there or not 1.\(apiVersion) or later: run 'make onnxruntime', "
                + "or set models.onnxruntime_library to the path of a libonnxruntime.so",
            detail: String(detail.prefix(300))
        )
    }

    /// Turns a failed call into an error with the library's text as detail.
    func check(
        _ status: OpaquePointer?,
        _ code: InferenceError.Code,
        _ sentence: @autoclosure () -> String
    ) throws(InferenceError) {
        guard let status else { return }
        defer { ort_release_status(api, status) }
        let text = ort_status_text(api, status).map { String(cString: $0) } ?? ""
        let line = text.split(whereSeparator: \.isNewline).joined(separator: " | ").prefix(600)
        throw InferenceError(code, sentence(), detail: "ONNX Runtime status \(ort_status_code(api, status)): \(line)")
    }
}
