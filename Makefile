# Everything real is in scripts; this only names what to run. `make test` and `make demo` install
# what is missing on Debian and Ubuntu; the rest needs a Python >= 3.11 alone (PYTHON=… chooses).
.DEFAULT_GOAL := help
.PHONY: help packages demo-packages root venv lint format generate test coverage test-quick test-integration fuzz bench demo dist lock clean distclean

BIN := .venv/bin
FUZZ_S ?= 60
WORKERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
# Network namespaces need root. The environment is kept: PATH, PYTHON…, CI.
AS_ROOT := $(shell [ "$$(id -u)" = 0 ] || { command -v sudo >/dev/null && echo sudo --preserve-env; })

help:  ## this list
	@sed -n 's/^\([a-z-]*\):.*## /\1 - /p' Makefile | awk -F ' - ' '{ printf "  make %-17s %s\n", $$1, $$2 }'

demo: demo-packages venv  ## a real NFS server, gateway and client on this machine; ONCE=1 ends after the check
	@$(if $(filter Darwin,$(shell uname)),,$(AS_ROOT)) $(BIN)/python -m tests.bed.demo

test: packages venv  ## everything: install what is missing, lint, all tests
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory test-quick
	@$(MAKE) --no-print-directory test-patient
	@$(MAKE) --no-print-directory fuzz
	@$(MAKE) --no-print-directory test-integration

coverage: packages root venv  ## what all tests together reach, daemons on the bed included; but for the long run
	@$(BIN)/coverage erase
	@$(BIN)/coverage run -m pytest -q
	@$(AS_ROOT) $(BIN)/coverage run -m pytest -q -p no:cacheprovider --timeout 240 tests/integration --ignore tests/integration/test_endurance.py
	@$(AS_ROOT) $(BIN)/coverage combine -q
	@$(BIN)/coverage report

test-quick: venv  ## unit tests and tests on loopback, under a minute; no root, nothing installed
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m 'not patient'

test-patient: venv  ## those of the same that wait for clocks and processes by their nature, a minute
	@$(BIN)/python -m pytest -q -n auto --dist worksteal -m patient

# They wait more than they compute: one worker more than there are processors.
test-integration: packages root venv  ## tests on real components, WORKERS=… of them side by side
	@$(AS_ROOT) $(BIN)/python -m pytest -q -p no:cacheprovider --timeout 240 --durations 10 \
	  -n $(WORKERS) --dist loadgroup --no-loadscope-reorder tests/integration

# atheris has builds for CPython 3.11 to 3.14 on Linux x86-64; made from source it wants clang's
# libFuzzer, which is not tried here. Without it there is nothing to run: CI fails, people are told.
fuzz: venv  ## fuzz what reads RPC and exports files, guided by coverage; FUZZ_S=60 seconds each; a finding stays in build/fuzz
	@mkdir -p build/fuzz
	@if $(BIN)/python -c 'import atheris' 2>/dev/null || \
	    $(BIN)/python -m pip install -q --disable-pip-version-check --use-pep517 --only-binary atheris -e '.[fuzz]'; then \
	  for target in fuzz_rpc fuzz_exports; do \
	    $(BIN)/python -m tests.fuzz.$$target $(FUZZ_S) -verbosity=0 -print_final_stats=1 -artifact_prefix=build/fuzz/ & \
	    running="$$running $$!"; \
	  done; \
	  for each in $$running; do wait $$each || failed=1; done; [ -z "$$failed" ]; \
	else \
	  echo 'not fuzzed: atheris has no build for this Python on this system; PYTHON=… chooses another (make distclean first)' >&2; \
	  [ -z "$$CI" ]; \
	fi

bench: packages venv  ## measure against ssh and autossh, on a machine that does nothing else; WHAT=… for a part
	@$(AS_ROOT) $(BIN)/python -m tests.bench.run $(WHAT)

lint: venv  ## ruff, mypy, import directions
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports --no-logo 2>/dev/null || $(BIN)/lint-imports

format: venv  ## let ruff format and fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

# The tables in docs/ and the manual pages; tests tell when they are stale.
generate: venv  ## make anew what is made from the program's own tables: docs/*.md, packaging/man
	@for made in docs/*_table*.py docs/failures_page.py docs/manual_pages.py; do $(BIN)/python $$made || exit; done

dist: packages venv  ## every artefact of a release into dist/: wheel, sdist, .deb, Homebrew formula
	@packaging/build-dist.sh

lock: venv  ## the versions that packages are made with, anew: packaging/requirements.lock
	@packaging/lock.sh

packages:  ## Debian packages that the real components need
	@[ "$$(uname)" != Linux ] || packaging/install-test-packages.sh

demo-packages:
	@[ "$$(uname)" != Linux ] || packaging/install-test-packages.sh demo

root: packages  ## a newer Debian to boot, for the tests of the service
	-@packaging/pack-debian-root.sh trixie  # where it cannot be had, the tests that boot it fail and say so

venv: .venv/.installed  ## .venv with hostnfsd and the tools

.venv/.installed: pyproject.toml
	@python=$$(packaging/find-python.sh) || { \
	  echo 'no Python >= 3.11 with venv found (PYTHON=… names one; packaging/install-test-packages.sh installs one)' >&2; exit 1; }; \
	$(BIN)/python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "making .venv with $$python"; rm -rf .venv; "$$python" -m venv .venv; }
	@$(BIN)/python -m pip install -q --disable-pip-version-check --use-pep517 -e '.[dev]'
	@touch $@

clean:  ## caches and build results
	@rm -rf build dist .coverage .coverage.* .hypothesis .mypy_cache .pytest_cache .ruff_cache .import_linter_cache
	@find hostnfsd tests -name __pycache__ -prune -exec rm -rf {} +

distclean: clean  ## also .venv and what was unpacked
	@rm -rf .venv .cache *.egg-info
