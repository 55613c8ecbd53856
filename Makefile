# The two commands of the README and what stands behind them.
PYTHON ?= python3
DIAMANT = .venv/bin/diamant

.PHONY: run test setup lint package clean

run: setup
	@$(DIAMANT) run --conf conf/runs/demo.yaml

test: setup lint
	@.venv/bin/pytest

setup:
	@$(PYTHON) -m jobs.setup

lint: setup
	@.venv/bin/ruff check jobs tests
	@.venv/bin/ruff format --check jobs tests
	@.venv/bin/mypy

package: setup
	@.venv/bin/python -m jobs.package

clean:
	@rm -rf build dist
