# Two commands: `make up` runs the main job, `make test` runs the tests. Each does all of its own set-up.
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
# a part of the suite: make test ARGS="-k sensor"; half of it waits: five processes leave two cores idle for a twentieth of it
ARGS :=
WORKERS := 6

.DEFAULT_GOAL := help
.PHONY: help up demo test bench lint docs lock clean

help: ## this list
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## (.*)/make \1\t\2/' | expand -t 14

up: $(READY) ## the main job: Postgres with pgvector, Dagster UI and daemon, samples on first start
	@exec $(BIN)/morpheus up

demo: $(READY) ## the samples through Dagster without the UI, and three searches
	@exec $(BIN)/morpheus demo

test: $(READY) ## the whole test suite
	@$(BIN)/python -m pytest -n $(WORKERS) --dist worksteal $(ARGS)

bench: $(READY) ## measure beside the limit script and the peers: table and picture in bench/results
	@$(BIN)/python -W ignore -m bench.beside_peers $(ARGS)

lint: $(READY) ## style and types
	@$(BIN)/ruff check . && $(BIN)/ruff format --check . && $(BIN)/mypy

docs: $(READY) ## write deploy/settings.md and .env.example from settings.py
	@$(BIN)/python .ci/settings_docs.py

lock: $(READY) ## resolve the dependencies again
	@$(BIN)/pip install --quiet uv && $(BIN)/python .ci/lock.py

clean: ## remove the environment; stored data stays in .morpheus
	rm -rf $(VENV)

$(READY): requirements.lock pyproject.toml
	@# the system's own before one of the PATH: distributions compile theirs optimized for speed, pyenv's default does not
	@python=""; for candidate in $(PYTHON) /usr/bin/python3 python3 python3.13 python3.12 python3.11; do \
	  if "$$candidate" -c 'import sys, ensurepip; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' 2>/dev/null; then python="$$candidate"; break; fi; \
	done; \
	if [ -z "$$python" ]; then echo "Python 3.11, 3.12 or 3.13 is needed and none was found; install one, or name it: make PYTHON=/path/to/python3.12 up" >&2; exit 1; fi; \
	echo "Setting up $(VENV) with $$($$python --version) (minutes at first, seconds later)"; \
	[ -x $(BIN)/python ] || $$python -m venv $(VENV)
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-deps --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -qq --disable-pip-version-check --no-build-isolation --editable .
	@# dg asks nobody but its user's configuration whether to send statistics, and dagster.yaml says no
	@printf '%s\n' "import os; os.path.exists(os.path.expanduser('~/.config/dg.toml')) or os.environ.setdefault('DG_CLI_CONFIG', '$(CURDIR)/.ci/dg.toml')" \
	  > "$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/morpheus_dg.pth"
	@touch $(READY)
