# `make help` lists the targets. Set-up needs only Python ≥ 3.11, make and git.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
WORKERS ?= 3  # one more than cores: some tests wait for processes, or for a tick of the clock
export LITELLM_LOCAL_MODEL_COST_MAP := True
# Without it each process would compile all of Dagster anew, for seconds.
unexport PYTHONDONTWRITEBYTECODE

.DEFAULT_GOAL := help

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "synth_assets needs Python 3.11 or newer; $(PYTHON) is $$($(PYTHON) --version). Name another: make PYTHON=python3.12 …"; exit 1; }
	@if command -v uv > /dev/null; then uv venv --quiet --seed --python $(PYTHON) $(VENV); \
		else $(PYTHON) -m venv $(VENV); fi

# What a user needs.
$(VENV)/.installed: pyproject.toml constraints.txt | $(BIN)/python
	@echo "installing into $(VENV) …"
	@if command -v uv > /dev/null; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e .; \
		else $(BIN)/python -m pip install --quiet -c constraints.txt -e .; fi
	@touch $@

# What tests and checks need on top.
$(VENV)/.installed-dev: $(VENV)/.installed
	@echo "installing the development tools into $(VENV) …"
	@if command -v uv > /dev/null; then uv pip install --quiet --python $(BIN)/python -c constraints.txt -e '.[dev]'; \
		else $(BIN)/python -m pip install --quiet -c constraints.txt -e '.[dev]'; fi
	@touch $@

.PHONY: help install dev demo ui test test-full check bench bench-ifd bench-dbt bench-peers bench-refresh bench-why study format screenshots clean

help:  ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(VENV)/.installed  ## Make .venv and install the package into it
dev: $(VENV)/.installed-dev  ## Also install what tests and checks need

demo: $(VENV)/.installed  ## Run the recipe quickstart with the offline teacher: no key, no network
	@$(BIN)/synth-assets run quickstart

ui: $(VENV)/.installed  ## Open the Dagster UI on http://127.0.0.1:3000, with the demo's run in it
	@$(BIN)/synth-assets ui

test: $(VENV)/.installed-dev  ## Run the tests (no key, no network)
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal -m 'not full'

# torch comes by pip alone, which takes a wheel without CUDA from where its own settings say. In an
# environment of its own, so that .venv stays small.
TORCH := torch==2.13.0
FULL := .venv-full

$(FULL)/.installed: pyproject.toml constraints.txt
	@test -x $(FULL)/bin/python || $(PYTHON) -m venv $(FULL)
	@echo "installing torch and transformers into $(FULL) …"
	@$(FULL)/bin/python -m pip install --quiet $(TORCH)
	@if command -v uv > /dev/null; then uv pip install --quiet --python $(FULL)/bin/python -c constraints.txt -e '.[dev,superfiltering]'; \
		else $(FULL)/bin/python -m pip install --quiet -c constraints.txt -e '.[dev,superfiltering]'; fi
	@touch $@

test-full: $(FULL)/.installed  ## Run what needs torch, and every recipe whole, in .venv-full
	@$(FULL)/bin/python -m pytest -n 0 -m full

bench-ifd: $(FULL)/.installed  ## Time the IFD scorer beside a loop without batches (MODEL=folder)
	@$(FULL)/bin/python -m benchmarks.ifd $(MODEL)

check: $(VENV)/.installed-dev  ## Check format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/basedpyright

bench: $(VENV)/.installed-dev  ## Measure the calls beside raw aiohttp and litellm (FULL=1: a million)
	@$(BIN)/python -m benchmarks.calls

format: $(VENV)/.installed-dev  ## Format the code and mend what lint can mend
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

# Pinned where dbt's own releases do not resolve offline, and to the DuckDB that we run on.
DBT_PACKAGES := 'dbt-core~=1.10.0' 'dbt-duckdb~=1.11.0' 'duckdb==1.5.5'

bench-dbt: $(VENV)/.installed  ## Compare with dbt-duckdb, in an environment of its own: DBT_ENV=FOLDER
	@test -n "$(DBT_ENV)" || { echo "name a folder for dbt's environment: make bench-dbt DBT_ENV=…"; exit 1; }
	@test -x $(DBT_ENV)/bin/dbt || { $(PYTHON) -m venv $(DBT_ENV) && \
		$(DBT_ENV)/bin/python -m pip install --quiet $(DBT_PACKAGES); }
	@$(BIN)/python -m benchmarks.dbt.compare $(DBT_ENV)

bench-peers: $(VENV)/.installed-dev  ## Measure Curator, Data Designer and distilabel beside us: PEERS_ENV=FOLDER (CASES=…)
	@test -n "$(PEERS_ENV)" || { echo "name a folder for the peers' environments: make bench-peers PEERS_ENV=…"; exit 1; }
	@$(BIN)/python -m benchmarks.peers $(PEERS_ENV) $(CASES)

bench-why: $(VENV)/.installed-dev  ## Time `why` in a lake of a million completions (or ROWS=…)
	@$(BIN)/python -m benchmarks.lineage.why $(ROWS)

bench-refresh: $(VENV)/.installed-dev  ## Time a refresh after no, one and 1 % changes (FULL=1: a million; CASES=…)
	@$(BIN)/python -m benchmarks.refresh $(CASES)

study: $(VENV)/.installed  ## Simulate model collapse; prints the figures, writes docs/methods/model_collapse.svg
	@$(BIN)/python -m benchmarks.collapse

screenshots: $(VENV)/.installed-dev  ## Make the pictures in docs/ anew (needs Debian's chromium)
	@$(BIN)/python -m docs.make_screenshots

clean:  ## Remove .venv and .venv-full; never touches .synth/, which holds what was paid for
	rm -rf $(VENV) $(FULL) *.egg-info
