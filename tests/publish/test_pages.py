"""Pages that are kept: made once, made anew where what they show changed, removed where nobody has them."""

from __future__ import annotations

import pandas as pd

from jobs.publish import pages

TABLES = {"estimates": pd.DataFrame({"country": ["NL", "NL"], "est": [0.1, None]})}
PROGRAM = {"jobs.publish.report": "00"}


def mark(tables=TABLES, **facts) -> str:
    return pages.mark(PROGRAM, tables, facts, "report.html")


def test_a_page_is_made_once_and_again_where_its_content_changed(tmp_path):
    calls: list[str] = []

    def page(name: str, own: str) -> pages.Page:
        return pages.Page(own, lambda: calls.append(name) or f"{name} of {own}")

    first = pages.current(tmp_path / "kept", {"nl": page("nl", mark()), "be": page("be", mark(country="BE"))})
    changed = {"nl": page("nl", mark(title="new")), "be": page("be", mark(country="BE"))}
    second = pages.current(tmp_path / "kept", changed)
    assert calls == ["nl", "be", "nl"] and second["be"] == first["be"] and second["nl"] != first["nl"]
    assert len(list((tmp_path / "kept").iterdir())) == 2, "what nobody has is removed"


def test_a_mark_tells_values_columns_words_and_templates_apart(monkeypatch):
    other = {"estimates": TABLES["estimates"].assign(est=[0.1, 0.2])}
    renamed = {"estimates": TABLES["estimates"].rename(columns={"est": "se"})}
    marks = [mark(), mark(other), mark(renamed), mark(title="x"), pages.mark({}, TABLES, {}, "report.html")]
    monkeypatch.setattr(pages, "digest", lambda: "of other templates")
    marks.append(mark())
    assert len(set(marks)) == 6
    monkeypatch.undo()
    assert mark() == marks[0] == mark({"estimates": TABLES["estimates"].copy()})
