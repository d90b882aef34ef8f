# Every target sets up what it needs: Python 3.11 (or newer) and make are all that must be there.

.DEFAULT_GOAL := help
SHELL := /bin/sh

PYTHON ?= $(shell for each in python3.11 python3.12 python3.13 python3; do \
	command -v $$each >/dev/null 2>&1 && $$each -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	&& { echo $$each; break; }; done)
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
# One more than two cores: tests of processes and clocks wait about as much as they work.
WORKERS ?= 3
PYTEST_ARGS ?=
PACKAGES := access app models operations resolvers schema sync_engine tests

# A run of the tests starts dozens of processes: bytecode is kept, whatever the shell says.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: help
help: ## Say what can be made (this is what a bare `make` does).
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): requirements-dev.lock pyproject.toml
	@test -n "$(PYTHON)" || { \
		echo "Python 3.11 or newer with venv is needed and was not found; set PYTHON=/path/to/python." >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "Installing into $(VENV) from requirements-dev.lock (about a quarter of a minute the first time)"
	@# uv, once it is there itself, takes a third of the time; pip knows more ways to an index.
	@test -x $(BIN)/uv || { sed -n '/^uv==/,/# via/p' requirements-dev.lock >$(VENV)/uv.lock && $(PIP) --require-hashes -r $(VENV)/uv.lock; }
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements-dev.lock || \
		$(PIP) --require-hashes -r requirements-dev.lock
	@$(PIP) --no-index --no-deps --no-build-isolation -e .
	@$(BIN)/python -m compileall -q -j 0 -x "/test_" $(PACKAGES)
	@touch $(STAMP)

.PHONY: venv
venv: $(STAMP) ## Make or refresh .venv from the lock file.

# --- Look at it ---------------------------------------------------------------------------------

.PHONY: demo
demo: $(STAMP) ## Start everything with a company of 300 people, and print what to try.
	$(BIN)/coordinator demo

.PHONY: run
run: $(STAMP) ## Start everything on ./.coordinator, without demo data.
	$(BIN)/coordinator up

.PHONY: worker
worker: $(STAMP) ## Start one more worker against the running stack.
	$(BIN)/coordinator worker

.PHONY: migrate
migrate: $(STAMP) ## Bring the database to the newest migration.
	$(BIN)/coordinator migrate

# --- Trust it -----------------------------------------------------------------------------------

.PHONY: test
test: $(STAMP) ## Run every test; starts its own PostgreSQL and Redis.
	$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

.PHONY: check
check: $(STAMP) ## What must hold before a change lands, quickest first; ends with `test`.
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/coordinator export-schema --check
	$(BIN)/coordinator migrate --check
	$(BIN)/hadolint docker/Dockerfile
	$(MAKE) --no-print-directory test

.PHONY: proof
proof: $(STAMP) ## Run every test whole: `test` draws some of its questions, this asks all of them (minutes).
	PROOF_WHOLE=1 $(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(PYTEST_ARGS)

.PHONY: bench
bench: $(STAMP) ## Run the benchmarks one after the other (minutes); they print ratios.
	$(BIN)/python -m tests.benchmarks

.PHONY: bench-scale
bench-scale: $(STAMP) ## A large company: SCALE_MEMBERS=100000 SCALE_SEGMENTS=1000 SCALE_COURSES=5000.
	$(BIN)/python -m tests.benchmarks.scale

.PHONY: torture
torture: $(STAMP) ## A thousand rounds of everything at once while workers and servers are killed (minutes).
	$(BIN)/python -m tests.torture

.PHONY: torture-mutants
torture-mutants: $(STAMP) ## Break the engine's protocol in each of five ways; the torture must notice each (minutes).
	$(BIN)/python -m tests.torture --mutants

.PHONY: guards
guards: $(STAMP) ## Take every guard away, one at a time; the proof must notice each (minutes).
	$(BIN)/python -m tests.proof

.PHONY: spec
spec: $(STAMP) ## List the numbered sentences of the specification, with and without a test.
	@$(BIN)/python -m tests.specification

# --- Change it ----------------------------------------------------------------------------------

.PHONY: fmt
fmt: $(STAMP) ## Format and repair what the linter can repair.
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

.PHONY: schema
schema: $(STAMP) ## Write the GraphQL schema to schema/schema.graphql.
	$(BIN)/coordinator export-schema

COMPILE := $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	--no-emit-index-url --custom-compile-command "make lock"

.PHONY: lock
lock: $(STAMP) ## Pin the newest versions that the requirements*.in files allow.
	$(COMPILE) --upgrade requirements.in -o requirements.lock
	$(COMPILE) --upgrade -c requirements.lock requirements-dev.in -o requirements-dev.lock
	$(COMPILE) --upgrade -c requirements-dev.lock requirements-build.in -o requirements-build.lock
	$(MAKE) --no-print-directory venv

.PHONY: clean
clean: ## Remove .venv, caches and builds; data in ./.coordinator stays.
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
