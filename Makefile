# make run and make test are what you need; both install what they need beyond Go, Node, gcc and git.

.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
COMMIT  ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
DATE    ?= $(shell git log -1 --format=%cI 2>/dev/null || date -u +%Y-%m-%dT%H:%M:%SZ)
LDFLAGS := -s -w -X main.version=$(VERSION) -X main.commit=$(COMMIT) -X main.date=$(DATE)

# npm packages may carry Go files; they are not ours
PACKAGES = $$(go list ./... | grep -v /node_modules/)
TOOLS := $(CURDIR)/.cache/bin
WEB := $(patsubst %/package.json,%,$(wildcard ui/app/package.json ui/widget/package.json))
GENERATED := configs/parley.example.yaml docs/admin/configuration.md $(wildcard ui/app/openapi.json ui/app/src/api/schema.gen.ts)

BENCH ?= .
BENCHTIME ?= 1s
FUZZTIME ?= 20s

.PHONY: help
help: ## shows this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: run
run: build ## builds everything and serves on port 8080
	./bin/parley serve

.PHONY: demo
demo: build ## serves a throw-away installation full of believable data
	./bin/parley demo

.PHONY: build
build: ui binary ## leaves bin/parley with the UI inside

.PHONY: ui
ui:
	@for web in $(WEB); do deploy/build-ui $$web; done

.PHONY: binary
binary:
	@mkdir -p bin
	CGO_ENABLED=0 go build -trimpath -ldflags '$(LDFLAGS)' -o bin/parley ./cmd/parley

.PHONY: test
test: test-deps build ## passes all tests, as CI runs them
	CGO_ENABLED=1 go test -race -vet=off -count=1 -p 2 -timeout 20m $(PACKAGES)
	@for web in $(WEB); do echo "npm test in $$web"; npm test --silent --prefix $$web; done
	@if [ -d ui/app/e2e ]; then echo "the story in a browser"; npm run --silent story --prefix ui/app; fi
	@echo "All tests passed."

.PHONY: test-deps
test-deps:
	@deploy/install-test-deps

.PHONY: check
check: lint web-check generated ## lint, vet, types, generated files

.PHONY: lint
lint: $(TOOLS)/golangci-lint-2.15.0 $(TOOLS)/staticcheck-0.8.2
	@out=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go')); [ -z "$$out" ] || { echo "gofmt -w these:"; echo "$$out"; exit 1; }
	go vet $(PACKAGES)
	$(TOOLS)/golangci-lint-2.15.0 run $$(go list -f '{{.Dir}}' ./... | grep -v /node_modules/)
	$(TOOLS)/staticcheck-0.8.2 -checks inherit,-ST1005 $(PACKAGES)

.PHONY: web-check
web-check:
	@for web in $(WEB); do deploy/build-ui --packages $$web; echo "npm run check in $$web"; npm run --silent check --prefix $$web; done

.PHONY: generate
generate: ## writes the generated files anew
	go test ./configs -run Generated -update
	@if [ -f ui/app/openapi.json ]; then go test ./ui/api -run Generated -update; deploy/build-ui --packages ui/app; npm run --silent types --prefix ui/app; fi

.PHONY: generated
generated:
	@before=$$(cksum $(GENERATED)); $(MAKE) generate >/dev/null; \
	[ "$$before" = "$$(cksum $(GENERATED))" ] || { echo "generated files were not up to date; they are now, commit them:"; git status --short $(GENERATED); exit 1; }

.PHONY: bench
bench: binary ## prints the benchmarks as a table, and a short load beside the least server there can be
	@go test -run '^$$' -bench '$(BENCH)' -benchtime $(BENCHTIME) -p 1 -timeout 30m $(PACKAGES) | deploy/bench-table
	@deploy/load

.PHONY: fuzz
fuzz: ## fuzzes every target for FUZZTIME (20s)
	@for pkg in $(PACKAGES); do \
		for target in $$(go test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$target"; go test $$pkg -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5s; \
		done; \
	done

.PHONY: clean
clean: ## removes what was built; never ./data
	rm -rf bin .cache
	@for web in $(WEB); do rm -rf $$web/node_modules; find $$web/dist -mindepth 1 ! -name 'placeholder.*' -delete 2>/dev/null || true; done

$(TOOLS)/golangci-lint-2.15.0:
	GOBIN=$(TOOLS) go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0
	@mv $(TOOLS)/golangci-lint $@

$(TOOLS)/staticcheck-0.8.2:
	GOBIN=$(TOOLS) go install honnef.co/go/tools/cmd/staticcheck@v0.8.2
	@mv $(TOOLS)/staticcheck $@
