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

# The folder of the runtime's Python, which may stand on PATH behind a pyenv shim that fails.
RUNTIME_FOLDER = for p in $$(which -a python3.13); do $$p -c '' 2>/dev/null && { dirname $$p; break; }; done

ROOT := $(dir $(abspath $(lastword $(MAKEFILE_LIST))))
ENVIRONMENTS = $(PYTHON) -m stack.environments
BIN := .venv/bin
MASKLINE = $(BIN)/maskline --stack $(or $(STACK),maskline-local)
AS_JSON = $(if $(JSON),--json)
# Rotating and revoking are of one key.
KEY_TO_CHANGE = $(if $(filter rotate revoke,$(DO)),$(or $(KEY),$(error name a key by its id: make keys DO=$(DO) TENANT=$(TENANT) KEY=<id>)))
KEEP = $(if $(DAYS),--retention-days $(DAYS)) $(if $(RECORDINGS),--recording-retention-days $(RECORDINGS))
MEASURE = $(BIN)/python -m slipcover --out .local/coverage.json --dont-wrap-pytest
SAM = .local/sam-venv/bin/sam
SCAN = .local/scan-venv/bin/checkov
PROSE = README.md CONTRIBUTING.md SECURITY.md Makefile docs events functions layers \
  openapi.yaml operate proofs simulator stack template.yaml tests
export SAM_CLI_TELEMETRY := 0
# Without byte code each process of a test run would compile what it imports.
unexport PYTHONDONTWRITEBYTECODE

help: ## List the targets
	@awk -F ':.*## ' '/^##@ /{print "\n" substr($$0, 5)} /^[a-z-]+:.*## /{printf "  make %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##@ Run it

run: stack ## Start the whole service on this machine; Ctrl-C ends it
	@$(BIN)/python -m stack run

demo: stack ## Watch the main job in it, as a timeline (JSON=1: as a document)
	@$(BIN)/python -m stack demo $(if $(JSON),--json) $(if $(SVG),--picture $(SVG))

invoke: stack ## Invoke a function of the running service: FN=create_session [EVENT=file]
	@$(BIN)/python -m stack invoke $(or $(FN),$(error name a function: make invoke FN=create_session)) $(EVENT)

sam-invoke: stack sam ## Invoke a function by sam local, in a container: FN= [EVENT=file]
	@$(BIN)/python -m stack sam-invoke $(or $(FN),$(error name a function: make sam-invoke FN=create_session)) $(EVENT)

sam-api: stack sam ## Serve the API by sam local, each function in a container, on port 3000
	@$(BIN)/python -m stack sam-api

##@ Prove it

unit: dev ## Run the unit tests: no process, under 30 seconds
	@$(BIN)/pytest -n $(or $(JOBS),2) --dist loadfile tests/unit

test: stack dev sam build-clients ## Run all tests, with coverage, JOBS=4 files at a time
	@$(MEASURE) --json -m pytest -n $(or $(JOBS),4) --dist loadfile --no-loadscope-reorder
	@$(MEASURE) --merge .local/coverage.json --skip-covered --fail-under 95

endings: stack dev ## Prove at full size that sessions end and people are erased (a week, 20,000)
	@MASKLINE_PROOFS=full $(BIN)/pytest -s tests/handlers/expire_sessions/test_cost.py \
	  tests/proofs/test_{a_week,killed_functions,lost_callbacks,random_histories,erased_number,interrupted_erasures}.py

lifecycles: dev ## Prove that what is told of sessions is true: N=10000 random lives
	@N=$(or $(N),10000) $(BIN)/pytest -q tests/proofs/test_session_lifecycles.py

chaos: stack ## Prove that creates act exactly once: N=2000 under faults and kills; less is short
	@$(BIN)/python -m proofs creates --creates $(or $(N),2000) $(CHAOS)

chaos-recordings: stack ## Prove that no recording is lost: N=300 calls, broken in every way
	@$(BIN)/python -m proofs recordings --calls $(or $(N),300)

chaos-calls: stack ## Prove that calls are told as they were: N=1000, callbacks spoilt
	@$(BIN)/python -m proofs calls_chaos --calls $(or $(N),1000) $(CHAOS)

