# Two commands on a fresh Debian or Ubuntu with python3 (>= 3.11) and make, as root or with sudo:
#   make demo     build a real hospital, back it up, lose it, drill it, and say what was lost and where the report is
#   make test     set everything up, run every suite against real servers
SHELL := /bin/sh
VENV  := .venv
BIN   := $(VENV)/bin
STAMP := $(VENV)/.installed
# Tests wait for servers and disks half of their time.
WORKERS ?= $(shell n=$$(nproc); echo $$((n < 4 ? 2 * n : 8)))

# An internal mirror configured for pip serves uv too; certificates are the system's, as behind a hospital's proxy.
export UV_DEFAULT_INDEX ?= $(PIP_INDEX_URL)
export UV_NATIVE_TLS := 1
export UV_SYSTEM_CERTS := 1
export UV_PYTHON_DOWNLOADS := never
export UV_LINK_MODE := copy
export ANSIBLE_HOME := $(CURDIR)/.cache/ansible
# Servers and sandboxes of the tests are root's to start; what it leaves in the checkout belongs to the checkout's owner.
AS_ROOT := $(if $(filter 0,$(shell id -u)),,sudo --preserve-env --set-home)
ifeq ($(strip $(UV_DEFAULT_INDEX)),)
unexport UV_DEFAULT_INDEX
endif

.PHONY: all dev accelerator native wheels lint types layers playbooks test demo servers bare bench fuzz lock clean help
all: lint test

help: ## Say what there is
	@sed -n 's/^\([a-z]*\):.*## /\1\t/p' $(MAKEFILE_LIST)

dev: $(STAMP) native ## Install everything the project needs, from its own files

.cache/.system: tests/setup/system.sh
	@mkdir -p .cache
	@sh tests/setup/system.sh
	@touch $@

$(STAMP): .cache/.system pyproject.toml requirements.lock
	@test -x $(BIN)/python || python3 -m venv $(VENV)
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	@touch $@

.cache/.blake3: tests/setup/blake3.sh .cache/.system
	@sh tests/setup/blake3.sh .cache >$@.new && mv $@.new $@

ACCELERATOR := $(VENV)/.accelerator
accelerator: $(ACCELERATOR) ## Build and install the compiled core of the hashing, and say what is in the way

$(ACCELERATOR): $(STAMP) .cache/.blake3 $(wildcard drp/hashing/native/*)
	@DRP_BLAKE3_SOURCES="$$(cat .cache/.blake3)" $(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps \
	  --no-build-isolation --no-cache --reinstall ./drp/hashing/native
	@touch $@

native: $(STAMP) # what users get: without a compiler, or the sources of BLAKE3, drp hashes in Python
	@$(MAKE) --no-print-directory --silent accelerator || echo "drp hashes in Python here: the compiled core was not built" >&2

wheels: $(STAMP) .cache/.blake3 ## Build the wheels into dist/, that of the compiled core from known sources alone
	@$(BIN)/uv build --quiet --wheel --no-build-isolation --python $(BIN)/python --out-dir dist
	@DRP_BLAKE3_SOURCES="$$(cat .cache/.blake3)" DRP_BLAKE3_KNOWN=1 $(BIN)/uv build --quiet --wheel --no-build-isolation \
	  --python $(BIN)/python --out-dir dist drp/hashing/native
	@$(BIN)/auditwheel show dist/drproof_hash_native-*.whl

.cache/.restic: tests/setup/restic.sh .cache/.system
	@sh tests/setup/restic.sh .cache
	@touch $@

.cache/.postgres: tests/setup/postgres.sh $(STAMP)
	@sh tests/setup/postgres.sh .cache
	@touch $@

.cache/.prometheus: tests/setup/prometheus.sh .cache/.system
	@sh tests/setup/prometheus.sh .cache
	@touch $@

lint: $(STAMP) types layers playbooks ## Ruff, mypy --strict, import-linter, ansible-lint
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(STAMP)
	@$(BIN)/mypy

layers: $(STAMP)
	@$(BIN)/lint-imports

playbooks: $(STAMP)
	@cd runbooks && PATH="$(CURDIR)/$(BIN):$$PATH" ansible-lint --offline --profile production --strict -q . && test ! -e .ansible

# Two processes rewrite the assertions of all tests beforehand: each of those that run them would have to otherwise.
test: $(STAMP) $(ACCELERATOR) .cache/.restic .cache/.postgres .cache/.prometheus .cache/.test ## Every suite, with real servers; ends with the twenty slowest
	@echo tests/*/ | xargs -n 6 -P 2 env -u PYTHONDONTWRITEBYTECODE $(BIN)/python -m pytest --collect-only -q >/dev/null || true
	@$(AS_ROOT) $(BIN)/python -B -m pytest --numprocesses $(WORKERS) --damage-matrix --durations 20; status=$$?; \
	  $(AS_ROOT) chown -hR --from=0 "$$(stat -c %u:%g .)" .; exit $$status

demo: $(STAMP) native .cache/.restic ## A real hospital, backed up to WORM and to an air-gapped medium, lost, and drilled
	@$(BIN)/python -m tests.demo

servers: $(STAMP) native .cache/.restic ## Keep the demo's servers running, for drills by hand
	@$(BIN)/python -m tests.demo serve

bare: ## The first command on minimal Debian machines, as root, with sudo and without; needs root
	@sh tests/setup/system.sh bare
	@$(AS_ROOT) python3 -B -m tests.bare

.cache/.test: tests/setup/system.sh .cache/.system
	@sh tests/setup/system.sh test
	@touch $@

.cache/.bench: tests/setup/system.sh .cache/.system
	@sh tests/setup/system.sh bench
	@touch $@

bench: $(STAMP) $(ACCELERATOR) .cache/.restic .cache/.bench ## Every figure, interleaved against its peer; as root, 16 GB of disk
	-@$(BIN)/uv pip install --quiet --python $(BIN)/python --group bench
	@$(BIN)/python -m tests.benchmarks

fuzz: $(STAMP) ## Try every parser of hostile bytes, five minutes or as long as SECONDS says
	@$(BIN)/python -m tests.fuzz $(or $(SECONDS),300)

lock: ## Pin all dependencies with hashes and without any index address
	@$(BIN)/uv pip compile pyproject.toml --group dev --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url --quiet --output-file requirements.lock

clean: ## Remove what was built; what the demo restored is gone already
	@rm -rf $(VENV) .cache dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
