# `make` alone lists the targets. They need Python 3.11, make and, for `make test`, git.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help setup check test fix golden bench docs demo packages

PYTHON ?= python3
ARGS ?=
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-7s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(VENV)/.ready ## make .venv with everything development needs

check: setup ## lint, formatting, types, import contracts, security
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(BIN)/bandit --quiet --recursive --configfile pyproject.toml src
	.ci/audit $(BIN)

test: setup packages ## run the tests; ARGS="-k zeek -x" goes to pytest
	$(BIN)/pytest -n 2 --dist loadgroup $(ARGS)

fix: setup ## mend what ruff can mend, and format
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

golden: setup ## rewrite the golden files; review the difference like code
	$(BIN)/pytest tests/golden --update-golden $(ARGS)

bench: $(VENV)/.bench ## run the benchmarks, competitors in the same run
	PATH="$(CURDIR)/$(BIN):$$PATH" bench/run $(ARGS)

docs: $(VENV)/.runtime ## write the generated tables of docs/
	$(BIN)/python docs/generate.py

demo: $(VENV)/.runtime ## find the RPC in our own recording; installs only the runtime
	$(BIN)/rpcsight demo $(ARGS)

# The system's packages that tests need: installed where that is allowed, else those tests skip with a reason.
packages: setup
	@missing=$$($(BIN)/python tests/system.py); .ci/apt $$missing || echo "make test: the tests that need these are skipped" >&2

# Each stamp is older than pyproject.toml exactly when its packages must be looked at again. Debian's python3 comes
# without ensurepip, and a venv made without it has no pip: so pip, not python, is what says that the venv is there.
$(BIN)/pip:
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || .ci/apt python3-venv
	$(PYTHON) -m venv --clear $(VENV)

$(VENV)/.runtime: pyproject.toml | $(BIN)/pip
	@echo "installing what rpcsight needs into $(VENV): a minute the first time"
	$(PIP) 'pip>=25.1'
	$(PIP) --editable .
	@touch $@

$(VENV)/.ready: pyproject.toml | $(BIN)/pip
	@echo "installing what development needs into $(VENV), Spark included: a few minutes the first time"
	$(PIP) 'pip>=25.1'
	$(PIP) --editable '.[pictures,spark,web]' --group dev
	@touch $(VENV)/.runtime $@

$(VENV)/.bench: pyproject.toml $(VENV)/.runtime
	$(PIP) --group bench
	@touch $@
