# `just` runs all checks, except tests whose programs (PostgreSQL, Chromium, ...) are missing. Run `just install` first.
python := ".venv/bin/python"

# format check, lint, types, import contracts, tests
default: lint types imports test

# run the CI checks in a new .venv; installs PostgreSQL, Chromium and third-party clients if they are missing
ci:
    CI=true bash .ci/run

# create .venv with all development dependencies
install:
    python3 -m venv .venv
    .venv/bin/pip install -q -e '.[dev]'

lint:
    {{python}} -m ruff format --check .
    {{python}} -m ruff check .

# format the code and apply safe fixes
format:
    {{python}} -m ruff format .
    {{python}} -m ruff check --fix .

# mypy cannot follow an editable install of three folders, so a link presents them as one package
types:
    mkdir -p build/bridge
    ln -sfn ../.. build/bridge/sagemaker_registry
    {{python}} -m mypy

imports:
    .venv/bin/lint-imports

test *arguments:
    {{python}} -m pytest {{arguments}}

# generate the reference and build the documentation site into build/site
docs:
    {{python}} -m docs.generate
    {{python}} -m sphinx -q -W -n --keep-going docs build/site

# build the site, serve it, and build it again on every change
docs-serve:
    .venv/bin/pip install -q sphinx-autobuild==2025.8.25
    .venv/bin/sphinx-autobuild -n docs build/site

# draw the images of the console in docs/images; needs Chromium
screenshots:
    {{python}} -m docs.screenshots

# what CI checks: generated pages, code blocks, strict build, links, spelling
docs-check:
    {{python}} -m pytest tests/docs tests/project/test_docs.py

# crashes, full disks, races and hostile input: ci, nightly or release
heavy size="nightly" *arguments:
    {{python}} -m pytest tests/durability tests/safety --size {{size}} {{arguments}}

# change the modules that decide who may do what, one place at a time, and run their tests (about an hour)
mutation *arguments:
    {{python}} -m tests.mutation {{arguments}}

# measure everything (about half an hour) and write docs/reference/performance.md; `just bench --only floors` repeats one measurement
bench *arguments:
    {{python}} -m benchmarks --write --json build/benchmarks.json {{arguments}}

# lock the dependencies and build dependencies with hashes; run after changing dependencies and before a release
lock:
    mkdir -p build
    .venv/bin/pip install -q -e '.[release]'
    .venv/bin/uv pip compile pyproject.toml --extra server --extra postgres --extra moto --extra test-tools --universal --python-version 3.11 --generate-hashes --no-config --upgrade -q -o requirements.lock
    {{python}} -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['build-system']['requires'], sep='\n')" > build/build.in
    .venv/bin/uv pip compile build/build.in --universal --python-version 3.11 --generate-hashes --no-config --no-annotate --upgrade -q -o build.lock

# look up known vulnerabilities of the locked packages on PyPI; not in CI, because it requires the network
audit:
    .venv/bin/pip install -q -e '.[release]'
    .venv/bin/pip-audit --strict --disable-pip --require-hashes -r requirements.lock -r build.lock

# write build/sbom.json, a CycloneDX list of the locked packages
sbom:
    .venv/bin/pip install -q -e '.[release]'
    mkdir -p build
    cat requirements.lock build.lock > build/sbom.txt
    .venv/bin/cyclonedx-py requirements --output-reproducible --of JSON -o build/sbom.json build/sbom.txt

# build the wheel and the source archive in build/dist, check their metadata, and try each in a clean environment
package:
    .venv/bin/pip install -q -e '.[release]'
    rm -rf build/dist
    {{python}} -m build -o build/dist .
    {{python}} -m twine check --strict build/dist/*
    bash .ci/try-package build/dist/*.whl
    bash .ci/try-package build/dist/*.tar.gz
