"""The page of all countries: every slice has its state, what failed is said, the rest is left out."""

from __future__ import annotations

import pandas as pd
from test_report import Page

from jobs.publish import overview
from jobs.publish.overview import Overview
from jobs.sem.groups.over_slices import PATHS
from jobs.sem.groups.pooled_slices import COLUMNS

STATES = {
    ("AT", "cis2"): "published",
    ("AT", "cis3"): "published",
    ("BE", "cis2"): "as before",
    ("BE", "cis3"): "as before",
    ("CY", "cis2"): "failed",
    ("CY", "cis3"): "absent",
}


def page(**more) -> Page:
    shown = Overview(
        **{"title": "Clusters <in> Europe", "study": "eu", "version": "1"},
        states=STATES,
        failures={("CY", "cis2"): "survey.csv is damaged & cut."},
        pages={"AT": "country_AT.html", "BE": "country_BE.html"},
        withheld={"partner_origin": 12},
        libraries={"numpy": "2"},
        **more,
    )
    return Page(overview.render(shown))


def test_every_slice_has_its_state():
    shown = page()
    assert "2 slices published, 2 slices as before, 1 slices failed." in shown.text
    assert shown.text.count("as before") >= 2 and "Clusters <in> Europe" in shown.text
    assert "CY cis2: survey.csv is damaged & cut." in shown.text
    assert shown.tags.count("table") == 3, "states, what is withheld, versions"
    assert "Paths over all slices" not in shown.text and "svg" not in shown.tags


def test_nothing_but_the_pages_of_countries_is_linked():
    assert page().loads == ["country_AT.html", "country_BE.html"]


def test_pooled_paths_and_figures_are_shown():
    row = dict.fromkeys(COLUMNS) | {"pool": "all", "group": "co-operating", "lhs": "results", "op": "~"}
    row |= {"rhs": "effort", "slices": 7, "countries": 4, "left_out": 1, "est": 0.05294, "se": 0.00107}
    row |= {"ci_lower": 0.0494, "ci_upper": 0.0566, "pvalue": 1e-5, "tau2": 0.0, "i2": 0.0, "reliable": True}
    none = row | {"rhs": "information", "est": None, "se": None, "reliable": False, "detail": "too few"}
    shown = page(
        pooled={"pooled_paths": pd.DataFrame([row, none])},
        forests=[{"svg": "<svg></svg>", "caption": "a forest"}],
        series=[{"svg": "<svg></svg>", "caption": "a series"}],
    )
    for words in ("effort → results", "0.0529", "0.0494 to 0.0566", "too few", "a forest", "a series"):
        assert words in shown.text, words
    assert shown.tags.count("svg") == 2


def test_one_model_of_all_slices_and_its_tests_are_shown():
    shared = {
        "pool": "all",
        "group": "co-operating",
        "slices": 7,
        "countries": 4,
        "left_out": 1,
        "detail": "",
    }
    path = dict.fromkeys(PATHS) | shared | {"lhs": "results", "op": "~", "rhs": "effort", "est": 0.0548}
    path |= {"se": 0.0019, "ci_lower": 0.0509, "ci_upper": 0.0586, "pvalue": 1e-5, "reliable": False}
    test = shared | {"equal": "paths", "chisq": 37.75, "chisq_df": 36.0, "f": 1.039, "f_df": 25.02}
    test |= {"f_df_error": 500.5, "pvalue": 0.413}
    shown = page(pooled={"equal_paths": pd.DataFrame([path]), "equality_tests": pd.DataFrame([test])})
    for words in ("One model of all slices", "0.0548†", "0.0509 to 0.0586", "37.75", "1.039", "0.413"):
        assert words in shown.text, words
