# The README's commands. Everything is installed below .venv; nothing outside this folder changes.
.PHONY: help demo test check docs bench soak fuzz lock schema clean
.DEFAULT_GOAL := help

# uv trusts what the machine trusts, as pip does: campuses have certificate authorities of their own.
export UV_SYSTEM_CERTS = 1

# Modules are compiled once, not by every process of the tests and benchmarks.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
BIN := .venv/bin
ONCE ?=
ARGS ?=
QUESTIONS ?= 10000
WORKERS ?= 3

help:  ## Show what can be made
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 10

.venv/runtime: requirements/runtime.txt pyproject.toml
	test -x $(BIN)/python || $(PYTHON) -m venv .venv || { echo 'This Python cannot make .venv: on Debian, apt install python3-venv'; rm -rf .venv; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/runtime.txt
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

.venv/dev: requirements/dev.txt .venv/runtime
	$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python --require-hashes -r requirements/dev.txt
	touch $@

demo: .venv/runtime  ## Simulate a course and serve it; ONCE=1 asks one query and stops
	$(BIN)/courselens demo $(if $(ONCE),--once) $(ARGS)

test: .venv/dev  ## Run all tests, in 3 processes; WORKERS=0: in one
	$(BIN)/pytest -n $(WORKERS) --dist loadscope --no-loadscope-reorder $(ARGS)

check: .venv/dev  ## Format, lint, types, imports, schema.graphql
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m api.schema.sdl --check --since tests/api/released.graphql schema.graphql

docs: .venv/dev  ## Write the generated reference pages anew
	$(BIN)/python docs/generate.py

bench: .venv/dev  ## Run the benchmarks and print their ratios
	$(BIN)/python -m bench $(ARGS)

soak: .venv/dev  ## Kill, stop and starve the workers for a long time; ARGS="--kills 200 --seed 1"
	$(BIN)/python -m tests.soak $(ARGS)

fuzz: .venv/dev  ## Send the API what nobody should send, for long; ARGS="--requests 100000 --seed 7"
	$(BIN)/python -m tests.api.fuzzing $(ARGS)
	COURSELENS_TEST_EXAMPLES=300 $(BIN)/pytest -q tests/api/test_schemathesis.py
	COURSELENS_TEST_ATTACK_SEEDS=5 $(BIN)/pytest -q tests/api/attack
	COURSELENS_FUZZ_QUESTIONS=$(QUESTIONS) $(BIN)/pytest -q tests/api/plans

schema: .venv/dev  ## Write schema.graphql anew
	$(BIN)/python -m api.schema.sdl schema.graphql

lock: .venv/dev  ## Resolve and lock the dependencies anew
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header pyproject.toml -o requirements/runtime.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header --extra dev pyproject.toml -c requirements/runtime.txt -o requirements/dev.txt
	$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-header requirements/build.in -o requirements/build.txt

clean:  ## Remove everything that was made
	rm -rf .venv .demo .bench examples/typescript/node_modules examples/typescript/dist examples/typescript/src/gql
