#!/bin/sh
# Fetches the pinned OpenVINO wheel from PyPI, checks its SHA-256 and keeps the C API and the CPU plugin in
# .openvino/{include,lib}. Does nothing when that version is already there.
set -eu
abi=2641

cd "$(dirname "$0")/../.."
. examples/wheel.sh
fetch_wheel OpenVINO openvino 2026.4.1 2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf 59 .openvino

python3 - "$work" "$abi" <<'PYTHON'
import os, sys, zipfile, glob
work, abi = sys.argv[1:]
libraries = [f"libopenvino{part}.so.{abi}" for part in
             ("", "_c", "_onnx_frontend", "_tensorflow_frontend", "_tensorflow_lite_frontend", "_ir_frontend")]
libraries += ["libopenvino_intel_cpu_plugin.so", "libtbb.so.12", "libhwloc.so.15", "libtbbmalloc.so.2"]
wanted = {f"openvino/libs/{name}" for name in libraries}
wheel, = glob.glob(f"{work}/*.whl")
with zipfile.ZipFile(wheel) as archive:
    for name in archive.namelist():
        if name.startswith("openvino/include/openvino/c/"):
            out = name.replace("openvino/include/", "include/", 1)
        elif name in wanted:
            out = "lib/" + os.path.basename(name)
            wanted.discard(name)
        elif name.endswith(("LICENSE", "THIRD-PARTY-PROGRAMS", "third-party-programs.txt")):
            out = "licenses/" + os.path.basename(name)
        else:
            continue
        path = f"{work}/out/{out}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(name) as source, open(path, "wb") as copy:
            copy.write(source.read())
if wanted:
    sys.exit(f"fetch.sh: the wheel lacks {', '.join(sorted(wanted))}")
os.symlink(f"libopenvino_c.so.{abi}", f"{work}/out/lib/libopenvino_c.so")
PYTHON

keep_wheel
