# Two commands do everything on a fresh machine: `make run` and `make test`. `make setup` alone installs.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
SWEEPS ?= sweeps
WORKERS ?= 2
# Temporary files of `make test` are in memory where there is plenty: records and MLflow's databases are flushed very often.
IN_MEMORY := $(shell test "$$(df -k --output=avail /dev/shm 2>/dev/null | tail -1)" -gt 8000000 2>/dev/null \
	&& echo PYTEST_DEBUG_TEMPROOT=/dev/shm)
PARALLEL := -n $(WORKERS) --dist loadfile --no-loadscope-reorder

.PHONY: setup run test slow exhaustive cluster image check format docs picture screenshots browser bench clean

setup: $(READY)

$(READY): pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt torch
	$(BIN)/pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable '.[dev,benchmarks,lora,offline]'
	touch $(READY)

# The main job on what ships with sweeper: no GPU, no hub, no account. OPTIONS='--set confirm.seeds=5' adds options.
run: setup
	HF_HUB_OFFLINE=1 $(BIN)/sweeper run search_spaces/quickstart.yaml --sweeps $(SWEEPS) $(OPTIONS)

# Two processes share the tests; tests/conftest.py says how. `make test WORKERS=0` runs them in one.
test: setup
	$(IN_MEMORY) $(BIN)/python -m pytest -m "not slow and not exhaustive" $(PARALLEL)

# The suites that take minutes: real trainings on real data.
slow: setup
	$(BIN)/python -m pytest -m "slow and not cluster and not image" $(PARALLEL)

# Thousands of altered files, others each time, and of simulated sweeps with faults. Run it by hand.
exhaustive: setup
	$(BIN)/python -m pytest -m exhaustive -n $(WORKERS)

# Ray clusters of several hosts on this machine: network namespaces as root, otherwise processes on loopback.
# One process: the cluster's time limits need both cores.
cluster: setup
	$(BIN)/python -m pytest -m cluster -s

# The steps of cluster/Dockerfile, without Docker: an environment made as the image's.
image: setup
	$(BIN)/python -m pytest -m image

# Chromium, for the tests that look at a page: from Debian's packages, as root, unless there is one already.
browser:
	command -v chromium >/dev/null || \
		{ apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; }

check: setup
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

format: setup
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

# The documentation as a site in build/site, its reference made from the code.
docs: setup
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

# The README's picture, from the record of `make run`.
picture: setup
	$(BIN)/python -m docs.picture $(lastword $(sort $(wildcard $(SWEEPS)/feelings-*)))

# Every report in $(SWEEPS) at four widths, light and dark, in build/screenshots.
screenshots: setup browser
	$(BIN)/python -m tests.support.screenshots build/screenshots $(wildcard $(SWEEPS)/*/report.html)

# Sweeper beside what a user would run instead, as one table; an hour on two idle cores. BENCH=--quick: ten minutes.
bench: setup
	$(BIN)/python -m benchmarks.speed $(BENCH)

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
