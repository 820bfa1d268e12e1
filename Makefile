# `make app` and `make test` each work on a fresh machine in one step. They need Python 3.11+, make and a shell.

PYTHON ?= python3
PORT ?= 8501
WORKERS ?= 2
N ?= 20000
MINUTES ?= 10
VENV := .venv
BIN := $(VENV)/bin
# Compiled when first imported: most of what is installed never is.
PIP := $(BIN)/python -m pip --disable-pip-version-check install --quiet --no-compile

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev chromium postgresql app class lab notebooks test unit fuzz atheris soak lint format clean

help:
	@echo "make app       set up and open the app on http://127.0.0.1:$(PORT)"
	@echo "make class     the app for a class on this network: HOST=... by which students reach this computer"
	@echo "make lab       set up and open the notebooks in JupyterLab"
	@echo "make test      set up and run everything: lint, types, tests, browser"
	@echo "make unit      the quick tests only"
	@echo "make fuzz      $(N) damaged inputs to everything that reads (N=...)"
	@echo "make soak      kills and load for MINUTES=$(MINUTES), and docs/reliability.md from their figures"
	@echo "make lint      ruff and mypy;  make format: ruff's fixes and formatting"
	@echo "make notebooks write the lessons' notebooks anew, after a change of a lesson"
	@echo "make setup     only set up .venv;  make setup-dev: with what the tests need"
	@echo "make clean     remove .venv and every cache"

app: setup
	$(BIN)/python -m explorer app --port $(PORT)

class: setup
	@test -n "$(HOST)" || { echo "Say by which name or address students reach this computer: make class HOST=192.0.2.7" >&2; exit 1; }
	$(BIN)/python -m explorer app --class --address 0.0.0.0 --host $(HOST) --port $(PORT)

lab: setup
	$(BIN)/python -m jupyterlab notebooks

notebooks: setup
	$(BIN)/python -m explorer.course notebooks

setup: $(VENV)/.setup
setup-dev: $(VENV)/.setup-dev chromium postgresql

# Made once; a change of the pins or of pyproject.toml makes it again.
$(VENV)/.setup: requirements.txt pyproject.toml | $(VENV)/.python
	@echo "Installing requirements.txt (a minute or two the first time) ..."
	@$(PIP) -r requirements.txt -e .
	@touch $@

$(VENV)/.setup-dev: requirements-dev.txt $(VENV)/.setup
	@$(PIP) -r requirements-dev.txt
	@touch $@

$(VENV)/.python:
	@command -v $(PYTHON) >/dev/null || { \
		echo "No '$(PYTHON)' found. Install Python 3.11 or newer, or name one: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or newer is needed and $(PYTHON) is $$($(PYTHON) -V 2>&1). Name another: make $(or $(MAKECMDGOALS),setup) PYTHON=python3.12" >&2; exit 1; }
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV) || { \
		echo "$(PYTHON) cannot make a virtual environment. On Debian and Ubuntu: apt install python3-venv" >&2; exit 1; }
	@touch $@

# The browser tests use the system's Chromium. It is installed where that needs no question; elsewhere they are
# skipped, except in CI, where they fail.
chromium:
	@if command -v chromium || command -v chromium-browser || command -v google-chrome; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Debian's chromium for the browser tests ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends chromium fonts-dejavu-core >/dev/null; \
	else \
		echo "No Chromium found: the browser tests will be skipped. Install the package 'chromium' to run them."; \
	fi

# The store's tests run on PostgreSQL too, on a server of their own. It is installed where that needs no question;
# elsewhere those tests are skipped.
postgresql:
	@if ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1; then :; \
	elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
		echo "Installing Debian's postgresql for the tests of the store ..."; \
		apt-get update -qq && DEBIAN_FRONTEND=noninteractive \
			apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	else \
		echo "No PostgreSQL found: tests on it will be skipped. Install the package 'postgresql' to run them."; \
	fi

# Everything is run, then what failed is said: a slip of style must not hide a broken test. Tests in a browser are one
# process's, one after the other, beside all else, for they wait as much as they compute; what they say comes at the end.
test: setup-dev
	@failed=""; said="$$(mktemp)"; trap 'rm -f "$$said"' EXIT; \
	step() { name=$$1; shift; echo "== $$name"; "$$@" || failed="$$failed [$$name]"; }; \
	$(BIN)/python -m pytest -m browser --durations=10 >"$$said" 2>&1 & browser=$$!; \
	step "ruff check" $(BIN)/ruff check --output-format concise .; \
	step "ruff format" $(BIN)/ruff format --check --output-format concise .; \
	step "mypy" $(BIN)/mypy; \
	step "pytest, without a browser" $(BIN)/python -m pytest -m "not browser and not soak" -n $(WORKERS) --durations=15; \
	step "pytest, in a browser" wait $$browser; cat "$$said"; \
	if [ -n "$$failed" ]; then echo "make test failed:$$failed" >&2; exit 1; fi; \
	echo "make test passed"

unit: setup-dev
	$(BIN)/python -m pytest -m "not slow and not browser"

# Changed inputs, and inputs guided by coverage where atheris has a wheel.
fuzz: setup-dev atheris
	OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz $(N)
	! $(BIN)/python -c "import atheris" 2>/dev/null || OMP_NUM_THREADS=1 $(BIN)/python -m tests.fuzz.guided

atheris: setup-dev
	@$(BIN)/pip install --quiet --only-binary :all: atheris || echo "No wheel of atheris here: inputs are not guided by coverage."

# Kills at random moments for as long as asked, the load, and docs/reliability.md with their figures.
soak: setup-dev atheris
	$(BIN)/python -m pytest -m soak
	$(BIN)/python -m tests.reliability.soak --minutes $(MINUTES)

lint: setup-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

format: setup-dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis screenshots/failures
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
