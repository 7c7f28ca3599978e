# What a developer runs. `.ci/run` runs the same targets.
GO       ?= go
BIN      := bin
VERSION   = $(shell $(GO) run ./cmd/banhbaoring version | cut -d' ' -f2)
IMAGE    ?= ghcr.io/banhbaoring/banhbaoring:$(VERSION)
FUZZTIME ?= 10s

CONTROLLER_GEN := $(GO) run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
GOLANGCI_LINT  := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

.PHONY: all build test golden generate lint fuzz bench programs integration e2e image

all: build test

build: ## the command, static, to bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/banhbaoring ./cmd/banhbaoring

test: ## everything that needs no cluster
	$(GO) test ./...

golden: ## rewrite the expected output; review reads the difference
	$(GO) test ./components/... ./cmd/banhbaoring -update

generate: ## deepcopy, CRDs and the editors' schema, from the types
	$(CONTROLLER_GEN) object crd:crdVersions=v1 paths=./api/v1/... output:crd:dir=api/crds
	$(GO) run ./api/schema > docs/schema.json

lint: ## go vet, and the rules of the rooms
	$(GOLANGCI_LINT) run ./...

fuzz: ## each fuzz target for FUZZTIME
	$(GO) test ./render/strict -fuzz FuzzSplit -fuzztime $(FUZZTIME) -fuzzminimizetime 1x
	$(GO) test ./render/strict -fuzz FuzzDecode -fuzztime $(FUZZTIME) -fuzzminimizetime 1x
	$(GO) test ./render -fuzz FuzzLoad -fuzztime $(FUZZTIME) -fuzzminimizetime 1x
	$(GO) test ./api/v1 -fuzz FuzzValidate -fuzztime $(FUZZTIME) -fuzzminimizetime 1x

bench: ## render time, allocations, start-up, and the peer in the same run
	$(GO) test ./... -run '^$$' -bench . -benchmem

PROMETHEUS_PROGRAMS ?= $(CURDIR)/$(BIN)/prometheus

programs: ## Prometheus, Alertmanager and their tools, built from their modules
	@[ -x $(PROMETHEUS_PROGRAMS)/promtool ] || e2e/prometheus/build $(PROMETHEUS_PROGRAMS)

integration: programs ## against real redis-server processes, promtool and amtool
	PROMETHEUS_PROGRAMS=$(PROMETHEUS_PROGRAMS) $(GO) test -tags integration -count=1 ./jobs/redis ./components/monitoring

e2e: ## on the cluster that KUBECONFIG names, where e2e/images has loaded the images
	$(GO) test -tags e2e -count=1 -timeout 40m ./e2e/...

image:
	docker build -t $(IMAGE) .
