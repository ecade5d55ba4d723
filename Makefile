# `make demo` and `make test` do all the set-up themselves.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python

.PHONY: help setup node demo wheels test collect every services attack audit drills bench mutants lint types lock screenshots clean

help: ## list the targets
	@grep -E '^[a-z]+:.*##' $(MAKEFILE_LIST) | sort | sed -E 's/^([a-z]+):.*## */\1|/' | awk -F'|' '{printf "%-12s %s\n", $$1, $$2}'

$(VENV)/.ready: requirements.txt requirements-test.txt
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; say make PYTHON=python3.11")'
	$(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --no-compile -r requirements-test.txt
	$(RUN) -m compileall -qq -j 0 $(VENV)/lib || true  # on every core; some packages ship templates that do not compile
	touch $@

setup: $(VENV)/.ready ## create .venv and check for git and bubblewrap
	@command -v git >/dev/null || { echo "git is needed: install it and try again"; exit 1; }
	@command -v bwrap >/dev/null || [ "$$(uname)" = Darwin ] || sh tools/install-bubblewrap.sh

# Real command-line programs that tests drive (Cline, Vercel, Lighthouse); large, so never part of `make demo`.
node: ## install the command-line programs that tests drive
	npm install --prefix tests/node --no-package-lock --no-audit --no-fund --loglevel=error

demo: setup ## start the demo shop and the console at http://localhost:8501
	$(RUN) -m core demo

# The packages of the two services whose stories `make test` tells without a network, once they are here.
wheels: tests/services/wheels/.ready ## fetch the packages of two foreign services

tests/services/wheels/.ready: $(VENV)/.ready tests/services/prefetch.py tests/services/catalogue.py
	$(RUN) -m tests.services.prefetch

# Six services that know nothing of the platform, each from its own crash to a watched release. Needs the package index.
services: setup ## tell the stories of six foreign services, and print how each ended; long
	$(RUN) -m tests.services

test: lint wheels every ## lint, types, then every test

# Each of several processes would otherwise rewrite the assertions of every test file for itself.
collect: setup ## load every test, so that all processes find it compiled
	$(RUN) -m pytest --collect-only -qq > $(VENV)/collected || { cat $(VENV)/collected; exit 1; }

# Beside the other tests, a browser would wait for the processor longer than its tests allow.
every: setup
	$(RUN) -m pytest -n 4 --dist worksteal --ignore tests/browser -m "not long"
	$(RUN) -m pytest -n 2 --dist loadfile -m "not long" tests/browser

audit: setup ## look up the published vulnerabilities of our own packages; needs the network
	$(RUN) -m pip_audit --requirement requirements.lock --disable-pip

# Everything that attacks the product, and nothing else.
attack: setup ## run the attacks alone
	$(RUN) -m pytest -n 4 --dist worksteal tests/attacks tests/repair/test_attacks_*.py tests/stories/test_attacks.py

long: wheels node ## tell the stories that are too long for make test
	$(RUN) -m pytest -n 2 -m long

# Long: bad days at random on both databases, and every fault of the demo at once, three times.
drills: long ## long stories, random bad days on both databases, and all demo faults at once; hours
	$(RUN) -m tests.drills.chaos --postgres --workers 3
	$(RUN) -m tests.drills.chaos
	for seed in 1 2; do $(RUN) -m core demo --dir data/drill run --overlap --seed $$seed --approve --json || exit 1; done
	$(RUN) -m core demo --dir data/drill run --overlap --seed 3 --limit 5 --approve --json

bench: setup ## run the benchmarks
	for bench in tests/bench/*/bench_*.py; do $(RUN) -m $$(echo $${bench%.py} | tr / .); done

# Changes each guard in every small way and asks whether a test fails (tests/mutants); about ten minutes on two cores.
mutants: setup ## change each guard in small ways and expect a test to fail; ten minutes
	$(RUN) -m tests.mutants

lint: setup ## check style, format and types
	$(RUN) -m ruff check .
	$(RUN) -m ruff format --check core console pages tests
	$(RUN) -m pyright

# Pins what production installs, with hashes: pip install --require-hashes -r requirements.lock
lock: setup ## pin every package of requirements.txt with its hashes
	$(RUN) -m uv pip compile requirements.txt --output-file requirements.lock --quiet --upgrade --no-config --universal \
		--python-version 3.11 --generate-hashes --no-emit-index-url --no-emit-find-links \
		--custom-compile-command "make lock"

screenshots: setup ## photograph every page
	$(RUN) -m tests.browser.screenshots docs/screenshots

clean: ## delete .venv and data
	rm -rf $(VENV) data
