"""Rows that publish makes of tables are the same whatever the order in which Spark gives them."""

from __future__ import annotations

from types import SimpleNamespace

from jobs.run.rows import Rows
from jobs.settings.slices import Slice
from jobs.spark.frames import local


def test_rows_are_sorted_before_they_are_kept(spark, tmp_path, monkeypatch):
    given = [("NL", "b", 2, [1.0]), ("NL", "a", 3, [2.0]), ("NL", "a", 1, None)]
    made = []
    for number, order in enumerate((given, given[::-1])):
        frame = local(spark, order, "country string, wave string, firms int, sums array<double>")
        monkeypatch.setattr(Rows, "_frame", lambda *asked, frame=frame: frame)
        context = SimpleNamespace(settings=SimpleNamespace(size_classes=[]))
        state = SimpleNamespace(entries={Slice("NL", "a"): {}, Slice("NL", "b"): {}})
        rows = Rows(context, state, {}, tmp_path / str(number))
        made.append(rows.made("counted", ["survey"], lambda survey: survey))
    assert list(made[0].firms) == list(made[1].firms) == [1, 3, 2]
