"""The Kubernetes manifest of docs/cluster.md, read by the classes that Kubeflow publishes for its operator.

Run by `make test-airflow`. The classes pass over fields that they do not know: what they give back has to be
what was given.
"""

from __future__ import annotations

import re
from pathlib import Path

from kubeflow_spark_api.models.spark_v1beta2_scheduled_spark_application import (
    SparkV1beta2ScheduledSparkApplication as Application,
)
from yaml import safe_load

PAGE = Path(__file__).resolve().parents[2] / "docs" / "cluster.md"


def main() -> None:
    blocks = re.findall(r"```yaml\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    (text,) = [block for block in blocks if "sparkoperator.k8s.io" in block]
    manifest = safe_load(text)
    known = Application.from_dict(manifest)
    assert known is not None and known.to_dict() == manifest, "the operator knows no such field"
    assert Application.from_dict({**manifest, "specs": {}}).to_dict() == manifest, "others show"
    print("The Kubernetes manifest has the fields and types of the Spark operator's schema.")


if __name__ == "__main__":
    main()
