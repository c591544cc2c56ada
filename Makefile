# Everything a person or a machine does with a checkout. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
# -qq: errors only. --no-deps: the locks are full, and some packages ask for more than they need.
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps

.PHONY: help setup setup-dev demo test check lock clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' Makefile

setup: .venv/.setup  ## Make .venv with everything Quern needs to run

setup-dev: .venv/.setup-dev  ## The same, with what tests and checks need

demo: setup  ## Start Quern with a few documents and ask it something (ONCE=1: and stop; DATA=folder)
	@$(if $(DATA),QUERN_DATA_DIR="$(DATA)") $(BIN)/quern demo $(if $(ONCE),--once)

test: setup-dev  ## Run every test (ARGS="…" for pytest: some of them, without coverage)
	@tests/install_tools.sh
	@$(BIN)/python -m pytest $(if $(ARGS),$(ARGS),--cov --cov-fail-under=90)

check: setup-dev  ## Formatting, lint, types, layers
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

# The two smaller locks begin as copies of the largest, whose versions are then kept.
lock:  ## Make the locks in requirements/ agree with the *.in files (UPGRADE=1: newest versions)
	@set -e; folder=$$(mktemp -d); trap 'rm -rf "$$folder"' EXIT; \
	python3 -m venv "$$folder"; \
	"$$folder/bin/python" -m pip install -qq --disable-pip-version-check uv; \
	compile() { \
	    "$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 \
	        --override requirements/overrides.txt --no-emit-package torch \
	        --custom-compile-command "make lock" \
	        "requirements/$$1.in" -o "requirements/$$1.txt" "$${@:2}"; \
	}; \
	compile dev $(if $(UPGRADE),--upgrade); \
	for name in workers base; do \
	    cp requirements/dev.txt "requirements/$$name.txt"; \
	    compile "$$name"; \
	done

clean:  ## Remove .venv and what tools left; documents and answers in data/ stay
	@rm -rf .venv build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@rm -rf htmlcov .coverage .coverage.* *.egg-info
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

.venv/.python:
	@if ! $(BIN)/python -m pip --version > /dev/null 2>&1; then \
	    for python in $(PYTHON) python3 python3.13 python3.12 python3.11 none; do \
	        if [[ $$python == none ]]; then \
	            echo "Quern needs Python 3.11, 3.12 or 3.13; python3 here is:" \
	                "$$(python3 --version 2>&1 || true)." \
	                "Install one of them, or name it: make PYTHON=/path/to/python3.12" >&2; \
	            exit 1; \
	        fi; \
	        if "$$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
	            2> /dev/null; then \
	            break; \
	        fi; \
	    done; \
	    echo "== virtual environment"; \
	    "$$python" -m venv .venv || { \
	        rm -rf .venv; \
	        echo "$$python cannot make virtual environments;" \
	            "on Debian and Ubuntu: apt install python3-venv" >&2; \
	        exit 1; \
	    }; \
	fi
	@touch $@

.venv/.torch: requirements/torch.txt requirements/install_torch.py | .venv/.python
	@echo "== torch"
	@$(BIN)/python requirements/install_torch.py
	@touch $@

.venv/.workers: requirements/workers.txt .venv/.torch
	@echo "== libraries"
	@$(PIP) -r requirements/workers.txt
	@touch $@

.venv/.setup: pyproject.toml .venv/.workers
	@echo "== quern"
	@$(PIP) --no-build-isolation -e .
	@touch $@

.venv/.setup-dev: requirements/dev.txt .venv/.setup
	@echo "== tools for tests and checks"
	@$(PIP) -r requirements/dev.txt
	@touch $@
