# What a user types: `make demo` shows leadline at work, `make test` runs every check.
PYTHON ?= python3
BIN := .venv/bin
LOCK := requirements/dev.lock
CORE := requirements/core.lock
BENCH := requirements/bench.lock

.PHONY: demo test test-quick test-long venv static core lint types imports unit bench lock clean docs schema

demo: venv
	$(BIN)/leadline demo demo

venv: .venv/.ready

.venv/.ready: $(LOCK) pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit("Python %d.%d found; leadline needs 3.11 or newer" % sys.version_info[:2] if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(LOCK)
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# What needs one core goes side by side; then the tests, on two.
test: venv
	$(MAKE) --jobs 2 static core
	$(MAKE) unit

# The inner loop, in about a minute: neither types nor whole jobs, servers, laws and what else is costly.
test-quick: venv lint imports
	$(BIN)/python -m pytest -q -m "not long and not costly" --numprocesses 2 --dist loadfile --durations=5

static: lint types imports

lint:
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types:
	$(BIN)/mypy

imports:
	$(BIN)/lint-imports

# The package must import and answer with the core alone: no Spark, PostgreSQL driver, notebooks or test tools.
core: .venv-core/.ready
	.venv-core/bin/python tests/core_alone.py

.venv-core/.ready: $(CORE) pyproject.toml
	$(PYTHON) -m venv .venv-core
	.venv-core/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(CORE)
	.venv-core/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

unit:
	$(BIN)/python -m pytest -m "not long" --numprocesses 2 --dist loadfile --durations=15

test-long: venv
	$(BIN)/python -m pytest -m long
	LEADLINE_LONG=1 $(BIN)/python -m pytest tests/laws tests/tables/test_event_cache.py

# Ratios against peers, which are installed for this alone; benchmarks/README.md tells of larger runs.
bench: .venv-bench/.ready
	.venv-bench/bin/python -m benchmarks

.venv-bench/.ready: $(BENCH) pyproject.toml
	$(PYTHON) -m venv .venv-bench
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --require-hashes --requirement $(BENCH)
	.venv-bench/bin/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $@

# The site: docs/_build/html/index.html. Nothing is fetched, and a warning is an error.
docs: venv
	$(BIN)/python -m sphinx -q -E -W --keep-going -n -b html docs docs/_build/html

# The config's JSON schema, made of the config's classes and of docs/config.md.
schema: venv
	$(BIN)/python docs/_ext/config_schema.py

# Pins every version with its hashes; needs `uv`. No index address is written.
lock:
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q requirements/core.in -o $(CORE)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q --constraint $(CORE) requirements/scorer.in -o requirements/scorer.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q requirements/dev.in -o $(LOCK)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-annotate --no-header -q requirements/bench.in -o $(BENCH)

clean:
	rm -rf .venv .venv-core .venv-bench demo docs/_build .pytest_cache .mypy_cache .ruff_cache .hypothesis
