# `make` alone says what there is. Needs nothing but a Python 3.11 to 3.14; everything else goes into .venv.

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help run test test-kubernetes torture example lint format bench lock clean FORCE

VENV := .venv
BIN := $(VENV)/bin
# The first of these that fits is taken, unless PYTHON names one.
PYTHONS := $(or $(PYTHON),python3 python3.14 python3.13 python3.12 python3.11)
BENCHMARKS := acceptance latency storm stored enrichment routing inhibition
BASE_URL := http://localhost:$(or $(PORT),8080)

help: ## say what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' Makefile
	@echo '  PYTHON=/path/to/python3 names the Python to use, PORT=9000 the port to serve on'

run: $(VENV)/.requirements-charts ## start the service on :8080, with its data under data/
	@echo
	@echo '  alert-manager on $(BASE_URL) (Ctrl-C stops it). Send it an alert:'
	@echo
	@echo "    curl -X POST $(BASE_URL)/alert -H 'Content-Type: application/json' \\"
	@echo "      -d '{\"status\": \"firing\", \"labels\": {\"alertname\": \"Hello\", \"severity\": \"critical\"}}'"
	@echo
	@echo '  and open $(BASE_URL)/ to see what became of it.'
	@echo
	@exec $(BIN)/python app.py serve

test: lint ## check everything: ruff, mypy, and every test with the real servers it needs
	scripts/install-test-servers.sh
	$(BIN)/python -m pytest $(PYTEST_ARGS)

test-kubernetes: $(VENV)/.requirements-dev ## act on a real Kubernetes API, built once in six minutes (not part of make test)
	programs=$$(scripts/build-kubernetes.sh) && \
		KUBERNETES_PROGRAMS="$$programs" $(BIN)/python -m pytest tests/kubernetes $(PYTEST_ARGS)

torture: $(VENV)/.requirements-dev ## torture delivery and remediation for five minutes a database each (SECONDS_=60, SEED=1 to do it again)
	TORTURE_SECONDS=$(or $(SECONDS_),300) TORTURE_SEED=$(SEED) $(BIN)/python -m pytest -s tests/torture $(PYTEST_ARGS)

example: $(VENV)/.requirements-dev ## write docs/example-day.md anew, as the scripted day looks now
	WRITE_EXAMPLE_DAY=1 $(BIN)/python -m pytest -q tests/day

lint: $(VENV)/.requirements-dev ## ruff and mypy alone
	$(BIN)/python -m ruff check .
	$(BIN)/python -m ruff format --check .
	$(BIN)/python -m mypy

format: $(VENV)/.requirements-dev ## put the code into shape with ruff
	$(BIN)/python -m ruff check --fix .
	$(BIN)/python -m ruff format .

bench: $(BENCHMARKS:%=bench-%) ## measure how fast it is (docs/performance.md); make bench-storm BENCH_ARGS='...' for one

bench-%: $(VENV)/.requirements-dev
	scripts/install-test-servers.sh
	$(BIN)/python -m benchmarks.$* $(BENCH_ARGS)

lock: ## write the requirements*.txt anew from the *.in (needs uv; UPGRADE=1 takes newer versions)
	@command -v uv >/dev/null || { echo 'make lock needs uv: pip install uv' >&2; exit 1; }
	$(LOCK) requirements.in -o requirements.txt
	$(LOCK) requirements-charts.in -o requirements-charts.txt
	$(LOCK) requirements-dev.in -o requirements-dev.txt

LOCK = uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate \
	--no-emit-index-url --custom-compile-command 'make lock' $(if $(UPGRADE),--upgrade)

clean: ## remove .venv and all caches; data/ stays
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -prune -exec rm -rf {} +

# How .venv comes to be. Each stamp is newer than what was installed for it; FORCE has the first one looked at every
# time, as a Python can be upgraded or removed under a virtual environment.

$(VENV)/.requirements-charts $(VENV)/.requirements-dev: $(VENV)/.%: %.txt $(VENV)/.python
	@echo 'Installing $< into $(VENV) ...'
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input --require-hashes -r $< \
		>$(VENV)/pip.log 2>&1 || { cat $(VENV)/pip.log >&2; exit 1; }
	@touch $@

VERSION_FITS := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))
PRINT_VERSION := import sys; print(sys.version)

$(VENV)/.python: FORCE
	@if [ -f $@ ] && $(BIN)/python -c 'import pip; $(VERSION_FITS)' 2>/dev/null; then \
		[ -n '$(PYTHON)' ] || exit 0; \
		[ "$$($(BIN)/python -c '$(PRINT_VERSION)')" != "$$('$(PYTHON)' -c '$(PRINT_VERSION)')" ] || exit 0; \
	fi; \
	for python in $(PYTHONS); do \
		"$$python" -c '$(VERSION_FITS)' 2>/dev/null || continue; \
		if ! "$$python" -c 'import ensurepip, venv' 2>/dev/null; then lacking="$$lacking $$python"; continue; fi; \
		echo "Making $(VENV) with $$python ($$("$$python" -c 'import platform; print(platform.python_version())')) ..."; \
		"$$python" -m venv --clear $(VENV) && touch $@; exit; \
	done; \
	if [ -n "$$lacking" ]; then \
		echo "No ensurepip or venv in:$$lacking. On Debian and Ubuntu: apt-get install python3-venv" >&2; \
	else \
		echo 'No Python 3.11 to 3.14 among: $(PYTHONS). Install one, or say where it is: make PYTHON=/path/to/python3 ...' >&2; \
	fi; exit 1