calls: stack ## Prove that calls are told truly: N=100000 spoilt histories, SEED=1
	@$(BIN)/python -m proofs calls --histories $(or $(N),100000) --seed $(or $(SEED),1)

calls-mutants: stack ## Show that no rule of calls can be spared: N=4000 histories each
	@$(BIN)/python -m proofs calls --without-rules --histories $(or $(N),4000)

attack: stack dev ## Prove that nobody gets in: thousands of bad requests (ATTACK=)
	@$(BIN)/python -m proofs attack $(ATTACK)

defenses: stack dev ## Prove that the tests which SECURITY.md cites fail without (ONLY=, FAST=1)
	@$(BIN)/python -m proofs defenses $(if $(ONLY),--only "$(ONLY)") $(if $(FAST),--fast)

mutants: stack dev ## Change the rules, N=100 places, MINUTES=20: what does no test notice? (ROOMS=domain)
	@$(ENVIRONMENTS) mutants
	@$(BIN)/python -m proofs mutants --mutants $(or $(N),100) --minutes $(or $(MINUTES),20) --seed $(or $(SEED),1) $(ROOMS)

fuzz: dev ## Try every parser with made-up inputs: N=2000 for each
	@MASKLINE_PROOFS=full FUZZ=$(or $(N),2000) $(BIN)/pytest -q -n $(or $(JOBS),2) tests/proofs/test_fuzz.py

two-stages: stack ## Prove that two stages in one account and region don't mix
	@$(BIN)/python -m proofs two_stages

upgrade: stack ## Prove that a stack is upgraded under load without an error (FROM=revision)
	@$(BIN)/python -m proofs upgrade $(if $(FROM),--from $(FROM))

units: stack ## Measure the DynamoDB request units of each operation
	@$(BIN)/python -m proofs units

alarms: stack ## Break it in each way and hear which alarms ring (QUICK=1, ONLY=)
	@$(BIN)/python -m proofs alarms $(if $(QUICK),--quick) $(if $(ONLY),--only "$(ONLY)")

voice-samples: dev ## Run samples of Voice XML in the simulator: who hears what, and when
	@PYTHONPATH=simulator/src $(BIN)/python -m plivo_simulator.voice_samples

dashboard: stack ## Draw the dashboard of the template with data of a run, into docs/dashboard.svg
	@$(BIN)/python -m proofs dashboard --picture docs/dashboard.svg

bench: stack sam ## Measure it all beside simpler ways, into docs/benchmarks.md (ONLY=part)
	@$(BIN)/python -m proofs bench $(ONLY)

##@ Change it

check: lint unit ## Check before a commit: lint and unit

format: dev ## Format the code
	@$(BIN)/ruff format && $(BIN)/ruff check --fix

lint: dev sam scan words ## Check style, types, imports, words and the template
	@$(BIN)/ruff check && $(BIN)/ruff format --check && $(BIN)/mypy && PYTHONPATH=. $(BIN)/lint-imports --no-cache
	@$(SAM) validate --lint && $(SCAN) --config-file .checkov.yaml

words: dev ## Check that prose uses the words of the field, in American English
	@$(BIN)/codespell -D - -D .codespell-words.txt $(PROSE)
	@! git grep -nE '"""(Give|Say whether) ' -- '*.py'

typecheck: dev ## Check types only
	@$(BIN)/mypy

reference: dev ## Write docs/reference from openapi.yaml
	@$(BIN)/python -m docs.reference

pictures: stack ## Draw the pictures of the console, on a stack of their own
	@$(BIN)/python -m docs.console_pictures

requirements: ## Pin the dependencies again, with hashes (needs uv)
	@requirements/compile

stack: ## Install what the service needs, and .venv/bin/maskline
	@$(ENVIRONMENTS) tools aws functions layer page

clean: ## Remove everything that the other targets made; refused while the stack runs
	@test ! -e .local/state/lock || $(or $(shell $(FIND_PYTHON)),python3) $(ROOT)stack/in_use.py .local/state/lock
	@rm -rf .aws-sam .hypothesis .local .mypy_cache .pytest_cache .ruff_cache .venv

##@ Operate it (STACK= names a deployment, JSON=1 prints JSON)

