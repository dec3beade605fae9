# make run    a gateway on this machine, from nothing, with a first prediction
# make test   every test
# make help   the rest

PORT ?= 8443
MANAGEMENT_PORT ?= 9443
STATE ?= state
# How often make torture does what it does.
REQUESTS ?= 10000
KILLS ?= 1000
CUTS ?= 10000
TRACED_SECONDS ?= 5
export PORT MANAGEMENT_PORT STATE REQUESTS KILLS CUTS TRACED_SECONDS

PACKAGES = libssl-dev libnghttp2-dev zlib1g-dev libjwt-dev libsqlite3-dev libcurl4-openssl-dev pkg-config openssl curl
export PATH := $(CURDIR)/.tools/usr/bin:$(PATH)
BINARY = .build/release/tollgate
SOURCES = Package.swift config/openapi.yaml $(shell find Sources -type f)
FORMATTED = Package.swift Sources Tests Benchmarks/audit Fuzz/Package.swift Fuzz/Sources/FuzzTokens/Entry.swift \
	Fuzz/Sources/FuzzInference/Entry.swift \
	Benchmarks/tokens/Package.swift Benchmarks/tokens/Sources/tokens Benchmarks/tokens/Sources/timing \
	Benchmarks/parsing/Package.swift Benchmarks/parsing/Sources/parsing
STRICT = -Xswiftc -warnings-as-errors

# One thing after the other: the build needs what deps fetches.
.NOTPARALLEL:
.PHONY: help announce run onnxruntime tutorial bench-inference build test torture lint format fuzz bench deps test-deps certs clean

help:
	@echo "make run      install what is missing, build, start, predict one digit; Ctrl-C drains"
	@echo "              PORT=$$PORT MANAGEMENT_PORT=$$MANAGEMENT_PORT STATE=$$STATE"
	@echo "make build    the release binary, $(BINARY)"
	@echo "make test     every test, the end-to-end ones included"
	@echo "make torture   mixed load, kill -9, power loss; REQUESTS=$$REQUESTS KILLS=$$KILLS CUTS=$$CUTS TRACED_SECONDS=$$TRACED_SECONDS"
	@echo "make lint     formatting and warnings"
	@echo "make format   format the sources in place"
	@echo "make fuzz     what reads tokens, bodies and models, with libFuzzer and ASan, a minute each or FUZZ_SECONDS="
	@echo "make bench    beside a bare C loop, HAProxy and Envoy, on one core; Benchmarks/README.md has more"
	@echo "make onnxruntime   the second engine, for ONNX models that OpenVINO refuses"
	@echo "make tutorial   Keras trains, Tollgate serves, the Flask client asks (TensorFlow: 1.6 GB)"
	@echo "make bench-inference   beside Flask, FastAPI, MLServer and Triton"
	@echo "make certs    a development CA and a server certificate in certs/"
	@echo "make clean    remove what was built; state/ and certs/ stay"

run: announce deps certs $(BINARY)
	@examples/run.sh

announce:
	@echo "==> make run: install missing system packages and OpenVINO, make development certificates, build, start the"
	@echo "    gateway on ports $$PORT and $$MANAGEMENT_PORT with its state in $$STATE/, and ask it for a prediction"

build: deps $(BINARY)

$(BINARY): $(SOURCES)
	@echo "Building tollgate for release (the first time takes a few minutes) ..."
	@swift build -c release --product tollgate
	@touch $(BINARY)

test: test-deps
	swift build --build-tests $(STRICT)
	swift test --skip-build $(STRICT)

# The log's promises: answers and records one to one, no answer before its record's sync (and the check that says so fails
# where it must), nothing acknowledged lost by kill -9 or with the power.
torture: build certs test-deps
	Tests/Torture/run.py mixed --count $(REQUESTS)
	Tests/Torture/run.py order --seconds $(TRACED_SECONDS)
	Tests/Torture/run.py order --seconds $(TRACED_SECONDS) --written --control
	Tests/Torture/run.py kill --rounds $(KILLS)
	TOLLGATE_TEST_POWER_CUTS=$(CUTS) swift test --filter PowerLossTests

lint:
	swift format lint --strict --recursive --parallel $(FORMATTED)

format:
	swift format --in-place --recursive --parallel $(FORMATTED)

FUZZ_SECONDS ?= 60
fuzz: deps
	@Fuzz/fuzz.sh $(FUZZ_SECONDS)

# BENCH has options for it: make bench BENCH="--only small --rounds 3"
bench: build certs
	@examples/packages.sh haproxy nghttp2-client wrk
	@Benchmarks/peers.sh || true
	@Benchmarks/run.py $(BENCH)

# BENCH has options for it, as above.
bench-inference: build certs
	@Benchmarks/peers.sh flask inference mlserver triton plot || true
	@Benchmarks/inference_peers.py $(BENCH)

tutorial: build
	@examples/tutorial/run.sh

certs: deps
	@certs/development.sh

# For ONNX models that OpenVINO refuses.
onnxruntime:
	@Sources/CONNXRuntime/fetch.sh

deps:
	@examples/packages.sh $(PACKAGES)
	@Sources/COpenVINO/fetch.sh

test-deps: deps
	@examples/packages.sh nghttp2-client golang-go golang-golang-x-mod-dev
	@Tests/Peers/h2.sh
	@Tests/Peers/columns.sh
	@Tests/Peers/tlog.sh
	@Tests/Peers/oauth.sh
	@Tests/Peers/jose.sh
	@Tests/Peers/inference.sh
	@Tests/Peers/kserve.sh
	@Sources/CONNXRuntime/fetch.sh
	@Tests/Peers/models.sh
	@Tests/Peers/schemathesis.sh
	@examples/promtool.sh

clean:
	rm -rf .build
