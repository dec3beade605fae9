// SPDX-License-Identifier: Apache-2.0

import Foundation
import GatewayCore
import Testing

/// `tollgate model evaluate` on files of each form.
@Suite struct EvaluateTests {
    private let directory: String
    private static let numpy = "\(TestRun.repository)/.tools/inference"

    init() throws { directory = try TestRun.makeDirectory("evaluate") }

    private func evaluate(_ arguments: String...) throws -> (end: ChildProcess.End, output: String, errors: String) {
        try ChildProcess.run(
            TestRun.binary,
            ["model", "evaluate"] + arguments + ["--models", TestRun.models],
            directory: directory
        )
    }

    private func path(_ name: String) -> String { "\(directory)/\(name)" }

    private func write(_ name: String, _ text: String) throws {
        try text.write(toFile: "\(directory)/\(name)", atomically: true, encoding: .utf8)
    }

    private func csv(_ digits: some Sequence<Digit>) -> String {
        let header = "label," + (0..<784).map { "p\($0)" }.joined(separator: ",")
        return ([header] + digits.map { "\($0.label),\($0.instance.dropFirst().dropLast())" }).joined(separator: "\n")
    }

    private let heldOut = "\(TestRun.repository)/examples/digits/heldout.ndjson"

    @Test("CSV gives what NDJSON gives, with the interval, each class, and how far it is on standard error")
    func csv() throws {
        try write("digits.csv", csv(Digit.all))
        let lines = try evaluate("digits", "--data", heldOut, "--output", "json")
        let table = try evaluate("digits/1", "--data", path("digits.csv"), "--output", "json")
        #expect(lines.end == .exited(0) && table.end == .exited(0), "\(lines.errors) \(table.errors)")
        let a = try JSON.parse(lines.output.trimmingCharacters(in: .newlines))
        let b = try JSON.parse(table.output.trimmingCharacters(in: .newlines))
        for name in [
            "correct", "count", "accuracy_low", "confusion_matrix", "classes", "calibration_error", "brier_score",
        ] {
            #expect(a[name] != nil && a[name] == b[name], "\(name)")
        }
        #expect(a["correct"] == 351 && b["classes"]?.array?.count == 10)
        #expect(table.errors.contains("360 of 360 instances"))
    }

    @Test("Two versions on the same data: McNemar's test, in words, and an exit code for pipelines")
    func compare() throws {
        let same = try evaluate("digits", "--compare", "digits-onnx", "--data", heldOut, "--fail-if-worse")
        #expect(same.end == .exited(0) && same.output.contains("no significant difference"), "\(same.errors)")
        let under = try evaluate("digits", "--data", heldOut, "--fail-under", "0.98")
        #expect(under.end == .exited(1) && under.errors.contains("below 0.98"), "\(under.errors)")
        let over = try evaluate("\(TestRun.models)/digits/1", "--data", heldOut, "--fail-under", "0.97")
        #expect(over.end == .exited(0), "\(over.errors)")
    }

    @Test("What is wrong with a file is said with its place, and each kind of fault has its exit code")
    func faults() throws {
        try write("bad.csv", csv(Digit.all.prefix(2)) + "\n3,x")
        try write("short.csv", "label,a\n1,2\n")
        try write("class.ndjson", "\n{\"label\":10,\"instance\":\(Digit.all[0].instance)}\n")
        try write("bad.npz", "PK")
        try write("x.npy", "no array")
        let faults: [([String], Int32, String)] = [
            (["digits", "--data", path("none.csv")], 66, "none.csv: cannot be read"),
            (["digits", "--data", path("bad.csv")], 65, "bad.csv, line 4: has 2 fields"),
            (["digits", "--data", path("short.csv")], 65, "short.csv, line 2: expected instance shape [784], got [1]"),
            (["digits", "--data", path("class.ndjson")], 65, "class.ndjson, line 2: label 10"),
            (["digits", "--data", path("bad.npz")], 65, "no ZIP archive"),
            (["digits", "--data", path("x.npy"), "--labels", path("x.npy")], 65, "x.npy, byte 0"),
            (["digits", "--data", path("x.npy")], 64, "--labels"),
            (["digits", "--data", path("digits.txt")], 64, "name it .ndjson"),
            (["digits/7", "--data", path("short.csv")], 1, "7"),
            (["digits", "--data", path("short.csv"), "--fail-if-worse"], 64, "--compare"),
        ]
        for (arguments, code, says) in faults {
            let ran = try ChildProcess.run(
                TestRun.binary,
                ["model", "evaluate"] + arguments + ["--models", TestRun.models],
                directory: directory
            )
            #expect(ran.end == .exited(code) && ran.errors.contains(says), "\(arguments): \(ran.end) \(ran.errors)")
        }
    }

