# What a developer runs. `.ci/run` runs the same targets.
SHELL       := bash
.SHELLFLAGS := -eo pipefail -c
GO       ?= go
BIN      := bin
VERSION   = $(shell $(GO) run ./cmd/banhbaoring version | sed -n '1s/banhbaoring //p')
IMAGE    ?= ghcr.io/banhbaoring/banhbaoring:$(VERSION)
# A count: Go before 1.27 sometimes fails a target whose duration has passed (go.dev/issue/75804).
FUZZTIME ?= 2000x
# Go ends a package's tests after ten minutes, which a busy machine needs for the longest.
export GOFLAGS := $(strip $(GOFLAGS) -timeout=40m)

CONTROLLER_GEN := $(GO) run sigs.k8s.io/controller-tools/cmd/controller-gen@v0.23.0
GOLANGCI_LINT  := $(GO) run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0

PLUGIN_VERSION = $(shell sed -n 's/^var Version = "\(.*\)"/\1/p' secp256k1/version.go)
PLUGIN_IMAGE  ?= ghcr.io/banhbaoring/openbao-plugin-secp256k1:$(PLUGIN_VERSION)

.PHONY: all build test race check nightly help golden generate lint fuzz fuzz-input bench programs images integration oracle clients gitops gitops-e2e e2e neighbours drill image plugin plugin-image

all: build test

build: ## the command, static, to bin/
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(BIN)/banhbaoring ./cmd/banhbaoring

plugin: ## the secrets engine, static, to bin/secp256k1
	cd secp256k1 && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w -X github.com/banhbaoring/banhbaoring/secp256k1.Version=$(PLUGIN_VERSION)' -o $(CURDIR)/$(BIN)/secp256k1 ./cmd/secp256k1

test: ## everything that needs no cluster
	$(GO) test ./...
	for module in secp256k1 controlplane; do (cd $$module && $(GO) test ./...) || exit 1; done

race: ## the same under the race detector
	$(GO) test -race -timeout 60m ./...
	for module in secp256k1 controlplane; do (cd $$module && $(GO) test -race ./...) || exit 1; done

CHANGED ?= main

check: ## the unit tests that a change since CHANGED can affect
	@packages=$$(.ci/affected $(CHANGED)); [ -z "$$packages" ] || $(GO) test $$packages
	@for module in secp256k1 controlplane; do git diff --quiet $(CHANGED) -- $$module || (cd $$module && $(GO) test ./...) || exit 1; done

nightly: ## all that the gate leaves out; takes hours
	.ci/nightly

help: ## this list
	@grep -hE '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/^([a-z0-9-]+):.*## /\1\t/' | column -t -s "$$(printf '\t')"

golden: ## rewrite the expected output; review reads the difference
	$(GO) test ./render ./components/... ./cmd/banhbaoring ./diff -update

generate: ## deepcopy, CRDs and the editors' schema, from the types
	$(CONTROLLER_GEN) object crd:crdVersions=v1 paths=./api/v1/... output:crd:dir=api/crds
	$(GO) run ./api/schema > docs/schema.json
	cd secp256k1 && $(GO) run ./policy/schema > ../docs/policy.schema.json

lint: ## go vet, and the rules of the rooms
	$(GOLANGCI_LINT) run --allow-parallel-runners ./...
	for module in secp256k1 controlplane; do (cd $$module && $(GOLANGCI_LINT) run --allow-parallel-runners --config ../.golangci.yml --build-tags integration ./...) || exit 1; done

FUZZ = -run '^$$' -fuzztime $(FUZZTIME) -fuzzminimizetime 1x -fuzz

fuzz: fuzz-input ## each fuzz target for FUZZTIME
	$(GO) test ./render $(FUZZ) FuzzLoad
	$(GO) test ./diff $(FUZZ) FuzzCompare
	$(GO) test ./diff $(FUZZ) FuzzNarrow
	$(GO) test ./cmd/internal/kustomization $(FUZZ) FuzzBuild