ready: stack ## Check credentials, secret, numbers and addresses of a deployment
	@$(MASKLINE) check $(AS_JSON)

smoke: stack ## Walk a create and an end on a deployment (FIRST= SECOND=)
	@$(MASKLINE) smoke $(if $(FIRST),--first $(FIRST)) $(if $(SECOND),--second $(SECOND)) $(AS_JSON)

console: stack ## Look at sessions, numbers, dead letters and alarms in a terminal
	@$(MASKLINE) console

tenants: stack ## Settings of TENANT=: DO=show, set, recount (SET="--live-sessions 20")
	@$(MASKLINE) tenants $(or $(DO),show) $(or $(TENANT),$(error name a tenant: make tenants TENANT=acme)) $(SET) $(AS_JSON)

keys: stack ## API keys of TENANT=: DO=list, create, rotate, revoke (SCOPES= DAYS= KEY= HOURS=)
	@$(MASKLINE) keys $(or $(DO),list) $(or $(TENANT),$(error name a tenant: make keys TENANT=acme)) \
	  $(KEY_TO_CHANGE) $(if $(SCOPES),--scopes $(SCOPES)) $(if $(DAYS),--days $(DAYS)) $(if $(HOURS),--hours $(HOURS)) $(AS_JSON)

webhooks: stack ## Webhook secrets of TENANT=: DO=show, rotate, retire
	@$(MASKLINE) webhooks $(or $(DO),show) $(or $(TENANT),$(error name a tenant: make webhooks TENANT=acme)) $(AS_JSON)

hold: stack ## Legal hold on the recordings of SESSION=: DO=set, lift
	@$(MASKLINE) hold $(or $(DO),$(error say what to do: make hold DO=set SESSION=<uuid>)) $(or $(SESSION),$(error name a session: make hold DO=set SESSION=<uuid>)) $(AS_JSON)

retain: stack ## How long TENANT= keeps what is new: DAYS= sessions, RECORDINGS= recordings
	@$(MASKLINE) tenants set $(or $(TENANT),$(error name a tenant: make retain TENANT=acme DAYS=30)) \
	  $(if $(DAYS)$(RECORDINGS),$(KEEP),$(error say for how many days: make retain TENANT=acme DAYS=30 RECORDINGS=90)) $(AS_JSON)

numbers: stack ## Show the pool of numbers and what answers each (ATTACH=1)
	@$(MASKLINE) numbers $(if $(ATTACH),attach,list) $(AS_JSON)

audit: stack ## Compare all that Plivo has with the table (REPAIR=1)
	@$(MASKLINE) audit $(if $(REPAIR),--repair) $(AS_JSON)

redrive: stack ## Send dead letters back: QUEUE=recordings, webhooks, changes, checks, ...
	@$(MASKLINE) redrive $(or $(QUEUE),recordings) $(AS_JSON)

probe: stack ## Learn from a live Plivo account what its docs leave open: FIRST= SECOND= (API=)
	@$(MASKLINE) probe $(if $(API),--api $(API)) --first $(or $(FIRST),$(error give FIRST, a phone in E.164)) --second $(or $(SECOND),$(error give SECOND, another phone in E.164))

##@ Ship it

clients: build-clients ## Build both clients from openapi.yaml into clients/dist (TypeScript: with node)
	@clients/build

build: sam ## Build what is deployed, into .aws-sam (needs python3.13) [ARCHITECTURE=x86_64]
	@PATH="$$($(RUNTIME_FOLDER)):$$PATH" $(SAM) build $(if $(ARCHITECTURE),--parameter-overrides Architecture=$(ARCHITECTURE))

dev sam scan:
	@$(ENVIRONMENTS) $@

build-clients:
	@$(ENVIRONMENTS) clients

.PHONY: help run demo invoke sam-invoke sam-api unit test endings lifecycles chaos chaos-recordings two-stages \
  upgrade chaos-calls calls calls-mutants attack defenses mutants fuzz units alarms dashboard \
  bench check format lint words typecheck \
  requirements stack clean ready smoke console pictures tenants keys webhooks hold retain numbers audit redrive probe \
  build dev sam scan clients build-clients reference
