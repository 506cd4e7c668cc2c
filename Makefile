# Everything runs from a checkout with Python 3.11 to 3.13 and make. `make demo` and `make test` are all you need.
PYTHON ?= python3
DURATION ?= 0
DATA ?= ../shared/data
BENCH_ARGS ?= --json
WORK ?= ../atalaya-work
# Tests that keep to themselves run beside one another, one more at a time than there are cores, for many wait; the others,
# above all those of tests/live, which hold what happens against the clock, have the machine alone, one by one.
BESIDE := tests/unit tests/property tests/ports tests/integration
WORKERS ?= $(shell n=$$(nproc 2>/dev/null || getconf _NPROCESSORS_ONLN); echo $$((n < 8 ? n + 1 : 8)))
SECTION ?= cpu
REAL := $(wildcard $(DATA)/labels.csv)
MOSQUITTO := $(shell PATH=$$PATH:/usr/sbin command -v mosquitto)
VENV := .venv
TRAIN := .venv-train
BIN := $(VENV)/bin
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where it is set, each process of a test compiles every file of ours anew, and each run of pytest rewrites every test.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: setup setup-train demo test test-train check bench train-reader train-detector proof lock schema clean help

setup: $(VENV)/.installed ## the light set: edge, centre, demo and tests, without torch

# --no-deps: the lock is complete.
$(VENV)/.installed: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; (3, 11) <= v <= (3, 13) or sys.exit("Atalaya needs Python 3.11 to 3.13; $(PYTHON) is %d.%d. Name another: make PYTHON=python3.12 ..." % v)'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --no-deps --progress-bar on -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

setup-train: $(TRAIN)/.installed ## the training set: torch, ultralytics, easyocr (2.3 GB and more)

# Last, the OpenCV build without a window system is put over the one that ultralytics asks for (same version).
$(TRAIN)/.installed: requirements-train.lock pyproject.toml
	$(PYTHON) -m venv $(TRAIN)
	$(TRAIN)/bin/pip install --quiet --progress-bar on torch==2.13.0
	$(TRAIN)/bin/pip install --quiet --progress-bar on -r requirements-train.lock
	$(TRAIN)/bin/pip install --quiet --no-deps --force-reinstall $$(grep '^opencv-python-headless==' requirements-train.lock)
	$(TRAIN)/bin/pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup ## four live cameras, one edge box, one centre, a hotlist; DURATION=60 ends it, 0 (default) is until Ctrl-C
	$(BIN)/python configs/demo/demo.py --duration $(DURATION)

test: setup ## everything that needs only wheels; tests backed by Debian packages skip where these are absent
	$(BIN)/pytest -n $(WORKERS) --dist worksteal $(BESIDE) $(PYTEST_ARGS)
	$(BIN)/pytest $(addprefix --ignore=,$(BESIDE)) $(PYTEST_ARGS)

# NNCF gives its first compiling of its kernels a minute, whatever else runs; a test's own time-out is enough.
test-train: setup-train ## training, export and parity of the two engines
	NNCF_EXTENSION_LOAD_TIMEOUT=0 OMP_NUM_THREADS=1 $(TRAIN)/bin/pytest -n auto --dist loadfile -m train $(PYTEST_ARGS)

check: setup ## lint, format, types, architecture, dependencies
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry .

bench: setup ## recognition where the labelled pictures are, a box under load over 1,000 passages, the centre under load; BENCH_ARGS= for tables
	$(if $(REAL),$(BIN)/python -m edge bench recognise --data $(DATA) $(BENCH_ARGS),@echo "no labelled pictures in $(DATA): recognition is not measured" >&2)
	$(BIN)/python -m edge bench streams --data $(DATA) --work $(WORK)/streams $(BENCH_ARGS)
	$(BIN)/python -m edge bench streams --data $(DATA) --work $(WORK)/streams --load busy --cameras 6 --times 2 --seconds $(if $(wildcard $(DATA)/video/cars.mp4),350,290) $(BENCH_ARGS)
	$(if $(MOSQUITTO),$(BIN)/python -m central bench ingest --reads 100000 --hotlist 1000000 $(BENCH_ARGS),@echo "mosquitto is not installed (Debian: apt install mosquitto): the centre is not measured" >&2)
	$(if $(MOSQUITTO),$(BIN)/python -m central bench ingest --reads 300000 --hotlist 1000000 --rate 500 $(BENCH_ARGS))

# The data set and the checkpoints lie beside the checkout; a run that was stopped goes on where it was.
train-reader: setup-train ## the reader, on rendered plates and, where they are, the real crops of DATA
	$(if $(REAL),test -e $(WORK)/replate/labels.csv || $(TRAIN)/bin/python -m models.synth replate --data $(DATA) --seed 71 --out $(WORK)/replate)
	$(if $(REAL),test -e $(WORK)/lettering/labels.csv || $(TRAIN)/bin/python -m models.synth lettering --data $(DATA) --seed 71 --out $(WORK)/lettering)
	$(TRAIN)/bin/python -m models.reader.prepare --work $(WORK)/reader \
		$(if $(REAL),--data $(DATA) --replated $(WORK)/replate --lettering $(WORK)/lettering)
	$(TRAIN)/bin/python -m models.reader.train --work $(WORK)/reader --section $(SECTION)
	$(TRAIN)/bin/python -m models.reader.export --work $(WORK)/reader

train-detector: setup-train ## the plate detector and its second look, on rendered scenes and, where they are, the real ones of DATA
	$(TRAIN)/bin/python -m models.detector.stages --work $(WORK)/detector --section $(SECTION) $(if $(filter-out tiny,$(SECTION)),$(if $(REAL),--data $(DATA)))

proof: setup ## the long proofs: round after round of kill -9
	$(BIN)/pytest -m proof --timeout 3600 $(PYTEST_ARGS)

schema: setup ## write configs/schema/ from the contract
	$(BIN)/python -m edge schema --out configs/schema
	$(BIN)/python -m central notify schema --out configs/schema

lock: setup ## resolve the locks anew
	$(BIN)/uv pip compile pyproject.toml --extra edge --extra central --extra demo --extra dev \
		--universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --quiet --upgrade --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra edge --constraint requirements.lock \
		--universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --quiet --output-file requirements-edge.lock
	$(BIN)/uv pip compile pyproject.toml --extra central --constraint requirements.lock \
		--universal --python-version 3.11 \
		--no-header --no-annotate --no-emit-index-url --quiet --output-file requirements-central.lock
	$(BIN)/uv pip compile pyproject.toml --all-extras \
		--universal --python-version 3.11 --no-header --no-annotate --no-emit-index-url --quiet --upgrade \
		--output-file requirements-train.lock
	# What torch brings of CUDA depends on the wheel that is found; it is torch's own affair.
	sed -i -E '/^(nvidia|cuda|triton)/d' requirements-train.lock

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-14s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

clean: ## remove what the others made
	rm -rf $(VENV) $(TRAIN) build dist demo-run .mypy_cache .ruff_cache .pytest_cache .hypothesis
