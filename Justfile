# `just` runs what CI runs; needs .venv (`just install`).
python := ".venv/bin/python"

# format check, lint, types, floors, tests
default: lint types floors test

# make .venv with everything a developer needs
install:
    python3 -m venv .venv
    .venv/bin/pip install -q -e '.[dev]'

lint:
    {{python}} -m ruff format --check .
    {{python}} -m ruff check .

# write the formatting and the fixes that are safe
format:
    {{python}} -m ruff format .
    {{python}} -m ruff check --fix .

# mypy cannot follow an editable install of three folders: a link gives it one package to look at
types:
    mkdir -p build/bridge
    ln -sfn ../.. build/bridge/sagemaker_registry
    {{python}} -m mypy

floors:
    .venv/bin/lint-imports

test *arguments:
    {{python}} -m pytest {{arguments}}

# crashes, full disks, races and hostile input: ci, nightly or release
heavy size="nightly" *arguments:
    {{python}} -m pytest tests/durability tests/safety --size {{size}} {{arguments}}

# measure everything (about an hour) and write docs/performance.md; `just bench --only floors` measures that alone anew
bench *arguments:
    {{python}} -m benchmarks --write --json build/benchmarks.json {{arguments}}
