# The words of this file are the words of CI. Each target sets itself up from nothing but python3 (3.11 or later), its
# venv module and headers, and a C compiler.
PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/python
SOURCES := $(wildcard src/dqcore/_native/*.pyx src/dqcore/_native/*.pxd src/dqcore/_native/*.h) setup.py pyproject.toml

.PHONY: demo test lint bench large fuzz sanitize kill wheel clean

demo: $(VENV)/.demo
	$(VENV)/bin/dqcore demo dqcore-demo

test: $(VENV)/.test
	$(RUN) -m pytest -q -n auto -p no:benchmark

lint: $(VENV)/.test
	$(RUN) -m ruff check src tests benchmarks setup.py
	$(RUN) -m ruff format --check src tests benchmarks setup.py
	$(RUN) -m mypy

bench: $(VENV)/.bench
	$(RUN) -m pytest benchmarks -q --rows 200000 --benchmark-only --benchmark-max-time=0.3
	$(RUN) -m benchmarks.compare --all --write docs/benchmarks.md

# A hundred million rows: files of 4 GB are made where LARGE says, unless they are there, and judged in bounded memory.
large: $(VENV)/.bench
	$(RUN) -m benchmarks.large $(if $(LARGE),--folder $(LARGE)) --write docs/large.md

# The kernels under AddressSanitizer and UndefinedBehaviorSanitizer, built beside the release build.
sanitize: $(VENV)/.test
	PYTHON=$(RUN) bash tests/sanitize.sh

# A monitor is killed 200 times at random instants, and its store looked at each time.
kill: $(VENV)/.test
	$(RUN) tests/monitor/killed.py 200

# Messages damaged at random, many more than `make test` tries, from a seed that is another each day.
fuzz: $(VENV)/.test
	DQCORE_FUZZ=1000000 DQCORE_FUZZ_SEED=$$(date +%Y%m%d) $(RUN) -m pytest tests/sources -k 'fuzz or chance' -q

# A wheel built from the sdist, installed in a new environment, passes the tests.
wheel: $(VENV)/.test
	PYTHON=$(RUN) bash tests/wheel.sh

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.demo: $(VENV)/bin/python $(SOURCES)
	$(RUN) -m pip install -q --disable-pip-version-check .
	touch $@

$(VENV)/.test: $(VENV)/bin/python $(SOURCES)
	$(RUN) -m pip install -q --disable-pip-version-check -e '.[test]'
	touch $@ $(VENV)/.demo

$(VENV)/.bench: $(VENV)/.test
	$(RUN) -m pip install -q --disable-pip-version-check -e '.[bench]'
	touch $@

clean:
	rm -rf $(VENV) build dist dqcore-demo src/*.egg-info src/dqcore/_native/*.c src/dqcore/_native/*.so
