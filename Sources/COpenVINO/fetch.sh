#!/bin/sh
# Fetches the pinned OpenVINO wheel from PyPI, checks its SHA-256 and keeps the C API and the CPU plugin in
# .openvino/{include,lib}. Does nothing when that version is already there.
set -eu
version=2026.4.1
sha256=2d22b1da03f7caf74df30e9f6417d0ab2f637e4a38e08e1dcd294d2c37407aaf
abi=2641

cd "$(dirname "$0")/../.."
target=.openvino
if [ "$(cat "$target/VERSION" 2>/dev/null)" = "$version $sha256" ]; then exit 0; fi
if [ "$(uname -m)" != x86_64 ]; then
    echo "fetch.sh: OpenVINO $version has a wheel for x86_64 Linux only, this machine is $(uname -m)" >&2
    exit 1
fi

echo "Fetching OpenVINO $version (59 MB, once) ..."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "openvino==$version --hash=sha256:$sha256" >"$work/requirements.txt"
# On a terminal pip shows how far it is.
quiet=--quiet
[ ! -t 1 ] || quiet=""
# The wheel is taken for its C library, so the interpreter it was built for does not matter.
# shellcheck disable=SC2086
if ! python3 -m pip download $quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --python-version 3.11 --implementation cp --abi cp311 --platform manylinux_2_28_x86_64 \
    --dest "$work" -r "$work/requirements.txt"; then
    echo "fetch.sh: OpenVINO's wheel could not be fetched; pip says why above (a proxy? PIP_CERT? PIP_INDEX_URL?)" >&2
    exit 1
fi

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

rm -rf "$target"
echo "$version $sha256" >"$work/out/VERSION"
mv "$work/out" "$target"
echo "OpenVINO $version is in $target ($(du -sh "$target" | cut -f1))"
