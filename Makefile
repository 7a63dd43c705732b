# The two commands are `make demo` and `make test`; each does its own set-up. `make` alone lists the targets.

PYTHON ?= python3
# One more than two processors can run: some tests wait for real sockets, readers and time limits.
JOBS ?= 3
BIN := .venv/bin
export PYTHON
# The tests start some hundred Python processes. An environment that forbids compiled files (containers often do) would have
# each of them compile this project anew; an empty value is Python's own default.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help setup venv catalogues demo test hil bench simulation soak coverage mutation lint docs

# A target with nothing behind it says so and fails, so that nobody takes silence for success.
nothing_yet = @echo 'make $@: nothing is behind this target yet ($(1))' >&2; exit 1

help:
	@echo 'make demo    the whole counter, simulated, telling its stories'
	@echo 'make test    lint, types, import contracts, all tests (JOBS=$(JOBS), PYTEST_ARGS=...)'
	@echo 'make setup   system packages, .venv, message catalogues (PYTHON=$(PYTHON))'
	@echo 'make lint    ruff, mypy --strict, import-linter'
	@echo 'make bench   measured cost against measured floors'
	@echo 'make hil     tests against real hardware: RIG=hil_tests/rigs/NAME.toml'
	@echo 'make simulation  15,000 simulated settlements with faults, then every bad twin'
	@echo 'make soak    hours of simulation, then power-cut images, real kills, failing calls (HOURS=1)'
	@echo 'make coverage  branches of core, money, journal and recovery that no test takes'
	@echo 'make mutation  changes of the same modules that no test notices (MINUTES=30, SEED=1)'
	@echo 'make docs    the generated documents'

setup: venv catalogues

venv:
	@tools/setup

# Message catalogues are compiled from their .po files and not kept in the repository.
CATALOGUES := $(patsubst %.po,%.mo,$(shell find terminal yibao -path '*/LC_MESSAGES/*.po'))
catalogues: $(CATALOGUES)
$(CATALOGUES): %.mo: %.po | venv
	@$(BIN)/pybabel --quiet compile --statistics --input-file $< --output-file $@

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

# What fired in the last run, for docs/reliability.md: the tests and the soak note it there, `make docs` takes it over.
FAULTS := build/faults

# pytest comes last: its summary line is the last line.
test: lint
	@rm -rf $(FAULTS)/test && mkdir -p $(FAULTS)/test
	YIBAO_FAULT_RECORD=$(CURDIR)/$(FAULTS)/test $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(PYTEST_ARGS)

demo: setup
ifneq ($(wildcard yibao/cli/main.py),)
	@$(BIN)/yibao demo --stay
else
	$(call nothing_yet,the command yibao demo)
endif

bench: setup
ifneq ($(wildcard bench/__main__.py),)
	@$(BIN)/python -m bench
else
	$(call nothing_yet,python -m bench)
endif

hil: setup
ifneq ($(wildcard hil_tests/test_*.py),)
	@test -f "$(RIG)" || { echo 'make hil: name the bench with RIG=hil_tests/rigs/NAME.toml' >&2; exit 1; }
	YIBAO_RIG=$(RIG) $(BIN)/python -m pytest hil_tests $(PYTEST_ARGS)
else
	$(call nothing_yet,tests against real hardware)
endif

# Whole shops with faults, each from a seed of its own. A seed that breaks is printed with the command that replays it.
# The status comes last: without it, or with another than 0, `make docs` does not take the counts.
HOURS ?= 1
soak: setup
	@rm -rf $(FAULTS)/soak && mkdir -p $(FAULTS)/soak
	@export YIBAO_FAULT_RECORD=$(CURDIR)/$(FAULTS)/soak; status=0; \
	part() { echo "soak: $$1"; said=$(FAULTS)/soak/$$2.json; shift 2; "$$@" >$$said || status=1; cat $$said; }; \
	hours() { awk "BEGIN { print $(HOURS) * $$1 }"; }; \
	part "simulation, $(HOURS) h" simulation $(BIN)/python -m yibao.site.swarm --hours $(HOURS) --jobs $(JOBS); \
	part 'power-cut images' images $(BIN)/python -m tests.recovery.images --hours $$(hours 0.25); \
	part 'real kills' kills $(BIN)/python -m tests.recovery.kill --hours $$(hours 0.15); \
	part 'failing calls of the disk' calls env YIBAO_EVERY_CALL=1 $(BIN)/python -m pytest -q -n $(JOBS) tests/recovery/test_nth_call_disk.py; \
	echo $$status >$(FAULTS)/soak/status; exit $$status

simulation: setup
	$(BIN)/python -m yibao.site.swarm --settlements 15000 --jobs $(JOBS)
	$(BIN)/python -m yibao.site.swarm --twins --jobs $(JOBS)

# The money path: what decides, counts, keeps and takes up again after a crash.
MONEY_PATH := terminal/core/*,protocols/money.py,terminal/journal/*,terminal/counter/retries.py,terminal/counter/engine.py,terminal/counter/effects.py,terminal/counter/anchor_keeper.py,terminal/counter/disk_watch.py
MONEY_TESTS := tests/protocols/test_money.py $(addprefix tests/terminal/,core journal counter clinic evidence) \
  tests/yibao/test_verify_export.py tests/recovery/test_crash_anywhere.py tests/recovery/test_clinic_crash.py
# Tracing slows a test several times: ten times the usual limit, for a test stopped in the middle counts as another failure.
coverage: setup
	@mkdir -p build
	$(BIN)/python -m coverage run -m pytest -q -p no:cacheprovider --timeout=300 $(MONEY_TESTS) $(PYTEST_ARGS)
	$(BIN)/python -m coverage report --include='$(MONEY_PATH)'

# Kept in build/mutation, at the end in docs/mutation-record.toml too, and added up from run to run; an interrupted run loses nothing.
MINUTES ?= 30
SEED ?= 1
mutation: setup
	$(BIN)/python -m tools.mutation --minutes $(MINUTES) --seed $(SEED)

docs: setup
ifneq ($(wildcard tools/docs.py),)
	@$(BIN)/python -m tools.docs
else
	$(call nothing_yet,python -m tools.docs)
endif