fuzz-input: ## those that read what others wrote, which the gate runs: documents, and requests to the secrets engine
	$(GO) test ./render/strict $(FUZZ) FuzzSplit
	$(GO) test ./render/strict $(FUZZ) FuzzDecode
	$(GO) test ./render/strict $(FUZZ) FuzzBounded
	$(GO) test ./api/v1 $(FUZZ) FuzzValidate
	$(GO) test ./cmd/internal/kustomization $(FUZZ) FuzzBuild -fuzztime 200x
	cd secp256k1 && $(GO) test . $(FUZZ) FuzzRequest
	cd secp256k1 && $(GO) test . $(FUZZ) FuzzVerify
	cd secp256k1 && for target in Decode Args Preimage TypedData Block Authorization Call; do $(GO) test ./evm $(FUZZ) "^Fuzz$$target$$"; done
	cd secp256k1 && $(GO) test ./cosmos $(FUZZ) FuzzDecode
	cd secp256k1 && $(GO) test ./policy $(FUZZ) FuzzPolicy

bench: ## render time, allocations, start-up, and the peer in the same run
	$(GO) test ./... -run '^$$' -bench . -benchmem
	cd secp256k1 && $(GO) test . -run '^$$' -bench . -benchmem -cpu 1
	cd secp256k1 && $(GO) test -tags integration . -run '^$$' -bench Server
	cd controlplane && $(GO) test -tags integration ./signer -run '^$$' -bench .

# Programs that the tests need are kept in the user's cache, under their modules' versions.
PROGRAMS            := $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/banhbaoring
module_version       = $(shell awk '$$1 == "require" && $$3 { print $$3 }' e2e/$(1)/go.mod)
PROMETHEUS_PROGRAMS ?= $(PROGRAMS)/prometheus-$(call module_version,prometheus)-alertmanager-$(call module_version,alertmanager)

VERSITYGW ?= $(PROGRAMS)/versitygw-v1.8.0/versitygw

$(VERSITYGW):
	CGO_ENABLED=0 GOBIN=$(dir $(VERSITYGW)) $(GO) install github.com/versity/versitygw/cmd/versitygw@v1.8.0

LOCAL_KMS_VERSION := v0.0.0-20260228092603-2a5e92d09ab6
LOCAL_KMS         ?= $(PROGRAMS)/local-kms-$(LOCAL_KMS_VERSION)/local-kms

$(LOCAL_KMS):
	CGO_ENABLED=0 GOBIN=$(dir $(LOCAL_KMS)) $(GO) install github.com/nsmithuk/local-kms@$(LOCAL_KMS_VERSION)

exporter_version  = $(shell awk '$$1 ~ "/$(1)_exporter$$" { print $$2 }' e2e/exporters/go.mod)
EXPORTERS        ?= $(PROGRAMS)/exporters-$(call exporter_version,postgres)-$(call exporter_version,redis)

$(EXPORTERS)/%_exporter: e2e/exporters/go.mod
	cd e2e/exporters && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $@ $$(awk '$$1 ~ "/$*_exporter$$" { print $$1 }' go.mod)$(if $(filter postgres,$*),/cmd/postgres_exporter)

GOTESTSUM ?= $(PROGRAMS)/gotestsum-v1.13.0/gotestsum

$(GOTESTSUM):
	GOBIN=$(dir $(GOTESTSUM)) $(GO) install gotest.tools/gotestsum@v1.13.0

programs: $(GOTESTSUM) $(VERSITYGW) $(LOCAL_KMS) $(EXPORTERS)/postgres_exporter $(EXPORTERS)/redis_exporter ## Prometheus, Alertmanager and their tools, exporters, an S3 server, a KMS and what runs tests, built from their modules
	@[ -d $(PROMETHEUS_PROGRAMS) ] || { rm -rf $(PROMETHEUS_PROGRAMS).part && e2e/prometheus/build $(PROMETHEUS_PROGRAMS).part && mv $(PROMETHEUS_PROGRAMS).part $(PROMETHEUS_PROGRAMS); }

# gotests runs tests against real servers. Where RERUNS names a file, as the gate does, one
# that fails runs once more, and is listed in RERUNS.$(1).
gotests = $(GOTESTSUM) --format standard-verbose --packages '$(2)' \
	$(if $(RERUNS),--rerun-fails=1 --rerun-fails-run-root-test --rerun-fails-max-failures=3 --rerun-fails-report=$(RERUNS).$(1)) -- -count=1

# Packages start in this order: the last to start should not be one of those that take longest.
LONGEST := ./jobs/tenants ./jobs/restore ./jobs/initialize ./jobs/peers

