#!/bin/sh
# Builds the fuzzer of the token gate with libFuzzer and AddressSanitizer, and runs it: Fuzz/fuzz.sh [SECONDS]
# What it finds to be new goes to Fuzz/.build/found; an input that breaks a promise is left as Fuzz/.build/crash-….
set -eu
cd "$(dirname "$0")"
swift build --configuration release --sanitize fuzzer --product FuzzTokens
mkdir -p .build/found
# The crash reporters of Swift and of ASan would wait for each other.
export SWIFT_BACKTRACE=enable=no
export ASAN_OPTIONS=handle_abort=1:detect_leaks=0:${ASAN_OPTIONS-}
exec .build/release/FuzzTokens -max_len=5000 -timeout=10 -dict=tokens.dict -artifact_prefix=.build/ \
    -max_total_time="${1:-60}" -print_final_stats=1 .build/found Corpus
