"""The report: markup escaped, nothing loaded from elsewhere, findings in words."""

from __future__ import annotations

from html.parser import HTMLParser

import pandas as pd
import pytest
from published import FACTS, TITLE, estimates, tables

from jobs.publish import report
from jobs.sem.groups.pooled_slices import COLUMNS
from jobs.settings import reading as settings

LOADING = ("src", "href", "srcset", "data", "action", "poster")


class Page(HTMLParser):
    """The tags of a page, the addresses they load, and its text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loads: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.loads += [value for name, value in attrs if name in LOADING and not value.startswith("#")]

    def handle_data(self, data):
        self.text += data


def slice_of(changes):
    """The settings of the demo's slice."""
    (own,) = settings.read("conf/runs/demo.yaml", changes).slices.values()
    return own


@pytest.fixture(scope="module")
def run():
    return slice_of(["fit.primary_error=cluster:cell"])


@pytest.fixture(scope="module")
def page(run) -> Page:
    figures = [{"svg": '<svg role="img"></svg>', "caption": "a <caption>"}]
    return Page(report.render(tables(), FACTS, run, figures))


def test_markup_in_words_is_shown_and_not_run(page):
    assert "script" not in page.tags and "b" not in page.tags and "caption>" not in page.tags
    assert TITLE in page.text and "<b>bold</b>" in page.text and "a < b" in page.text


def test_nothing_is_loaded_from_elsewhere(page, run):
    assert page.loads == []
    text = report.render(tables(), FACTS, run, [])
    assert "@import" not in text and "url(" not in text and "http" not in text


def test_figures_are_in_the_page(page):
    assert page.tags.count("svg") == 1


def test_what_is_withheld_is_a_c(run):
    text = report.render(tables(), FACTS, run, [])
    assert text.count('<td class="c">c</td>') == 3, "the three figures of the withheld origin"
    assert "<td>c</td>" in text, "and the cell of the heat map"


def test_findings_in_words(run):
    rows = estimates({"effort": 0.0005, "commonality_within": 0.2})
    differences = pd.DataFrame(
        [{"wave": "w", "lhs": "results", "op": "~", "rhs": "effort", "error": "cluster:cell", "pvalue": 0.01}]
    )
    (wave,) = report.findings(rows, differences, run)
    assert wave["lines"] == [
        "effort → results: raises it in g (0.50***); the groups differ.",
        "commonality within → results: no significant effect in g; "
        "no difference between the groups is shown.",
    ]
    unreliable = rows.assign(reliable=False)
    (wave,) = report.findings(unreliable, differences, run)
    assert "not to be judged in g" in wave["lines"][0]


def test_the_interval_is_named_by_its_level():
    asked = slice_of(["fit.confidence=0.9", "fit.primary_error=cluster:cell"])
    figures = [{"svg": "<svg></svg>", "caption": "c"}]
    page = report.render(tables(), FACTS, asked, figures)
    assert "90 % interval" in page and "95 % interval" not in page


def test_a_model_without_paths_has_a_page_without_findings(run):
    """Nothing is explained, so that nothing is found; the factors' figure and the fit are there."""
    measured = {
        **tables(),
        "estimates": estimates({}),
        "group_differences": tables()["group_differences"].iloc[:0],
    }
    page = Page(report.render(measured, FACTS, run, [{"svg": "<svg></svg>", "caption": "factors"}]))
    assert "factors" in page.text and "significant effect" not in page.text


def test_waves_of_two_countries_with_one_name_stay_apart(run):
    both = {
        name: pd.concat([table, table.assign(country="BE")], ignore_index=True)
        for name, table in tables().items()
    }
    text = Page(report.render(both, FACTS, run, [])).text
    for slice in ("NL w", "BE w"):
        assert f"Wave {slice}" in text and f"{slice}, all sizes" in text
    one = Page(report.render(tables(), FACTS, run, [])).text
    assert text.count("Wave NL w") == one.count("Wave NL w") and "BE w" not in one


def test_names_stand_beside_codes(page):
    assert "NL11 Groningen" in page.text and "-1+1 Food & drink." in page.text


def test_maps_and_what_is_said_over_the_waves_have_their_places(run):
    svg = {"svg": "<svg></svg>", "caption": "a drawing"}
    pooled = pd.DataFrame(columns=COLUMNS)
    shown = Page(report.render({**tables(), "pooled_paths": pooled}, FACTS, run, [], [svg], [svg, svg]))
    assert shown.tags.count("svg") == 3 and "Each wave's estimate" in shown.text
    assert "svg" not in Page(report.render(tables(), FACTS, run, [])).tags
