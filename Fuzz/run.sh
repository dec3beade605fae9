#!/bin/sh
# Builds the fuzzer with libFuzzer and AddressSanitizer, and runs it for so many seconds (60); a body that it finds is left
# in Fuzz/found/.
set -eu
cd "$(dirname "$0")"
seconds=${1:-60}
swift build -c release -Xswiftc -sanitize=fuzzer,address -Xlinker -lm
mkdir -p corpus found
for seed in seeds/*; do cp -n "$seed" corpus/; done
exec .build/release/InferenceFuzzer -max_total_time="$seconds" -max_len=4096 -timeout=5 -rss_limit_mb=2048 \
    -dict=json.dict -artifact_prefix=found/ corpus
