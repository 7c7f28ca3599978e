# What a developer runs. `.ci/run` runs the same targets.
SHELL       := bash
.SHELLFLAGS := -eo pipefail -c
GO       ?= go
BIN      := bin
VERSION   = $(shell $(GO) run ./cmd/banhbaoring version | cut -d' ' -f2)
IMAGE    ?= ghcr.io/banhbaoring/banhbaoring:$(VERSION)
# A count: Go before 1.27 sometimes fails a target whose duration has passed (go.dev/issue/75804).
FUZZTIME ?= 2000x

CONTROLLER_GEN := $(GO) run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
GOLANGCI_LINT  := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

PLUGIN_VERSION = $(shell sed -n 's/^var Version = "\(.*\)"/\1/p' secp256k1/version.go)
PLUGIN_IMAGE  ?= ghcr.io/banhbaoring/openbao-plugin-secp256k1:$(PLUGIN_VERSION)

.PHONY: all build test golden generate lint fuzz fuzz-input bench programs integration gitops gitops-e2e e2e drill image plugin plugin-image

all: build test

build: ## the command, static, to bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/banhbaoring ./cmd/banhbaoring

plugin: ## the secrets engine, static, to bin/secp256k1
	cd secp256k1 && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X github.com/banhbaoring/banhbaoring/secp256k1.Version=$(PLUGIN_VERSION)' -o $(CURDIR)/$(BIN)/secp256k1 ./cmd/secp256k1

test: ## everything that needs no cluster
	$(GO) test ./...
	cd secp256k1 && $(GO) test ./...

golden: ## rewrite the expected output; review reads the difference
	$(GO) test ./components/... ./cmd/banhbaoring ./diff -update

generate: ## deepcopy, CRDs and the editors' schema, from the types
	$(CONTROLLER_GEN) object crd:crdVersions=v1 paths=./api/v1/... output:crd:dir=api/crds
	$(GO) run ./api/schema > docs/schema.json

lint: ## go vet, and the rules of the rooms
	$(GOLANGCI_LINT) run ./...
	cd secp256k1 && $(GOLANGCI_LINT) run --config ../.golangci.yml --build-tags integration ./...

FUZZ = -run '^$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 1x -fuzz

fuzz: fuzz-input ## each fuzz target for FUZZTIME
	$(GO) test ./render $(FUZZ) FuzzLoad
	$(GO) test ./diff $(FUZZ) FuzzCompare
	$(GO) test ./diff $(FUZZ) FuzzNarrow

fuzz-input: ## those that read what others wrote, which the gate runs: documents, and requests to the secrets engine
	$(GO) test ./render/strict $(FUZZ) FuzzSplit
	$(GO) test ./render/strict $(FUZZ) FuzzDecode
	$(GO) test ./api/v1 $(FUZZ) FuzzValidate
	cd secp256k1 && $(GO) test . $(FUZZ) FuzzRequest
	cd secp256k1 && $(GO) test . $(FUZZ) FuzzVerify

bench: ## render time, allocations, start-up, and the peer in the same run
	$(GO) test ./... -run '^$$' -bench . -benchmem
	cd secp256k1 && $(GO) test . -run '^$$' -bench . -benchmem -cpu 1
	cd secp256k1 && $(GO) test -tags integration . -run '^$$' -bench Server

PROMETHEUS_PROGRAMS ?= $(CURDIR)/$(BIN)/prometheus

VERSITYGW ?= $(CURDIR)/$(BIN)/versitygw

$(VERSITYGW):
	CGO_ENABLED=0 GOBIN=$(dir $(VERSITYGW)) $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0

programs: $(VERSITYGW) ## Prometheus, Alertmanager and their tools, and an S3 server, built from their modules
	@[ -x $(PROMETHEUS_PROGRAMS)/promtool ] || e2e/prometheus/build $(PROMETHEUS_PROGRAMS)

integration: programs ## against real servers: OpenBao (BAO), Redis, PostgreSQL, S3, promtool, and the API server that KUBECONFIG names
	VERSITYGW=$(VERSITYGW) PROMETHEUS_PROGRAMS=$(PROMETHEUS_PROGRAMS) $(GO) test -tags integration -count=1 -timeout 30m -p 3 -parallel 4 -v ./jobs/... ./components/monitoring | grep -v '^=== '
	cd secp256k1 && $(GO) test -tags integration -count=1 .

GITOPS_PROGRAMS ?= $(CURDIR)/$(BIN)/gitops

$(GITOPS_PROGRAMS)/helm:
	GOBIN=$(GITOPS_PROGRAMS) $(GO) install helm.sh/helm/v3/cmd/helm@v3.22.0

$(GITOPS_PROGRAMS)/kustomize:
	GOBIN=$(GITOPS_PROGRAMS) $(GO) install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1

gitops: $(GITOPS_PROGRAMS)/helm $(GITOPS_PROGRAMS)/kustomize ## against Argo CD's plugin server, Flux's libraries, helm and kustomize
	GITOPS_PROGRAMS=$(GITOPS_PROGRAMS) $(GO) test -tags integration -count=1 -run TestPipes ./cmd/banhbaoring
	cd plugin/cmptest && $(GO) test -count=1 -bench . -benchtime 10x ./...
	cd plugin/flux/fluxtest && $(GO) test -count=1 ./...

gitops-e2e: ## Argo CD's comparison, on the cluster that KUBECONFIG names
	cd plugin/cmptest && $(GO) test -tags e2e -count=1 -timeout 30m -parallel 4 -run TestNothingIsOutOfSyncForever ./...

E2E_TAGS ?= e2e

e2e: ## on the cluster that KUBECONFIG names, where e2e/images has loaded the images; with E2E_TAGS=e2e,nodes and E2E_CLUSTER nodes are lost too
	$(GO) test -tags $(E2E_TAGS) -count=1 -timeout 50m -parallel 3 -v ./e2e/...

drill: ## a backup under write load, the loss of everything, and the restore, there: prints how long that took and what was lost
	$(GO) test -tags e2e -count=1 -timeout 30m -v -run TestAStackIsRestoredAfterItsNamespaceWasDeleted ./e2e

image:
	docker build -t $(IMAGE) .

plugin-image: ## holds the secrets engine at /plugin/secp256k1
	docker build --target plugin -t $(PLUGIN_IMAGE) .
