# verify and the tests each work as the first command after a clone: they set up .venv from the lock files by
# themselves.
#
#   make verify                                            the main job, against the mock server
#   make verify URL=https://host CHANNEL="5 6"             the same verdict on another server; token in CHANNEL_IMAGES_TOKEN
#   make PYTHON=/path/to/python3.13 ...                    any target on that Python, in an environment of its own

# Each Python that is named has its own, so that `make test PYTHON=...` does not run on what .venv holds.
ifdef PYTHON
VENV := .venv-$(shell "$(PYTHON)" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null)
else
VENV := .venv
endif
BIN := $(VENV)/bin
READY := $(VENV)/.ready
READY_SPARK := $(VENV)/.ready-spark
READY_LOWEST := $(VENV)/lowest/.ready
READY_CHANNEL_APP := $(VENV)/channel-app/.ready
CHANNEL ?= 5
N ?= 100
SEED ?= 0
# `.ci/run` sets --require-node here; elsewhere a machine without Node lints with the Python validator alone.
CONTRACT_LINT_OPTIONS ?=

# One or two files of each part, which take a few seconds: no browser, few processes.
QUICK_TESTS := $(addprefix tests/,calls/test_errors.py calls/test_options.py calls/test_retries.py cli/test_filters.py cli/test_export.py \
  client/test_parity.py client/test_with_options.py conformance/test_expect.py conformance/test_rules_healthy.py \
  conformance/test_waivers.py contract/test_contract.py docs/test_prose.py export/test_formats.py export/test_plan.py formats \
  generated/test_client.py generated/test_values.py listings/test_query.py listings/test_steps.py mock/test_auth.py \
  mock/test_operations.py mock/test_reporting.py package/test_public_names.py package/test_rooms.py walks/test_plain.py)
# Of the SDK, with its command line.
SDK_TESTS := $(addprefix tests/,walks calls listings client generated export cli)
# Of whatever uses a package that pyproject.toml declares.
LOWEST_TESTS := $(addprefix tests/,calls generated listings export cli mock/test_server.py mock/test_operations.py \
  mock/test_contract.py conformance/test_check.py conformance/test_schemathesis.py conformance/test_target.py package/test_public_names.py)
# Of what depends on Python's version: how the package is built, compiled packages, asyncio, dates, processes.
PYTHONS_TESTS := $(addprefix tests/,package/test_distribution.py package/test_public_names.py calls/test_options.py \
  client/test_lifecycle.py export/test_formats.py cli/test_start.py mock/test_tls.py \
  conformance/test_matrix.py::test_schemathesis_does_not_accuse_variants_either)

# Some machines set it. The tests start hundreds of processes, and each would compile all of our code.
unexport PYTHONDONTWRITEBYTECODE

OTHER_PYTHONS := test-python-3.12 test-python-3.13 test-python-3.14

.PHONY: help verify test test-quick coverage test-pythons $(OTHER_PYTHONS) test-httpx2 test-lowest test-newest test-spark test-channel-app java fuzz \
  mutants generate contract lint mock bench docs lock release-check clean
.DEFAULT_GOAL := help

help:
	@echo 'make verify     lint the contract, check generated/ for drift, judge the mock server; report in report/index.html'
	@echo '                URL=https://host CHANNEL="5 6" judges that server (token in CHANNEL_IMAGES_TOKEN)'
	@echo 'make test       the test suite on all cores, but for tests/spark and tests/channel_app'
	@echo '                PYTEST_OPTIONS="-n0 -x tests/walks" are options of pytest, here for one process'
	@echo 'make test-pythons  tests of all parts, on every other supported Python that is here, from the PATH or pyenv'
	@echo 'make test-quick a minute of it, for the loop of a developer: some tests of each part'
	@echo 'make coverage   the test suite, with the coverage of overrides/, also in the processes that tests start'
	@echo 'make test-httpx2  the tests of the SDK, with httpx2 in place of httpx'
	@echo 'make test-lowest  tests of all parts, with the lowest versions that pyproject.toml allows'
	@echo 'make test-newest  the same tests, with the newest that it allows'
	@echo 'make test-spark the tests of the Spark data source, which need Java 17 and add PySpark, 450 MB, to .venv'
	@echo 'make test-channel-app  the vendor'"'"'s own framework, channel_app, against the mock server'
	@echo 'make fuzz       the tests of tests/fuzz from new seeds, until one fails or Ctrl-C'
	@echo 'make mutants    change the code in 100 small ways, and see whether a test fails each time; N=500 SEED=2 is another sample'
	@echo 'make generate   rewrite generated/ from openapi.yaml'
	@echo 'make lint       contract, prose, code style, workflows and types'
	@echo 'make mock       the mock server in the foreground'
	@echo 'make bench      the claims of the README, measured beside what people use today; PART=decode for one of its parts'
	@echo 'make docs       docs/rules.md, docs/contract-changes.md, and the site in docs/site: open docs/site/index.html'
	@echo 'make lock       resolve the dependencies of pyproject.toml into the requirements*.lock files again'
	@echo 'make release-check  all of a release but its publication; writes dist/'
	@echo '                TAG=v1.2.3 REPOSITORY=https://host/owner/name for one that is tagged'
	@echo 'make clean      remove everything that the other targets made, but not generated/'