    @Test(
        "Arrays that NumPy wrote: plain, stored and deflated, of several types and shapes",
        .enabled(if: FileManager.default.fileExists(atPath: numpy), "NumPy is missing: run Tests/Peers/inference.sh")
    )
    func arrays() throws {
        let script = """
            import json, os, numpy as np
            os.chdir('\(directory)')
            rows = [json.loads(line) for line in open('\(heldOut)')]
            x = np.array([row['instance'] for row in rows], dtype='<f4')
            y = np.array([row['label'] for row in rows])
            np.save('x.npy', x)
            np.save('y.npy', y.astype('u1'))
            np.savez('stored.npz', x=x.reshape(-1, 28, 28).astype('<f8'), y=y)
            np.savez_compressed('deflated.npz', X=x, labels=y.astype('<i4').reshape(-1, 1))
            np.save('fortran.npy', np.asfortranarray(x))
            """
        try write("make.py", script)
        let made = try ChildProcess.run(
            "python3",
            [path("make.py")],
            environment: TestRun.environment.merging(["PYTHONPATH": Self.numpy]) { $1 },
            directory: directory
        )
        #expect(made.end == .exited(0), "\(made.errors)")
        for data in [[path("stored.npz")], [path("deflated.npz")], [path("x.npy"), "--labels", path("y.npy")]] {
            let ran = try ChildProcess.run(
                TestRun.binary,
                ["model", "evaluate", "digits", "--data"] + data + ["--models", TestRun.models],
                directory: directory
            )
            #expect(ran.end == .exited(0) && ran.output.contains("351 / 360 = 0.9750"), "\(data): \(ran.errors)")
        }
        let fortran = try evaluate("digits", "--data", path("fortran.npy"), "--labels", path("y.npy"))
        #expect(fortran.end == .exited(65) && fortran.errors.contains("Fortran"), "\(fortran.errors)")
    }

    @Test("A saved reference is what the gateway measures drift from: other inputs and one class alone are a shift")
    func reference() throws {
        let folder = try VersionsFolder(1)
        let saved = try evaluate("digits", "--data", heldOut, "--save-reference", folder.file("1/reference.json"))
        #expect(saved.end == .exited(0), "\(saved.errors)")
        try withGateway(GatewayProcess.Settings(models: folder.path)) { gateway in
            let tenant = try gateway.makeTenant()
            let client = try gateway.tenants()
            func drift() throws -> (reference: JSON?, scores: JSON?) {
                let version = try gateway.admin("GET", "/models/digits/quality?window=1h")["versions"]?.array?.first
                return (version?["reference"], version?["windows"]?.array?.first?["drift"])
            }
            func predict(_ digits: [Digit]) throws {
                let answer = try client.send("POST", "/predict", credential: tenant.key, body: Digit.body(digits))
                #expect(answer.status == 200)
            }
            // So many that chance alone does not look like drift.
            for _ in 0..<5 { try predict(Array(Digit.all.prefix(200))) }
            let (reference, stable) = try drift()
            #expect(reference?["source"] == "file" && reference?["count"] == 360)
            for measure in ["class", "output", "input_mean", "input_deviation"] {
                #expect(stable?[measure]?["psi"]?.number ?? 1 < 0.25, "\(measure)")
            }
            let ones = Digit.all.filter { $0.label == 1 }
            for _ in 0..<20 { try predict(ones) }
            #expect(try drift().scores?["class"]?["psi"]?.number ?? 0 > 0.25)
            #expect(try gateway.metric("tollgate_model_drift_score", #"of="class""#, #"window="1h""#) > 0.25)
            let shown = try gateway.command(["model", "quality", "digits", "--tenants"])
            #expect(shown.end == .exited(0) && shown.output.contains(tenant.id), "\(shown.output) \(shown.errors)")
        }
        // A version with a reference that is none does not serve.
        try folder.write("{}", to: "1/reference.json")
        try withGateway(GatewayProcess.Settings(models: folder.path)) { gateway in
            let versions = try gateway.admin("GET", "/models/digits")["versions"]?.array
            #expect(versions?.first?["reason"]?.string?.contains("reference.json") == true, "\(versions ?? [])")
        }
    }
}
