# Every command of the project; `make` alone lists them. `.ci/run` has those that CI runs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
# The scripts of a venv hold its path, so a moved or copied checkout must install anew: the stamp carries the path.
STAMP := $(VENV)/installed-$(firstword $(shell pwd | cksum))

export PIP_DISABLE_PIP_VERSION_CHECK := 1

.DEFAULT_GOAL := help
.PHONY: help setup demo test check verbs test-verbs test-browser kills soak bench lock clean
# Tests that kill processes and measurements must not run beside anything else, whatever -j says.
.NOTPARALLEL:

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## /make \1	/p' Makefile | expand -t 18

setup: $(STAMP) ## create .venv and install what requirements.lock pins, and rayrdma itself
	@echo "setup: ready, .venv holds what requirements.lock pins"

demo: $(STAMP) ## the main job: reproduce the comparison table, in the simulator and on a local Ray
	$(BIN)/rayrdma table

test: $(STAMP) ## the tests: two at a time in the simulator, then one by one those with real processes
	$(BIN)/python -m pytest -m "not live and not verbs and not guests and not browser" -n 2 --dist worksteal
	$(BIN)/python -m pytest -m live

check: $(STAMP) ## formatting, lint and types
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy --strict

verbs: $(STAMP) ## make the pyverbs of Debian (apt install python3-pyverbs) importable from .venv
	$(BIN)/python -m rayrdma.pyverbs_link

test-verbs: $(STAMP) ## the tests over RDMA verbs, in guests with a software device; installs nothing
	$(BIN)/python -m tests.guest test

test-browser: $(STAMP) ## look at the diagrams in Chromium, installed or from Debian's archive; installs nothing
	$(BIN)/python -m pytest -m browser

kills: $(STAMP) ## kill -9 of 50 leaders at random points, over each transport
	$(BIN)/python -m tests.actors.kills

soak: $(STAMP) ## the long run: 25,000 seeded schedules for each bound and each siege, and a million of the explorer's
	$(BIN)/python -m tests.soak
	$(BIN)/python -m tests.swarm

bench: $(STAMP) ## measure decisions, transports and the simulator on this machine
	$(BIN)/rayrdma bench

lock: ## write requirements.lock anew from pyproject.toml; pins that still fit stay
	@tools=$$(mktemp -d) && trap 'rm -rf "$$tools"' EXIT && \
	echo "lock: fetching the resolver" && \
	$(PYTHON) -m venv "$$tools" && "$$tools/bin/pip" install --quiet uv==0.13.9 && \
	echo "lock: resolving for Python 3.11 and later" && \
	"$$tools/bin/uv" pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
		--generate-hashes --no-annotate --no-header --no-config --quiet --output-file requirements.lock && \
	echo "lock: $$(grep -c == requirements.lock) pins in requirements.lock"

clean: ## remove .venv, builds and caches; run folders stay
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .hypothesis .mypy_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

$(STAMP): requirements.lock pyproject.toml
	@command -v $(PYTHON) >/dev/null || \
		{ echo "setup: no $(PYTHON) here; install it (apt install python3-venv) or say make PYTHON=..." >&2; exit 2; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "setup: $$($(PYTHON) --version 2>&1) is too old; rayrdma needs 3.11 or later (make PYTHON=python3.11 ...)" >&2; exit 2; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || \
		{ echo "setup: $(PYTHON) cannot make virtual environments; apt install python3-venv" >&2; exit 2; }
	@test -e $@ || { echo "setup: creating .venv with $$($(PYTHON) --version)"; $(PYTHON) -m venv --clear $(VENV); }
	@echo "setup: installing $$(grep -c == requirements.lock) pinned packages (about 330 MB to fetch the first time)"
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements.lock
	@echo "setup: installing rayrdma from this folder"
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@