# Install what the second argument names into the environment in the first, with the options of uv in the third. uv takes a tenth
# of pip's time; where only pip's settings say where the index is, pip does it.
install = { $(BIN)/uv pip install --quiet $(3) --python $(1)/bin/python --no-deps $(2) || \
  $(BIN)/python -m pip --python $(1)/bin/python install --disable-pip-version-check --no-deps $(2); }

SETUP_FAILED = echo "channel-images: set-up failed: $$(grep -E '^ERROR|rror:' $$log | tail -n 1). Is the package index reachable? All of it: $$log" >&2; exit 2

# The lock file names everything, so pip looks up no dependencies: it would refuse `coverage[toml]` as not pinned as soon as
# there is a newer version than the one in the file.
# Pip's own account of a failed install is hundreds of lines: it goes to a log, and its last error to the terminal.
# All of it is compiled, or each process of `make test` would begin with that. A part of the tests imports a part of it.
$(READY): requirements.lock pyproject.toml
	@python=; for candidate in $(if $(PYTHON),"$(PYTHON)",python3 python3.14 python3.13 python3.12 python3.11 python); do \
	  if "$$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then python=$$candidate; break; fi; \
	done; \
	if [ -z "$$python" ]; then \
	  echo "channel-images: $(if $(PYTHON),$(PYTHON) is no Python 3.11 or newer,no Python 3.11 or newer on the PATH ($$(python3 --version 2>&1))); name one: make PYTHON=/path/to/python3.11" >&2; exit 2; \
	fi; \
	mkdir -p $(VENV); log=$(VENV)/setup.log; \
	echo "setting up $(VENV) from requirements.lock (once; log in $$log)"; \
	if ! { "$$python" -m venv --clear $(VENV) && \
	  sed -n '/^uv==/,/# via/p' requirements.lock >$(VENV)/uv.lock && \
	  $(BIN)/python -m pip install --disable-pip-version-check --no-deps --require-hashes -r $(VENV)/uv.lock && \
	  $(call install,$(VENV),--require-hashes -r requirements.lock,$(if $(PYTHON),,--compile-bytecode)) && \
	  $(call install,$(VENV),--no-build-isolation -e .); } >$(VENV)-setup.log 2>&1; then \
	  mkdir -p $(VENV); mv $(VENV)-setup.log $$log; \
	  $(SETUP_FAILED); \
	fi; mv $(VENV)-setup.log $$log
	@touch $@

$(READY_SPARK): $(READY) requirements-spark.lock
	@log=$(VENV)/setup-spark.log; \
	echo "adding PySpark to $(VENV) from requirements-spark.lock (once; log in $$log)"; \
	if ! $(call install,$(VENV),--require-hashes -r requirements-spark.lock) >$$log 2>&1; then \
	  $(SETUP_FAILED); \
	fi
	@touch $@

# What the tests need besides comes from .venv: its folder of packages is the last one that is looked through.
$(READY_LOWEST): $(READY) requirements-lowest.lock
	@log=$(VENV)/setup-lowest.log; \
	echo "setting up $(VENV)/lowest from requirements-lowest.lock (once; log in $$log)"; \
	if ! { $(BIN)/python -m venv --clear --without-pip $(VENV)/lowest && \
	  $(call install,$(VENV)/lowest,--require-hashes -r requirements-lowest.lock) && \
	  packages=$$($(BIN)/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))') && \
	  echo "import site; site.addsitedir('$$packages')" >"$$($(VENV)/lowest/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/rest.pth"; \
	} >$$log 2>&1; then \
	  $(SETUP_FAILED); \
	fi
	@touch $@

