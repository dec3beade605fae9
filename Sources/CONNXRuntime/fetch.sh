#!/bin/sh
# Fetches the pinned ONNX Runtime wheel from PyPI, checks its SHA-256 and keeps its library in .onnxruntime/lib. Does nothing
# when that version is already there. Only models that OpenVINO refuses need it.
set -eu
version=1.31.1
sha256=5752bd508126ae7c49894d3b9d2e83f0c3d487319246d04c444b393308d7ad7f

cd "$(dirname "$0")/../.."
target=.onnxruntime
if [ "$(cat "$target/VERSION" 2>/dev/null)" = "$version $sha256" ]; then exit 0; fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "fetch.sh: this fetches ONNX Runtime for x86_64 Linux only, this machine is $(uname -m)" >&2
    exit 1
fi

echo "Fetching ONNX Runtime $version (24 MB, once) ..."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "onnxruntime==$version --hash=sha256:$sha256" >"$work/requirements.txt"
# The wheel is taken for its C library, so the interpreter it was built for does not matter.
if ! python3 -m pip download --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 \
    --dest "$work" -r "$work/requirements.txt"; then
    echo "fetch.sh: ONNX Runtime's wheel could not be fetched; pip says why above (a proxy? PIP_CERT? PIP_INDEX_URL?)" >&2
    exit 1
fi

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

rm -rf "$target"
echo "$version $sha256" >"$work/out/VERSION"
mv "$work/out" "$target"
echo "ONNX Runtime $version is in $target ($(du -sh "$target" | cut -f1))"
