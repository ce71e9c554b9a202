# Every target has a one-line description after "##": `make` lists them.
# Those that Forebay is tested with; the first that runs makes .venv.
PYTHONS ?= python3.11 python3.12 python3.13
PYTHON ?= $(or $(shell for each in $(PYTHONS); do $$each -c "" 2>/dev/null && echo $$each && break; done),python3)
VENV := .venv
BIN := $(VENV)/bin
# Touched when the environment matches pyproject.toml and requirements.lock.
STAMP := $(VENV)/.installed
# The table that is written last, after flights.csv beside it.
WEATHER := data/flights/weather.csv

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help install data demo test test-pythons test-gcp prism test-prism flink flink-stop test-flink spark spark-stop test-spark wheel fuzz faults oracle check format format-check lint types imports docs windows-worth bench bench-model bench-tables bench-defaults input-rate bench-inputs bench-bigquery bench-flink bounds bench-peers lock clean

help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

install: $(STAMP) ## Create .venv with the locked dependencies and this checkout in it

$(STAMP): pyproject.toml requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' || { \
	  echo "error: '$(PYTHON)' does not run, or is not Python 3.11, 3.12 or 3.13; install one, or name it with 'make PYTHON=/path/to/python3.13'" >&2; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --no-deps --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-build-isolation --no-deps --editable .
	$(BIN)/python -m pip check
	@touch $@

data: $(WEATHER) ## Write the demo's flights and weather into data/flights

$(WEATHER): examples/flights/prepare.py | $(STAMP)
	$(BIN)/python examples/flights/prepare.py data/flights

demo: $(STAMP) $(WEATHER) ## Run the flights example from raw rows to a served model, in runs/demo, made anew each time
	PATH="$(CURDIR)/$(BIN):$$PATH" bash examples/flights/demo.sh

# A file's tests stay together, for they share fixtures; each process takes up to 3 GiB.
test: $(STAMP) ## Run the tests (offline) on all cores, up to four; pytest's own options go in ARGS="..."
	$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile $(ARGS)

test-pythons: ## Run the tests on each Python of PYTHONS="python3.11 python3.12 python3.13" that runs here
	@for each in $(PYTHONS); do \
	  if $$each -c "" 2>/dev/null; then \
	    $(MAKE) test PYTHON=$$each VENV=.venv-$$($$each -c 'import sys; print("%d.%d" % sys.version_info[:2])') || exit 1; \
	  else echo "$$each does not run here: skipped"; fi; \
	done

# What setuptools built before stays in build/lib, modules that have moved since included.
wheel: $(STAMP) ## Build the wheel, in dist/
	rm -rf build/lib build/bdist.*
	$(BIN)/python -m build --wheel --no-isolation --outdir dist .

fuzz: $(STAMP) ## Search the property tests with examples drawn anew, for MINUTES=10; prints each round's seed
	$(BIN)/python tests/fuzz.py $(or $(MINUTES),10) $(ARGS)

faults: $(STAMP) ## Kill, fill disks, fail calls, tamper, fuzz, drawn by a seed (SEED=...) that it prints, for MINUTES=10
	FAULTS_MINUTES=$(or $(MINUTES),10) FAULTS_SEED=$(SEED) $(BIN)/python -m pytest -m faults tests/faults $(ARGS)

# The stand-ins for BigQuery, Cloud Storage, S3, Dataflow and Vertex AI, in an environment of their own.
GCP_STAMP := .venv-gcp/.installed

$(GCP_STAMP): tests/gcp/requirements.txt
	@test -x .venv-gcp/bin/python || $(PYTHON) -m venv .venv-gcp
	.venv-gcp/bin/python -m pip install --quiet --requirement tests/gcp/requirements.txt
	@touch $@

test-gcp: $(STAMP) $(GCP_STAMP) $(WEATHER) ## Run the tests with stand-ins for BigQuery, Cloud Storage, S3, Dataflow and Vertex AI
	$(BIN)/python -m pytest -m gcp tests/gcp $(ARGS)

# Programs for the tests of engines, at pinned versions: .engines, which is no part of the checkout.
PRISM := .engines/bin/prism

$(PRISM): tests/engines/go/go.mod tests/engines/go/go.sum
	@mkdir -p $(@D)
	cd tests/engines/go && go build -o $(CURDIR)/$(PRISM) github.com/apache/beam/sdks/v2/go/cmd/prism

prism: $(PRISM) ## Build Beam's runner Prism, .engines/bin/prism (needs Go)

test-prism: $(STAMP) $(WEATHER) ## Run the flights on Beam's runner Prism (needs Go) and compare with the local run
	@if command -v go >/dev/null || test -x $(PRISM); then \
	  $(MAKE) $(PRISM) && $(BIN)/python -m pytest -m prism tests/engines $(ARGS); \
	else echo "test-prism: skipped: there is no Go to build Beam's prism with"; fi

# Runs the tests of one cluster, from its start to its end, whatever they find.
define test-cluster
@for each in java mvn; do \
  command -v $$each >/dev/null || { echo "test-$(1): skipped: there is no $$each"; exit 0; }; \
done; $(MAKE) $(1) && { $(BIN)/python -m pytest -m $(1) tests/engines $(ARGS); status=$$?; \
$(MAKE) $(1)-stop; exit $$status; }
endef

