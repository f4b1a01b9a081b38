# Needs make and Python >= 3.11, nothing else. Everything stays inside the checkout (.venv and git-ignored caches).
.DEFAULT_GOAL := help
SHELL := /bin/sh
PACKAGES := bot adapters commands store templates
RUN := .venv/bin/python
# A path or `-k word` for pytest, e.g. make test T=tests/store
T :=
# A whole suite runs in two processes a core: half of a test is waiting.
PYTEST := $(RUN) -m pytest -n auto --dist worksteal

PYTHONS := python3 python3.14 python3.13 python3.12 python3.11
VENV = @for p in $(PYTHONS) none; do \
	  "$$p" -c 'import sys; raise SystemExit(sys.version_info < (3, 11))' 2>/dev/null && break; \
	done; \
	if [ "$$p" = none ]; then \
	  echo "warroom needs Python 3.11 or newer; python3 here is: $$(python3 --version 2>/dev/null || echo missing)" >&2; exit 1; \
	fi; \
	"$$p" dev.py

.PHONY: help venv sandbox test crash replicas bench check-sabotage lock clean

help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' Makefile | while IFS='|' read -r name what; do \
	  printf '%-24s%s\n' "$$name" "$$what"; done

venv: ## make .venv with all that the tests need
	$(VENV) dev

sandbox: ## try warroom in a browser: no account, no service, no credentials
	$(VENV) runtime
	@.venv/bin/warroom sandbox

test: venv ## style, types and the whole default test suite, on SQLite and PostgreSQL
	$(RUN) -m ruff check
	$(RUN) -m ruff format --check
	$(RUN) -m mypy --strict $(PACKAGES)
	$(if $(T),$(RUN) -m pytest $(T),$(PYTEST))

crash: venv ## kill the running product at every boundary and prove that nothing is lost or doubled
	$(RUN) -m tests.crash

replicas: venv ## the slow tests: several processes on one PostgreSQL, one stopped, one killed; long walks; every scenario on Slack
	$(PYTEST) -m slow

bench: venv ## measure the product against a ceiling, three processes
	$(RUN) -m bench

check-sabotage: venv ## break one line behind each proof and check that the proof turns red
	$(RUN) -m tests.sabotage

lock: ## write the locks again after a change of dependencies (needs uv, e.g. pip install uv)
	@command -v uv >/dev/null || { echo "make lock needs uv on the PATH: pip install uv" >&2; exit 1; }
	$(LOCK) pyproject.toml --group build -o requirements.lock
	$(LOCK) pyproject.toml --group dev -c requirements.lock -o requirements-dev.lock

# Add UPGRADE=--upgrade to take the newest versions. Written so that no address and no path gets into the files.
UPGRADE :=
LOCK = uv pip compile --universal --python-version 3.11 --generate-hashes --no-config --quiet \
	--no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" $(UPGRADE)

clean: ## remove everything that the other targets made
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .warroom build dist
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
