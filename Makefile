# make demo: see a class graded. make test: prove all of it. Both set up what they need first.
PYTHON ?= python3
RUN := .venv/bin/python
BROWSER := chromium
# One worker more than there are cores: many tests wait for a clock. A file stays with one worker, and so do its
# fixtures; tests/conftest.py says which are begun first and which are shared out.
TESTS := $(RUN) -m pytest -n $(shell expr $$(nproc) + 1) --dist loadscope

.PHONY: demo test all-tests quick lint setup ready browser build release figures bench compare margins accuracy clean

demo: ready
	@$(RUN) -m assignment demo

test: setup browser
	@$(MAKE) --no-print-directory -j2 lint all-tests  # mypy has one core to itself while the tests begin

all-tests:
	$(TESTS)

quick: ready
	$(TESTS) -m "not slow"

lint: ready
	.venv/bin/ruff check .
	.venv/bin/ruff format --check .
	.venv/bin/mypy
	.venv/bin/lint-imports
	$(RUN) -m tests.tools.house

bench: ready
	$(RUN) -m tests.tools.bench $(PART)

compare: ready
	$(RUN) -m tests.tools.compare $(BASE)

margins: ready
	$(RUN) -m tests.tools.margins

accuracy: ready
	$(RUN) -m tests.tools.accuracy

build release: ready
	$(RUN) -m assignment $@

figures: browser
	$(RUN) -m tests.tools.figures $(COURSE)

setup: ready
	@$(RUN) -m assignment doctor

ready: .venv/ready
	@scripts/need bubblewrap command -v bwrap

.venv/ready: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "make: Python 3.11 or newer is needed; name one with make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@scripts/need python3-venv $(PYTHON) -c 'import ensurepip, venv'
	$(PYTHON) -m venv --clear .venv
	@echo "installing the pinned packages into .venv (about a minute)"
	@.venv/bin/pip install -q --no-compile --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@$(RUN) -m compileall -qq -j 0 .venv/lib || true  # on all cores, as pip does it on one; not all of it is Python 3.11
	@touch $@

browser: ready
	@scripts/need $(BROWSER) command -v $(BROWSER)
	@scripts/need fonts-noto-cjk test -d /usr/share/fonts/opentype/noto

clean:
	rm -rf .venv *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
