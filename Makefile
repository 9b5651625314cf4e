# Everything that a newcomer or CI runs. Needs Python 3.11 or newer, make and git; `make help` lists the targets.

VENV ?= .venv
# The first interpreter that is new enough; say `make PYTHON=/path/to/python3.13` to choose.
CANDIDATES := python3 python3.13 python3.12 python3.11
PYTHON ?= $(shell for p in $(CANDIDATES); do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
PYTEST_ARGS ?=

.DEFAULT_GOAL := help
.PHONY: setup demo test test-cov bench lint format typecheck lock lock-check docs notebooks pictures clean help

setup: $(STAMP) ## make .venv with everything in it, from hashed wheels only

# The build backend is in the lock too, so `--no-build-isolation` builds without fetching anything that is not hashed.
$(STAMP): requirements.lock pyproject.toml
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "This needs Python 3.11 or newer; '$(or $(PYTHON),python3)' is not." >&2; \
		echo "Install one, then run: make $(or $(MAKECMDGOALS),setup) PYTHON=/path/to/python3.13" >&2; exit 1; }
	@"$(PYTHON)" -m venv --clear "$(VENV)" || { \
		echo "Python's venv module does not work; on Debian or Ubuntu: apt-get install python3-venv" >&2; exit 1; }
	@echo "Installing the locked packages into $(VENV) (a minute or two, once) ..."
	@PIP_DISABLE_PIP_VERSION_CHECK=1 "$(BIN)/python" -m pip install -qq --require-hashes -r requirements.lock
	@PIP_DISABLE_PIP_VERSION_CHECK=1 "$(BIN)/python" -m pip install -qq --no-deps --no-build-isolation --editable .
	@touch "$(STAMP)"

demo: $(STAMP) ## analyze a simulated collection under data/, search it, make a playlist
	"$(BIN)/workbench" demo data/demo

# side by side, neighbours in one process, which share what they need; who is done early takes from the other.
# One seed for all, since pytest-xdist wants the same order of tests in each process
test: $(STAMP) ## run the quick tests
	PYTHONHASHSEED=0 "$(BIN)/python" -m pytest -m "not slow" -n auto --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

test-cov: $(STAMP) ## run all tests and require 90 % of the branches
	PYTHONHASHSEED=0 "$(BIN)/python" -m pytest --cov --cov-report=term -n auto --maxprocesses 4 --dist worksteal $(PYTEST_ARGS)

bench: $(STAMP) ## time the workbench and its peers on FOLDER=..., or on simulated music
	"$(BIN)/python" scripts/benchmark.py $(if $(FOLDER),"$(FOLDER)") --wav --formats --one-shots 50 --memory $(BENCH_ARGS) \
		--json data/benchmark.json --plot data/benchmark.svg

lint: $(STAMP) ## check style and formatting
	"$(BIN)/ruff" check .
	"$(BIN)/ruff" format --check .

format: $(STAMP) ## rewrite the code in the project's style
	"$(BIN)/ruff" check --fix .
	"$(BIN)/ruff" format .

typecheck: $(STAMP) ## check types (mypy, strict)
	"$(BIN)/mypy"

LOCK = "$(BIN)/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header \
	--no-emit-index-url --no-emit-find-links --all-extras --group dev pyproject.toml --output-file

lock: $(STAMP) ## resolve requirements.lock again (UPGRADE=1 takes the newest releases)
	$(LOCK) requirements.lock $(if $(UPGRADE),--upgrade)

lock-check: $(STAMP) ## fail if requirements.lock is not what pyproject.toml asks for
	@cp requirements.lock "$(VENV)/check.lock"
	@$(LOCK) "$(VENV)/check.lock"
	@cmp requirements.lock "$(VENV)/check.lock" || { echo "requirements.lock is stale: run make lock" >&2; exit 1; }

docs: $(STAMP) ## write the generated pages of docs/ again
	for script in scripts/make_*_docs.py; do "$(BIN)/python" $$script || exit 1; done

notebooks: $(STAMP) ## run the notebooks again, and keep what they show
	"$(BIN)/python" scripts/run_notebooks.py

pictures: $(STAMP) ## make the pictures of the README from the real thing (needs Chromium)
	"$(BIN)/python" scripts/make_pictures.py
	"$(BIN)/python" scripts/make_page_pictures.py

clean: ## remove the environment, caches and what the demo made
	rm -rf "$(VENV)" data/demo .coverage .coverage.* htmlcov build dist
	rm -rf .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## show this
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))
