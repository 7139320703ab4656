PYTHON ?= python3
BIN := .venv/bin
DEMO := build/demo
KINGDOMS := corpora/kingdoms.txt

.PHONY: demo test test-all faults fuzz lint docs site check dist check-installs coverage bench clean

demo: .venv/installed
	$(BIN)/embedtool --version
	mkdir -p $(DEMO)
	$(BIN)/embedtool train word2vec $(KINGDOMS) --output $(DEMO)/word2vec --overwrite \
		--mode skipgram --learning-rate 0.05
	$(BIN)/embedtool train fasttext $(KINGDOMS) --output $(DEMO)/fasttext --overwrite \
		--sample 1e-3 --bucket 50000
	$(BIN)/embedtool train glove $(KINGDOMS) --output $(DEMO)/glove --overwrite
	$(BIN)/embedtool compare $(DEMO)/word2vec $(DEMO)/fasttext $(DEMO)/glove \
		--analogies corpora/kingdoms-questions.txt

PROCESSES ?= 2
test: .venv/dev
	$(BIN)/pytest -m "not slow and not stress" -n $(PROCESSES) --dist loadgroup

test-all: .venv/dev
	$(BIN)/pytest

faults: .venv/dev
	$(BIN)/pytest tests/faults

FUZZ_ROUNDS ?= 10
fuzz: .venv/dev
	for seed in $$(seq $(FUZZ_ROUNDS)); do \
		EXAMPLES=3000 $(BIN)/pytest tests/unit/test_fuzz.py --hypothesis-seed=$$seed$$(date +%s) || exit 1; done

lint: .venv/dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	for system in linux darwin win32; do \
		$(BIN)/mypy --platform $$system --cache-dir .mypy_cache/$$system embedtool || exit 1; done
	$(BIN)/mypy benchmarks
	$(BIN)/lint-imports
	$(BIN)/numpydoc lint $$(find embedtool -name '*.py')

docs: .venv/dev
	$(BIN)/cog -I . -r docs/cli.md docs/pretrained.md

site: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet

check: lint test site
	$(BIN)/cog -I . --check docs/cli.md docs/pretrained.md
	$(BIN)/pytest tests/docs -n $(PROCESSES)

dist: .venv/dev
	rm -rf build/dist
	$(BIN)/python -m build --outdir build/dist

check-installs: .venv/dev
	.ci/installs

coverage: .venv/dev
	$(BIN)/pytest -m "not slow and not stress" -n $(PROCESSES) --dist loadgroup \
		--cov=embedtool --cov-report=term:skip-covered

bench: .venv/dev
	$(BIN)/python -m benchmarks.run $(TEXT) $(BENCH)

clean:
	rm -rf .venv build

.venv/bin/python:
	$(PYTHON) -m venv .venv

.venv/installed: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable .
	touch $@

.venv/dev: pyproject.toml | .venv/bin/python
	$(BIN)/pip install --quiet --editable '.[dev]'
	touch $@ .venv/installed
