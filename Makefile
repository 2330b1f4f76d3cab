# What a person or a machine does with this repository; `make help` lists it.
#
# Progress goes to stderr. `demo`, `replay`, `bench`, `fuzz`, `chaos`, `cluster-test`, `e2e` and `soak` end with one JSON object on stdout, so no recipe is echoed.
# make itself answers 2 for every red recipe; the exact exit code (1 failed, 2 proves nothing) is that of the command behind it.
# From another folder: `make -s -C FOLDER demo`, since make without -s reports on stdout that it enters and leaves FOLDER.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed
SOURCES := collector operator tests charts

# Of `make demo`
DURATION ?= 60
SEED ?= 7
RATE ?= 500
LIVE ?=
# Of `make replay`
FILES ?=
# Of `make fuzz`: damaged frames a venue
COUNT ?= 100000
# Of `make chaos`
SCHEDULE ?= short
# Of `make soak`
ROTATIONS ?= 1000
# Of `make test` and the like: further words for pytest
ARGS ?=
# Tests without a clock run side by side, and so do those with servers, which wait more than they work
WORKERS ?= 2
SERVED ?= 3
# Tests with a clock, with much load, or with a cluster
APART := $(addprefix --ignore=tests/,integration load cluster)
# What takes minutes and touches nothing that other tests don't: `make test-long`
LONG := $(addprefix tests/,conformance/test_ccxt.py integration/test_record.py integration/test_venues.py \
	integration/test_upbit_krw.py integration/test_universe.py integration/test_relisting.py integration/test_scope.py \
	integration/test_listings.py integration/test_listings_user.py integration/test_ordered.py integration/test_announced.py \
	integration/test_capture.py integration/test_pumps.py integration/test_verify.py \
	integration/test_cli_export.py integration/test_consuming.py \
	integration/test_shards.py integration/test_backfill.py integration/test_spool.py integration/test_many_connections.py)

.PHONY: help install check test test-long load unit cluster-test e2e soak demo replay bench fuzz chaos mutants lock lock-check config format dist-check clean

help: ## This list
	@grep -E '^[a-z0-9-]+:.*## ' Makefile | sed -E 's/:[^#]*## /\t/' | awk -F'\t' '{printf "  make %-12s %s\n", $$1, $$2}'

install: $(INSTALLED) ## The virtual environment in .venv, as the locks say

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "METDC needs Python 3.11 or newer; name one with PYTHON=python3.x" >&2; exit 1; }
	@echo "Creating $(VENV) ..." >&2
	@$(PYTHON) -m venv $(VENV) >&2 || { rm -rf $(VENV); echo "No virtual environment could be made; on Debian: apt-get install python3-venv" >&2; exit 1; }

$(INSTALLED): requirements/dev.txt pyproject.toml | $(BIN)/python
	@echo "Installing what requirements/dev.txt locks into $(VENV) (a minute or two) ..." >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.txt >&2
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . >&2
	@touch $@

check: $(INSTALLED) lock-check ## Format, lint, types, module arrows, house rules, locks, schemas, config/ against the chart, and the built wheel in fresh environments
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m tests.checks
	@$(BIN)/python -m tests.checks.kustomize
	@$(BIN)/python -m tests.checks.distribution

test: $(INSTALLED) ## Everything but cluster tests and what test-long has, against a real nats-server
	@$(BIN)/python -m tests.tools >&2
	@$(BIN)/python -m pytest -n $(WORKERS) $(APART) $(LONG:%=--ignore=%) --cov --cov-report=term-missing:skip-covered $(ARGS)
	@$(BIN)/python -m pytest -n $(SERVED) tests/integration $(LONG:%=--ignore=%) $(ARGS)
	@$(if $(ARGS),true,$(BIN)/python -m tests.chaos --seed $(SEED) --schedule short)

test-long: $(INSTALLED) ## Listings while running and announced, captures, pumps from notice to report, what is in scope, recording, exporting, each further venue from end to end, ccxt as a witness
	@$(BIN)/python -m pytest -n $(SERVED) $(LONG) $(ARGS)

load: $(INSTALLED) ## Every market with its whole universe at one address, replaced all at once: no limit is broken (a minute)
	@$(BIN)/python -m pytest tests/load $(ARGS)

unit: $(INSTALLED) ## The tests without servers, in a minute or two (ARGS="-k rotation")
	@$(BIN)/python -m pytest -n $(WORKERS) $(APART) $(ARGS)

cluster-test: $(INSTALLED) ## Everything on a real Kubernetes: that of KUBECONFIG, else ../shared/cluster (ARGS="tests/cluster/test_images.py")
	@$(BIN)/python -m tests.cluster $(ARGS)

e2e: $(INSTALLED) ## The chart on that Kubernetes as a new user installs it, and what befalls an installation, then the audit (a quarter of an hour)
	@$(BIN)/python -m tests.e2e $(ARGS)

soak: $(INSTALLED) ## The simulator's sample on that Kubernetes, rotated each minute until it is enough, then the audit (ROTATIONS=1000)
	@$(BIN)/python -m tests.cluster.soak --rotations $(ROTATIONS) $(ARGS)

demo: $(INSTALLED) ## The main job, live: exchanges (simulated; LIVE=1 real) -> collectors -> JetStream -> audit (DURATION=60 SEED=7 RATE=500)
	@$(BIN)/python -m tests.demo --duration $(DURATION) --seed $(SEED) --rate $(RATE) $(if $(LIVE),--live)

replay: $(INSTALLED) ## Recorded frames through everything, compared row by row (FILES="a.jsonl b.jsonl")
	@$(BIN)/python -m tests.replay $(FILES)

bench: $(INSTALLED) ## Speed beside a bare publisher, cryptofeed and ccxt; memory; isolation; into docs/benchmarks.md (ARGS=--short ARGS="--only memory")
	@$(BIN)/python -m tests.bench $(ARGS)

fuzz: $(INSTALLED) ## Damaged frames against every adapter (COUNT=100000 SEED=7)
	@$(BIN)/python -m tests.fuzz --count $(COUNT) --seed $(SEED)

chaos: $(INSTALLED) ## Every fault against every venue, and what each cost by the audit (SEED=7 SCHEDULE=short|long ARGS="--only reset")
	@$(BIN)/python -m tests.chaos --seed $(SEED) --schedule $(SCHEDULE) $(ARGS)

mutants: $(INSTALLED) ## Changes the pure parts one operator at a time and shows what no test noticed
	@$(BIN)/python -m tests.checks.mutants $(ARGS)

lock: $(INSTALLED) ## requirements/*.txt anew from pyproject.toml, keeping versions that still fit (ARGS=--upgrade moves them)
	@$(BIN)/python -m tests.checks.locks --write $(ARGS)

lock-check: $(INSTALLED)
	@$(BIN)/python -m tests.checks.locks

config: $(INSTALLED) ## What config/ has from the chart, and the tables of the documents from the code, anew
	@$(BIN)/python -m tests.checks.kustomize --write
	@$(BIN)/python -m tests.checks.reference

format: $(INSTALLED) ## ruff's formatting and safe fixes
	@$(BIN)/ruff check --fix-only -q $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

dist-check: $(INSTALLED) ## sdist -> wheel -> a fresh environment for each extra
	@$(BIN)/python -m tests.checks.distribution

clean: ## Remove what builds and runs left behind, the environment included
	@rm -rf $(VENV) dist build var mutants .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage*
	@find collector operator tests -name __pycache__ -type d -prune -exec rm -rf {} +
