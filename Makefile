# Vigil. `make run` starts it, `make test` tests it; both make `.venv` first. See docs/development.md.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.DELETE_ON_ERROR:

VENV := .venv
BIN := $(VENV)/bin
PACKAGES := devices ingest safety simulators
LOCK := requirements.lock

# The Python that .venv is made with; found by itself, or `make setup PYTHON=/path/to/python3.12`.
PYTHON ?= $(shell tests/tools/find_python.sh)
# The lock is resolved on the oldest Python we support, so that nothing a younger one has built in goes missing.
LOCK_PYTHON ?= python3.11
PIP := $(BIN)/python -m pip --disable-pip-version-check
PYTEST_ARGS ?=
BENCH ?= latency
FAULT_ROUNDS ?= 30
FAULT_SEED ?= 20
FAULT_ONLY ?=
FUZZ_S ?= 60

.PHONY: help
help: ## this page
	@echo 'make TARGET, with TARGET one of:'
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  %-8s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(VENV)/.stamp ## make .venv with everything in the lock, and nothing else

$(VENV)/.stamp: $(LOCK) pyproject.toml
	@tests/tools/check_python.sh '$(PYTHON)'
	@echo 'making $(VENV) (the first time takes a minute or two)'
	@rm -f $@
	@'$(PYTHON)' -m venv --clear $(VENV)
	@$(PIP) install --quiet --require-hashes --only-binary :all: -r $(LOCK)
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.PHONY: run
run: setup ## start Vigil with the demo on http://127.0.0.1:8000
	@exec $(BIN)/vigil up --demo

.PHONY: tools
tools: # Mosquitto and Chromium: found, or installed where we may, or named as missing
	@tests/tools/provide.sh

.PHONY: test
test: setup tools ## the whole test suite, unit to browser
	@$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PYTEST_ARGS)

.PHONY: lint
lint: setup ## ruff: rules and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

.PHONY: types
types: setup ## mypy --strict
	@$(BIN)/mypy --strict $(PACKAGES) tests

.PHONY: layering
layering: setup ## import-linter: the corridor
	@$(BIN)/lint-imports

.PHONY: check
check: lint types layering test ## what CI runs: lint, types, layering, tests

.PHONY: fmt
fmt: setup ## format and mend what ruff can mend
	@$(BIN)/ruff check --fix-only --quiet .
	@$(BIN)/ruff format .

.PHONY: bench
bench: setup ## measure: make bench BENCH=latency
	@$(BIN)/vigil bench $(BENCH)

.PHONY: faults
faults: setup tools ## the long fault rounds: make faults FAULT_ROUNDS=200 FAULT_SEED=20
	@FAULT_ROUNDS=$(FAULT_ROUNDS) FAULT_SEED=$(FAULT_SEED) FAULT_ONLY='$(FAULT_ONLY)' \
		$(BIN)/python -m pytest -m long --timeout 14400 -o log_cli=true -o log_cli_level=INFO $(PYTEST_ARGS)

.PHONY: fuzz
fuzz: setup ## the codecs against any bytes (atheris, Linux): make fuzz FUZZ_S=60
	@$(PIP) install --quiet 'atheris>=3,<4'
	@$(BIN)/python tests/fuzz/fuzz_codecs.py -max_total_time=$(FUZZ_S) -max_len=4096 -print_final_stats=1

.PHONY: lock
lock: ## resolve requirements.lock again (UPGRADE=1 takes newer versions)
	@LOCK_PYTHON='$(LOCK_PYTHON)' UPGRADE='$(UPGRADE)' tests/tools/lock.sh

.PHONY: clean
clean: ## remove .venv, caches and build output; the data directory stays
	@rm -rf $(VENV) build dist .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis test-results
	@find $(PACKAGES) tests -name __pycache__ -type d -prune -exec rm -rf {} +
