"""The DAG of docs/cluster.md, parsed by Airflow; run by `make test-airflow` with the Python that has Airflow.

Its task is called with each exit code of diamant: which ones are tried again is what the page says.
"""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

from airflow.dag_processing.dagbag import DagBag
from airflow.sdk.exceptions import AirflowException, AirflowFailException

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"
CODES = (0, 1, 2, 3, 4, 5, 6, 7, 130)
TRIED_AGAIN = {1, 5}


def main() -> None:
    (text,) = re.findall(r"```python\n(.*?airflow.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "diamant.py").write_text(text, encoding="utf-8")
        bag = DagBag(folder)
    assert not bag.import_errors, bag.import_errors
    dag = bag.dags["diamant"]
    (run,) = dag.tasks
    assert (run.task_id, run.retries, dag.catchup, dag.max_active_runs) == ("run", 3, False, 1)
    assert {code for code in CODES if outcome(run, code) is AirflowException} == TRIED_AGAIN
    assert outcome(run, 0) is None
    assert all(
        outcome(run, code) is AirflowFailException for code in CODES if code and code not in TRIED_AGAIN
    )
    print("Airflow parses the DAG; it tries again after the exit codes 1 and 5 only.")


def outcome(run, code: int) -> type[Exception] | None:
    """The kind of error that the task ends with, where the command ends with this code."""
    with mock.patch.object(subprocess, "run", return_value=SimpleNamespace(returncode=code)):
        try:
            run.python_callable()
        except AirflowException as error:
            return type(error)
    return None


if __name__ == "__main__":
    main()
