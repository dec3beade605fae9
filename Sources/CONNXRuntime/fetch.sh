#!/bin/sh
# Fetches the pinned ONNX Runtime wheel from PyPI, checks its SHA-256 and keeps its library in .onnxruntime/lib. Does nothing
# when that version is already there. Only models that OpenVINO refuses need it.
set -eu

cd "$(dirname "$0")/../.."
. examples/wheel.sh
fetch_wheel "ONNX Runtime" onnxruntime 1.31.1 5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f 24 \
    .onnxruntime

python3 - "$work" "$version" <<'PYTHON'
import glob, os, sys, zipfile
work, version = sys.argv[1:]
wanted = {
    f"onnxruntime/capi/libonnxruntime.so.{version}": "lib/libonnxruntime.so.1",
    "onnxruntime/LICENSE": "licenses/LICENSE",
    "onnxruntime/ThirdPartyNotices.txt": "licenses/ThirdPartyNotices.txt",
}
wheel, = glob.glob(f"{work}/*.whl")
with zipfile.ZipFile(wheel) as archive:
    for name, out in wanted.items():
        path = f"{work}/out/{out}"
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with archive.open(name) as source, open(path, "wb") as copy:
            copy.write(source.read())
PYTHON

keep_wheel