# What users of channel_app have, apart from what we have: it pins versions that nobody else needs here.
$(READY_CHANNEL_APP): $(READY) requirements-channel-app.lock
	@log=$(VENV)/setup-channel-app.log; \
	echo "setting up $(VENV)/channel-app from requirements-channel-app.lock (once; log in $$log)"; \
	if ! { $(BIN)/python -m venv --clear $(VENV)/channel-app && \
	  $(call install,$(VENV)/channel-app,--require-hashes -r requirements-channel-app.lock); } >$$log 2>&1; then \
	  $(SETUP_FAILED); \
	fi
	@touch $@

# Before PySpark is fetched, which is of no use without it.
java:
	@java="$${JAVA_HOME:+$$JAVA_HOME/bin/}java"; \
	found=$$("$$java" -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p' | head -n 1); \
	if [ "$${found:-0}" -lt 17 ]; then \
	  echo "channel-images: Spark needs Java 17 or newer, and $$java is $${found:+Java }$${found:-not there}; install one, or set JAVA_HOME" >&2; exit 2; \
	fi

# What the two hold reaches the shell as it is, in variables: neither make nor the shell obeys it.
verify: export VERIFY_URL := $(value URL)
verify: export VERIFY_CHANNEL := $(value CHANNEL)
unexport URL CHANNEL

ifdef URL
verify: $(READY)
	@set -f; for channel in $$VERIFY_CHANNEL; do set -- "$$@" --channel "$$channel"; done; \
	$(BIN)/channel-images check "$$@" --report report -- "$$VERIFY_URL"
else
# The mock listens on a free port of its own, and ends with this recipe however the check ends.
verify: contract
	@out=$$(mktemp); $(BIN)/channel-images mock --port 0 >"$$out" 2>&1 & server=$$!; \
	trap 'kill $$server 2>/dev/null; rm -f "$$out"' EXIT; trap 'exit 130' INT TERM; \
	until url=$$(sed -n 's/^URL  *//p' "$$out"); [ -n "$$url" ]; do \
	  kill -0 $$server 2>/dev/null || { cat "$$out" >&2; exit 2; }; sleep 0.05; \
	done; \
	CHANNEL_IMAGES_TOKEN=mock-token CHANNEL_IMAGES_OTHER_TOKEN=mock-other $(BIN)/channel-images check "$$url" --channel 5 --channel 6 --probe-writes --report report
endif

# worksteal: neighbours mostly run in one process, which saves fixtures. Not loadgroup or loadscope: of tests with the same
# id, such as schemathesis' own, they run only one.
test: $(READY)
	@$(BIN)/python -m pytest -n auto --dist worksteal $(PYTEST_OPTIONS)

test-pythons: $(OTHER_PYTHONS)

# Python's own name may be a shim of pyenv's for a version that is not there. One process: these few tests take no longer than
# it takes to start several.
$(OTHER_PYTHONS): test-python-%:
	@for python in "python$*" "$${PYENV_ROOT:-$$HOME/.pyenv}/versions/$*".*/bin/python; do \
	  if "$$python" -c 'import ssl' 2>/dev/null; then \
	    echo "Python $*: $$python"; \
	    exec $(MAKE) --no-print-directory test PYTHON="$$python" PYTEST_OPTIONS="-n0 $(PYTHONS_TESTS)"; \
	  fi; \
	done; echo 'no Python $* is here'

test-quick: $(READY)
	@$(BIN)/python -m pytest -q -n auto --dist worksteal $(QUICK_TESTS) $(PYTEST_OPTIONS)

# What fails it: a test, or `fail_under` in pyproject.toml.
coverage: $(READY)
	@status=0; $(BIN)/python -m pytest -n auto --dist worksteal --cov --cov-report= --cov-fail-under=0 $(PYTEST_OPTIONS) || status=$$?; \
	$(BIN)/coverage report && exit $$status

# tests/httpx2 makes `import httpx` give httpx2, in the processes that tests start too.
test-httpx2: $(READY)
	@PYTHONPATH=$(CURDIR)/tests/httpx2 $(BIN)/python -m pytest -n auto --dist worksteal tests/httpx2 $(SDK_TESTS) $(PYTEST_OPTIONS)

test-lowest: $(READY_LOWEST)
	@$(VENV)/lowest/bin/python -m pytest -n auto --dist worksteal $(LOWEST_TESTS) $(PYTEST_OPTIONS)

# What whoever installs the package today gets. It is resolved anew each time, so a fault here need not be of our last change:
# .github/workflows/nightly.yml runs it.
test-newest: $(READY)
	@log=$(VENV)/setup-newest.log; \
	echo "setting up $(VENV)/newest with the newest versions that pyproject.toml allows (log in $$log)"; \
	if ! { $(BIN)/python -m venv --clear $(VENV)/newest && \
	  $(BIN)/uv pip install --python $(VENV)/newest/bin/python -e '.[dev]'; } >$$log 2>&1; then \
	  $(SETUP_FAILED); \
	fi
	@$(VENV)/newest/bin/python -m pytest -n auto --dist worksteal $(LOWEST_TESTS) $(PYTEST_OPTIONS)

test-spark: java $(READY) $(READY_SPARK)
	@$(BIN)/python -m pytest -n 2 --dist loadfile tests/spark $(PYTEST_OPTIONS)

test-channel-app: $(READY) $(READY_CHANNEL_APP)
	@$(BIN)/python -m pytest -n auto --dist worksteal tests/channel_app $(PYTEST_OPTIONS)

fuzz: $(READY)
	@$(BIN)/python tests/fuzz/endless.py

# MUTANTS="walks/plain.py calls/retries.py" are the files to take them from; N=0 takes all.
mutants: $(READY)
	@$(BIN)/python .ci/mutants.py --number $(N) --seed $(SEED) $(MUTANTS)

generate: $(READY)
	@$(BIN)/python overrides/codegen/generate.py

# What `verify` and `lint` both begin with; `make verify lint` does it once.
contract: $(READY)
	@$(BIN)/python overrides/codegen/lint_contract.py $(CONTRACT_LINT_OPTIONS)
	@$(BIN)/python overrides/codegen/generate.py --check

lint: contract
	@$(BIN)/python docs/build.py --check
	@$(BIN)/python docs/prose.py
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/zizmor --quiet --offline .github/workflows action.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-workflows .github/workflows/*.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.github-actions action.yml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.compose-spec compose.yaml
	@$(BIN)/check-jsonschema --quiet --builtin-schema vendor.renovate renovate.json
	@$(BIN)/mypy

mock: $(READY)
	@$(BIN)/channel-images mock

docs: $(READY)
	@$(BIN)/python docs/build.py

bench: $(READY)
	@$(BIN)/python -m benchmarks $(PART)

# No header and no index: the files name no host, and `pip install --require-hashes` takes them anywhere. What the second
# has in common with the first is of the same version, so that it adds to .venv and changes nothing there. The third is the
# lowest that pyproject.toml allows. The fourth is an environment of its own. The fifth is the part of the first that the
# mock and the check need: the Dockerfile and action.yml install it.
lock: $(READY)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra dev $(LOCK_OPTIONS) pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra spark --constraints requirements.lock $(LOCK_OPTIONS) pyproject.toml -o requirements-spark.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra all --resolution lowest-direct $(LOCK_OPTIONS) pyproject.toml -o requirements-lowest.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --group channel-app $(LOCK_OPTIONS) -o requirements-channel-app.lock
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header \
	  --extra conformance --extra mock --constraints requirements.lock $(LOCK_OPTIONS) pyproject.toml -o requirements-tools.lock

# Without a tag the changelog may still say "unreleased".
release-check: export RELEASE_TAG := $(value TAG)
release-check: export RELEASE_REPOSITORY := $(value REPOSITORY)
release-check: $(READY)
	@$(BIN)/python .ci/release_check.py "$$RELEASE_TAG" "$$RELEASE_REPOSITORY"

clean:
	@rm -rf .venv .venv-* report dist docs/site overrides/codegen/node_modules benchmarks/node_modules .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage
