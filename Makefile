# The two commands of the README and what stands behind them.
PYTHON ?= python3
DIAMANT = .venv/bin/diamant

.PHONY: run test test-cluster test-long test-airflow test-objects setup classes lint package clean

run: setup
	@$(DIAMANT) run --conf conf/runs/demo.yaml
	@$(PYTHON) -m jobs.tools.classes

# The checks leave a core free, which makes Java's classes ready.
test: setup
	@$(MAKE) --no-print-directory -j 2 classes lint
	@.venv/bin/pytest -n 2 --dist loadgroup

# Runs on HDFS, on Spark's own cluster and on YARN, while parts of them are killed; where Maven's artefacts are there.
# Two at a time: one leaves half of two cores idle, since its driver waits for its executors and they for it.
test-cluster: setup classes
	@.venv/bin/pytest -m cluster -n 2 --dist loadgroup

# The properties with many draws: thousands of files and settings, a thousand whole runs; about an hour. And
# twelve waves of three countries as one panel; about ten minutes.
test-long: setup
	@.venv/bin/pytest --hypothesis-profile=long tests/readers/test_any_csv.py tests/study/test_any_settings.py \
		tests/study/test_any_run.py
	@.venv/bin/pytest -m long

# The DAG of docs/cluster.md in a real Airflow, its Kubernetes manifest by the classes of Kubeflow's operator, and
# the events of --lineage by those of OpenLineage; they have an environment of their own; some minutes.
test-airflow: setup
	@.venv/bin/uv venv -q --clear --python .venv/bin/python build/airflow
	@.venv/bin/uv pip install -q --python build/airflow/bin/python --require-hashes -r tests/airflow/requirements.lock
	@AIRFLOW_HOME=$(CURDIR)/build/airflow/home build/airflow/bin/python tests/airflow/parse.py
	@build/airflow/bin/python tests/airflow/manifest.py
	@build/airflow/bin/python tests/airflow/events.py

# A study in an object store, by the server of moto, which has an environment of its own; some minutes.
test-objects: setup
	@.venv/bin/uv venv -q --allow-existing --python .venv/bin/python build/objects
	@.venv/bin/uv pip install -q --python build/objects/bin/python --require-hashes -r tests/objects/requirements.lock
	@.venv/bin/python tests/objects/check.py

setup:
	@$(PYTHON) -m jobs.tools.setup

classes: setup
	@$(PYTHON) -m jobs.tools.classes

lint: setup
	@.venv/bin/ruff check jobs tests
	@.venv/bin/ruff format --check jobs tests
	@.venv/bin/mypy
	@.venv/bin/lint-imports --no-cache --no-logo

package: setup
	@.venv/bin/python -m jobs.tools.package

clean:
	@rm -rf build dist