flink: $(STAMP) ## Fetch a Flink cluster into .engines and start it: a job manager, two task managers, workers
	$(BIN)/python tests/engines/flink_cluster.py start

flink-stop: $(STAMP) ## End the cluster that `make flink` started
	$(BIN)/python tests/engines/flink_cluster.py stop

test-flink: $(STAMP) $(WEATHER) ## Run the flights on a Flink cluster of this machine (needs Java and Maven), kill parts of it, compare
	$(call test-cluster,flink)

spark: $(STAMP) ## Fetch a Spark cluster into .engines and start it: a master, two workers, Python workers
	$(BIN)/python tests/engines/spark_cluster.py start

spark-stop: $(STAMP) ## End the cluster that `make spark` started
	$(BIN)/python tests/engines/spark_cluster.py stop

test-spark: $(STAMP) $(WEATHER) ## Run the flights on a Spark cluster of this machine (needs Java and Maven), kill an executor, compare
	$(call test-cluster,spark)

oracle: $(STAMP) $(WEATHER) ## Hold the windows of all flights against the same windows in SQL (about 10 minutes)
	$(BIN)/python -m pytest -m full_table -rP $(ARGS)

check: format-check lint types imports docs test ## Everything CI checks: format, lint, types, import contracts, documentation, tests

format: $(STAMP) ## Reformat the code and sort its imports
	$(BIN)/ruff check --quiet --select I --fix .
	$(BIN)/ruff format .

format-check: $(STAMP) ## Fail where `make format` would change something
	$(BIN)/ruff format --check .

lint: $(STAMP) ## Lint with ruff
	$(BIN)/ruff check .

types: $(STAMP) ## Check types with mypy (strict)
	$(BIN)/mypy

imports: $(STAMP) ## Check which package may import which
	$(BIN)/lint-imports

# All of it anew: what parsers and docstrings say may have changed where no page has.
docs: $(STAMP) ## Build the documentation into build/docs; a broken link is an error
	$(BIN)/sphinx-build -q -E -a -W --keep-going -b html -d build/doctrees docs build/docs
	@echo "build/docs/index.html"

windows-worth: $(STAMP) $(WEATHER) ## Measure what windows are worth: the same model with and without them
	$(BIN)/python benchmarks/window_value.py $(ARGS)

bench: $(STAMP) ## Measure Forebay beside its peers and compare what they write; options go in ARGS="..."
	$(BIN)/python benchmarks/run.py $(ARGS)

bench-model: $(STAMP) $(WEATHER) ## Measure our model beside LightGBM on the same rows and columns; options go in ARGS="..."
	$(BIN)/python benchmarks/model_quality.py $(ARGS)

bench-tables: $(STAMP) ## Measure our model beside boosted trees on three other tables; options go in ARGS="..."
	$(BIN)/python benchmarks/other_tables.py $(ARGS)

bench-defaults: $(STAMP) $(WEATHER) ## Compare settings of the trainer on blocks of time within train; options go in ARGS="..."
	$(BIN)/python benchmarks/default_options.py $(ARGS)

input-rate: $(STAMP) $(WEATHER) ## Measure how fast rows come to the trainer, beside parsing CSV, and how long it waits
	$(BIN)/python benchmarks/input_rate.py $(ARGS)

bench-inputs: $(STAMP) ## Measure reading of a table of 1 M rows from every kind of input; options go in ARGS="..."
	$(BIN)/python benchmarks/inputs.py $(ARGS)

bench-bigquery: $(STAMP) $(GCP_STAMP) ## Measure reading a table of BigQuery beside Beam's ReadFromBigQuery, with a stand-in
	$(BIN)/python benchmarks/bigquery_read.py $(ARGS)

bench-flink: $(STAMP) $(WEATHER) ## Measure a run on a Flink cluster of this machine beside the local one; options go in ARGS="..."
	@$(MAKE) flink && { $(BIN)/python benchmarks/on_flink.py $(ARGS); status=$$?; \
	$(MAKE) flink-stop; exit $$status; }

bounds: $(STAMP) ## Measure each stage of preprocessing alone on one core: what bounds the whole
	$(BIN)/python benchmarks/bounds.py $(ARGS)

bench-peers: $(STAMP) ## Install the peer that `make bench` skips otherwise: PySpark, into .spark (needs Java 17)
	$(BIN)/python -m pip install --quiet --no-deps --upgrade --target .spark --requirement benchmarks/requirements-spark.txt

# For every Python and platform at once: Beam wants another google-apitools from Python 3.13 on.
# What workers have, of the same versions, is in deploy/requirements.lock.
LOCK = $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes \
	  --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock"

lock: ## Pin every dependency in requirements.lock; newest versions with ARGS=--upgrade
	@test -x $(BIN)/uv || { echo "error: $(BIN)/uv is missing; run 'make install' first" >&2; exit 1; }
	$(LOCK) --all-extras --output-file requirements.lock $(ARGS) pyproject.toml
	$(LOCK) --extra gcp --constraint requirements.lock --output-file deploy/requirements.lock pyproject.toml

clean: ## Remove .venv, caches and build artefacts; data/ and runs/ stay
	rm -rf .venv .venv-* .spark .engines build dist *.egg-info .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