integration: programs ## against real servers: OpenBao (BAO), Redis, PostgreSQL, S3, AWS KMS, promtool, and the API server that KUBECONFIG names
	VERSITYGW=$(VERSITYGW) LOCAL_KMS=$(LOCAL_KMS) PROMETHEUS_PROGRAMS=$(PROMETHEUS_PROGRAMS) EXPORTERS=$(EXPORTERS) $(call gotests,jobs,$(LONGEST) ./jobs/... ./components/monitoring ./cmd/internal/apply) $(TESTFLAGS) -tags integration -p 3 -parallel 4 | grep -v '^=== '
	cd secp256k1 && $(call gotests,secp256k1,.) $(TESTFLAGS) -tags integration | grep -v '^=== '
	cd controlplane && $(call gotests,controlplane,./...) $(TESTFLAGS) -tags integration | grep -v '^=== '

images: programs ## what the stack runs, into the cluster whose program is CLUSTER
	e2e/definitions fetch
	VERSITYGW=$(VERSITYGW) e2e/images $(CLUSTER)
	e2e/prometheus/images $(CLUSTER) $(PROMETHEUS_PROGRAMS)
	# What the suites need, since the cluster's network has no way out.
	for module in . secp256k1 controlplane plugin/cmptest; do (cd $$module && $(GO) list -deps -test -tags e2e,integration ./... >/dev/null) || exit 1; done

oracle: ## the secrets engine's decoders and encoders against the chains' own implementations
	for module in . op cosmos; do (cd secp256k1/oracle/$$module && $(GO) test ./...); done

clients: ## the signer with the programs' own clients: op-service, go-ethereum, agglayer
	for module in op ethereum; do (cd controlplane/clients/$$module && $(GO) test -count=1 ./...) || exit 1; done

GITOPS_PROGRAMS ?= $(PROGRAMS)/helm-v3.22.0-kustomize-v5.8.1

$(GITOPS_PROGRAMS)/helm:
	GOBIN=$(GITOPS_PROGRAMS) $(GO) install helm.sh/helm/v3/cmd/helm@v3.22.0

$(GITOPS_PROGRAMS)/kustomize:
	GOBIN=$(GITOPS_PROGRAMS) $(GO) install sigs.k8s.io/kustomize/kustomize/v5@v5.8.1

gitops: $(GITOPS_PROGRAMS)/helm $(GITOPS_PROGRAMS)/kustomize ## against Argo CD's plugin server, Flux's libraries, helm and kustomize
	GITOPS_PROGRAMS=$(GITOPS_PROGRAMS) $(GO) test -tags integration -count=1 -run TestPipes ./cmd/banhbaoring
	cd plugin/cmptest && $(GO) test -count=1 -bench . -benchtime 10x ./...
	cd plugin/flux/fluxtest && $(GO) test -count=1 ./...

gitops-e2e: $(GOTESTSUM) ## Argo CD's comparison, on the cluster that KUBECONFIG names
	cd plugin/cmptest && $(call gotests,gitops-e2e,./...) -tags e2e -parallel 4 -run TestNothingIsOutOfSyncForever

E2E_TAGS ?= e2e

e2e: $(GOTESTSUM) ## on the cluster that KUBECONFIG names, where e2e/images has loaded the images; with E2E_TAGS=e2e,nodes and E2E_CLUSTER nodes are lost too
	$(call gotests,e2e,./e2e/...) $(TESTFLAGS) -tags $(E2E_TAGS) -timeout 80m -parallel 3

CERT_MANAGER ?= $(PROGRAMS)/cert-manager-$(call module_version,certmanager)/certmanager

$(CERT_MANAGER):
	cd e2e/certmanager && CGO_ENABLED=0 $(GO) build -trimpath -ldflags '-s -w' -o $(CERT_MANAGER) .

neighbours: $(CERT_MANAGER) ## there, with cert-manager's own controllers
	CERT_MANAGER=$(CERT_MANAGER) $(GO) test -tags e2e,neighbours -count=1 -v -run TestCertManager ./e2e

drill: ## a backup under write load, the loss of everything, and the restore, there: prints how long that took and what was lost
	$(GO) test -tags e2e -count=1 -v -run TestAStackIsRestoredAfterItsNamespaceWasDeleted ./e2e

image:
	docker build -t $(IMAGE) .

plugin-image: ## holds the secrets engine at /plugin/secp256k1
	docker build --target plugin -t $(PLUGIN_IMAGE) .
