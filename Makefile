# Everything a developer types. `make` alone lists it.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# The Python that .venv was made with, or the newest that is new enough and works (a
# pyenv shim may exist and fail).
FIND_PYTHON = for p in $$(sed -n 's/^executable = //p' .venv/pyvenv.cfg 2>/dev/null) \
  python3.13 python3.12 python3.11 python3; do \
  $$p -c 'import ensurepip, sys; sys.exit(sys.version_info < (3, 11))' \
  >/dev/null 2>&1 && { echo $$p; break; }; done
NO_PYTHON = no Python 3.11 or later with venv was found; install one (Debian: \
  apt install python3 python3-venv) or name it: make PYTHON=/path/to/python3.13
PYTHON = $(or $(shell $(FIND_PYTHON)),$(error $(NO_PYTHON)))

ENVIRONMENTS = $(PYTHON) -m stack.environments
BIN := .venv/bin
SAM = .local/sam-venv/bin/sam
SCAN = .local/scan-venv/bin/checkov
export SAM_CLI_TELEMETRY := 0

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: stack ## Start the whole service on this machine; Ctrl-C ends it
	@$(BIN)/python -m stack run

demo: stack ## Walk the main job through it, as a timeline (JSON=1: as a document)
	@$(BIN)/python -m stack demo $(if $(JSON),--json) $(if $(SVG),--picture $(SVG))

invoke: stack ## Invoke a function on the running stack: FN=create_session [EVENT=file]
	@$(BIN)/python -m stack invoke $(or $(FN),$(error name a function: make invoke FN=create_session)) $(EVENT)

chaos: stack ## Prove exactly-once: N=2000 creates under faults, with kills
	@$(BIN)/python -m proofs.chaos --creates $(or $(N),2000) $(CHAOS)

attack: stack dev ## Send thousands of bad requests to a fresh stack (ATTACK=)
	@$(BIN)/python -m proofs.attack $(ATTACK)

numbers: stack ## Show the pool of numbers and what answers each (STACK=, ATTACH=1)
	@$(BIN)/python -m operate.numbers --stack $(or $(STACK),maskline-local) $(if $(ATTACH),--attach) $(if $(JSON),--json)

audit: stack ## Hold all that Plivo has against the table (STACK=, REPAIR=1)
	@$(BIN)/python -m operate.audit --stack $(or $(STACK),maskline-local) $(if $(REPAIR),--repair) $(if $(JSON),--json)

endings: stack dev ## Prove at full size that sessions end (a week, 20,000) and persons are forgotten
	@MASKLINE_ENDINGS=full $(BIN)/pytest tests/ending tests/erasing -s

units: stack ## Measure the request units of each operation
	@$(BIN)/python -m proofs.units

redrive: stack ## Send dead letters back: QUEUE=recordings, webhooks, changes or erasures (STACK=)
	@$(BIN)/python -m operate --stack $(or $(STACK),maskline-local) redrive $(or $(QUEUE),recordings)

keys: stack ## API keys of TENANT=: DO=list, create, rotate, revoke (SCOPES= DAYS= KEY= HOURS= STACK=)
	@$(BIN)/python -m operate.keys --stack $(or $(STACK),maskline-local) $(if $(JSON),--json) $(or $(DO),list) $(or $(TENANT),$(error name a tenant: make keys TENANT=acme)) $(KEY) $(if $(SCOPES),--scopes $(SCOPES)) $(if $(DAYS),--days $(DAYS)) $(if $(HOURS),--hours $(HOURS))

tenants: stack ## What holds for TENANT=: DO=show, set, recount (SET="--live-sessions 20" STACK=)
	@$(BIN)/python -m operate --stack $(or $(STACK),maskline-local) tenants $(or $(DO),show) $(or $(TENANT),$(error name a tenant: make tenants TENANT=acme)) $(SET)

chaos-recordings: stack ## Break the recordings of 300 calls in every way (N=300)
	@$(BIN)/python -m proofs.chaos_recordings $(or $(N),300)

bench-recordings: stack ## Measure storing 1, 25 and 250 MiB beside simpler ways
	@$(BIN)/python -m proofs.bench_recordings

probe: stack ## Learn from a live Plivo account what its docs leave open: API= FIRST= SECOND=
	@$(BIN)/python -m operate.probe --api $(or $(API),$(error give API, the deployment's ApiUrl)) --first $(FIRST) --second $(SECOND)

bench: stack ## Measure ours beside simpler ways: the check of a signature, recordings
	@$(BIN)/python -m proofs.bench.signature && $(BIN)/python -m proofs.bench_recordings

test: stack dev sam ## Run every test, with coverage, JOBS=3 files at a time
	@$(BIN)/pytest -n $(or $(JOBS),3) --dist loadfile --no-loadscope-reorder --cov --cov-fail-under=95

lint: dev sam scan ## Check style, types and the template
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy
	@$(SAM) validate --lint && $(SCAN) --config-file .checkov.yaml

typecheck: dev ## Check types only
	@$(BIN)/mypy

format: dev ## Put code into the one format
	@$(BIN)/ruff format && $(BIN)/ruff check --fix

build: sam ## Build what is deployed, into .aws-sam (needs python3.13) [ARCHITECTURE=x86_64]
	@$(SAM) build $(if $(ARCHITECTURE),--parameter-overrides Architecture=$(ARCHITECTURE))

requirements: ## Pin the dependencies anew, with hashes (needs uv)
	@requirements/compile

clean: ## Remove what the other targets made
	@rm -rf .aws-sam .coverage .hypothesis .local .mypy_cache .pytest_cache .ruff_cache .venv

stack:
	@$(ENVIRONMENTS) tools aws functions layer

dev sam scan:
	@$(ENVIRONMENTS) $@

.PHONY: help run demo invoke keys tenants chaos attack numbers audit endings units redrive \
  chaos-recordings bench-recordings probe bench test lint typecheck format \
  build requirements clean stack dev sam scan
