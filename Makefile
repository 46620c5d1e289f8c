# `make demo` shows a first video, `make test` runs every test. Both set up what they need.
PYTHON ?= python3
VENV   ?= .venv
BIN    := $(VENV)/$(if $(filter Windows_NT,$(OS)),Scripts,bin)
SCRIPT ?= creations/welcome.txt

.PHONY: demo test test-engines check bench bench-engines bench-sadtalker clean

demo: $(VENV)/.installed
	$(BIN)/podcast create $(SCRIPT) --avatar

test: $(VENV)/.tested
	$(BIN)/python -m pytest -q -n auto

# Engines in their own environments: SADTALKER_PYTHON, SADTALKER_SOURCE (and SADTALKER_WEIGHTS), see docs/sadtalker.md.
test-engines: $(VENV)/.tested
	$(BIN)/python -m pytest -q -rs tests/engines

check: $(VENV)/.checked
	$(BIN)/ruff check src tests external
	$(BIN)/mypy
	$(MAKE) test

bench: $(VENV)/.tested
	$(BIN)/python -m tests.bench

# Every engine that is installed here; DATA names another data folder.
DATA ?= data
bench-engines: $(VENV)/.tested
	$(BIN)/python -m tests.bench.engines --data $(DATA)

# Upstream's renderer against ours; run by the engine's Python, with upstream's weights or random ones that were taught.
SADTALKER_PYTHON ?= python3
bench-sadtalker:
	$(SADTALKER_PYTHON) tests/bench_sadtalker.py

$(VENV)/.installed: pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install -q --disable-pip-version-check -e .
	@touch $@

$(VENV)/.tested: $(VENV)/.installed
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[test]'
	@touch $@

$(VENV)/.checked: $(VENV)/.tested
	$(BIN)/python -m pip install -q --disable-pip-version-check -e '.[check]'
	@touch $@

clean:
	rm -rf $(VENV) build dist src/*.egg-info .pytest_cache .mypy_cache .ruff_cache
