"""Several groups fitted at once by `diamant fit --data`: beside lavaan's figures, and what is refused."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.anytable.request import Request
from jobs.errors import FitsFailed, InputError, SettingsError

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
SCHOOL = REFERENCE / "holzinger_swineford.csv"
THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
LABELLED = (REFERENCE / "multigroup.R").read_text().split('labelled <- "')[1].split('"')[0]
SHARED = "f =~ y1 + y2 + y3\nf ~ c(b, b)*x1 + c(p, q)*x2"


def recorded(name: str, case: str) -> pd.DataFrame:
    found = pd.read_csv(REFERENCE / f"multigroup_{name}.csv", skipinitialspace=True)
    return found[found.case == case].fillna({"group": "all", "rhs": ""})


def beside_lavaan(found: dict[str, pd.DataFrame], case: str) -> None:
    """Estimates, errors and measures of the files are those recorded for a case."""
    wanted = recorded("estimates", case).set_index(["group", "lhs", "op", "rhs"])
    for row in found["estimates"].fillna({"rhs": ""}).itertuples():
        if row.op == ":=":
            theirs = wanted.xs((row.group, row.lhs, ":="), level=["group", "lhs", "op"]).iloc[0]
        else:
            ends = [(row.lhs, row.op, row.rhs), (row.rhs, row.op, row.lhs)]
            key = next((row.group, *one) for one in ends if (row.group, *one) in wanted.index)
            theirs = wanted.loc[key]
        assert row.est == pytest.approx(theirs.est, rel=1e-4, abs=1e-4 * theirs.se), row
        assert (0.0 if np.isnan(row.se) else row.se) == pytest.approx(theirs.se, rel=1e-3), row
    measures = found["fit_measures"].query("group == 'all'").set_index("measure").value
    theirs = recorded("measures", case).set_index("measure").value
    for name in ("chisq", "df", "cfi", "rmsea", "srmr", "logl"):
        assert measures[name] == pytest.approx(theirs[name], rel=1e-4), name


def test_equal_parameters_give_lavaans_figures(fit):
    found = fit(
        text=THREE,
        data=SCHOOL,
        groups=("school",),
        equal=("loadings", "intercepts", "residuals"),
        free=("visual=~x2", "x7~1", "x3~~x3"),
    )
    beside_lavaan(found, "partial")
    assert set(found["estimates"].error) == {"expected"}
    status = found["status"].iloc[0]
    assert (status.group, status.status, status["cases.used"]) == ("all", "converged", 301)
    counts = found["fit_measures"].query("measure == 'nobs'").set_index("group").value
    assert counts.to_dict() == {"all": 301, "Grant-White": 145, "Pasteur": 156}
    assert set(fit.bytes) == {"estimates.csv", "fit_measures.csv", "status.csv"}


def test_labels_by_group_and_hypotheses(fit):
    """The text alone asks for the joint fit; a Wald test beside lavaan's."""
    found = fit(
        text=LABELLED,
        data=SCHOOL,
        groups=("school",),
        hypotheses=("b1 == b2", "s == 1"),
        family=("b1", ":="),
    )
    beside_lavaan(found, "labelled")
    tests = found["hypotheses"].set_index("hypothesis")
    lavaan = pd.read_csv(REFERENCE / "multigroup_tests.csv", skipinitialspace=True).set_index("test")
    assert tests.statistic["b1 == b2"] == pytest.approx(lavaan.statistic["wald_ml"], rel=1e-4)
    assert tests.pvalue["b1 == b2"] == pytest.approx(lavaan.pvalue["wald_ml"], abs=1e-4)
    assert list(tests.index) == ["b1 == b2", "s == 1", "all"]
    assert list(tests.df) == [1, 1, 2]
    defined = found["estimates"].query("op == ':='")
    assert set(defined.group) == {"all"} and defined["pvalue.bh"].notna().all()


def test_steps_of_invariance_beside_groups_fitted_one_by_one(fit):
    found = fit(text=THREE, data=SCHOOL, groups=("school",), invariance=True)
    steps = found["invariance"].set_index("model")
    for step in ("configural", "metric", "scalar", "strict"):
        theirs = recorded("measures", f"ml_{step}").set_index("measure").value
        assert steps.chisq[step] == pytest.approx(theirs.chisq, rel=1e-4)
    assert list(steps["delta.df"].dropna()) == [6, 6, 9]
    assert list(found["status"].group) == ["Grant-White", "Pasteur"]
    assert "differences" in found


def test_a_shared_path_is_one_test_of_the_family(fit, firms):
    found = fit(firms({"NL": 0.3, "BE": 0.3}), text=SHARED, groups=("country",), clusters=("region",))
    table = found["estimates"].query("op == '~'").set_index(["rhs", "group"])
    assert set(table.error) == {"bias_reduced:region"} and (table.clusters == 30).all()
    assert table.est["x1"].nunique() == table.se["x1"].nunique() == 1
    assert table.loc["x1", "pvalue.bh"].nunique() == 1
    three = [table.pvalue["x1"].iloc[0], *table.pvalue["x2"]]
    largest = max(three)
    assert table["pvalue.bh"].max() == pytest.approx(largest, rel=1e-9)
    smallest = min(three)
    ranked = sorted(three)
    wanted = min(3 * smallest, 1.5 * ranked[1], largest)
    assert table["pvalue.bh"].min() == pytest.approx(wanted, rel=1e-9)
    assert {"path_NL.svg", "path_BE.svg"} <= set(fit.bytes)
    first = fit.bytes
    fit(
        firms({"NL": 0.3, "BE": 0.3}).sample(frac=1, random_state=2),
        text=SHARED,
        groups=("country",),
        clusters=("region",),
    )
    assert fit.bytes == first


def test_ordered_items_with_equal_loadings_give_lavaans_figures(fit):
    frame = pd.read_csv(REFERENCE / "ordinal_survey.csv")
    frame["side"] = np.where(frame.region % 3 == 0, "east", "west")
    script = (REFERENCE / "ordinal_groups.R").read_text()
    found = fit(
        frame,
        text=script.split('three <- "')[1].split('"')[0],
        groups=("side",),
        ordered=("e1", "e2", "e3", "i1", "i2", "i3", "r1", "r2", "r3", "r4"),
        equal=("loadings",),
    )
    lavaan = pd.read_csv(REFERENCE / "ordinal_groups_estimates.csv", skipinitialspace=True)
    lavaan = lavaan.apply(lambda column: column.str.strip() if column.dtype.kind not in "fi" else column)
    names = ["group", "lhs", "op", "rhs"]
    theirs = lavaan[lavaan.case == "metric"].set_index(names)
    ours = found["estimates"].query("op in ('=~', '|')").set_index(names)
    assert len(ours) == 2 * (10 + 27) and set(ours.error) == {"robust"}
    np.testing.assert_allclose(ours.est, theirs.est[ours.index], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.se.fillna(0), theirs.se[ours.index], rtol=1e-3)
    assert found["status"].status.tolist() == ["converged"]


def test_groups_that_cannot_be_fitted_together(fit, firms):
    eleven = firms({f"C{k}": 0.3 for k in range(11)}, cases=8)
    with pytest.raises(SettingsError, match="has 11 groups, and 2 to 10 are fitted at once"):
        fit(eleven, groups=("country",), equal=("loadings",))
    with pytest.raises(SettingsError, match=r"c\(b, b\) has 2 entries for 3 groups"):
        fit(firms({"NL": 0.3, "BE": 0.3, "DK": 0.3}), text=SHARED, groups=("country",))
    with pytest.raises(InputError, match="has a group named all"):
        fit(firms({"all": 0.3, "BE": 0.3}), groups=("country",), invariance=True)
    few = pd.concat([firms({"NL": 0.3}), firms({"BE": 0.3}).head(4)])
    with pytest.raises(
        FitsFailed, match=r"2 of 2 groups have no trustworthy fit: all: too few cases \(in BE"
    ):
        fit(few, groups=("country",), equal=("loadings",))
    single = firms({"NL": 0.3, "BE": 0.3})
    single.loc[single.country == "BE", "region"] = "BE 1"
    with pytest.raises(FitsFailed, match=r"all: no error \(a group lies within one cluster of region"):
        fit(single, text=SHARED, groups=("country",), clusters=("region",), hypotheses=("p == q",))
    assert b"the fit has no errors bias_reduced:region" in fit.bytes["hypotheses.csv"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"equal": ("loadings",)}, "--hypothesis compare groups; name them by --group"),
        ({"equal": ("loading",), "groups": ("g",)}, "loading cannot be equal; choose from loadings"),
        ({"free": ("f=~y2",), "groups": ("g",)}, "--free names exceptions from --equal or --invariance"),
        (
            {"equal": ("loadings",), "free": ("f=~y9",), "groups": ("g",)},
            "the partial f=~y9 is no free parameter",
        ),
        ({"hypotheses": ("a == b",), "groups": ("g",)}, "the hypothesis names a, which is no label"),
        ({"text": SHARED, "groups": ("g",), "bootstrap": 200}, "--bootstrap is for groups fitted one by one"),
        ({"text": SHARED, "groups": ("g",), "pool": ("g",)}, "--pool is for groups fitted one by one"),
        ({"text": SHARED, "groups": ("g",), "family": ("r",)}, "the family names r"),
        ({"text": SHARED + "\nd := z*b", "groups": ("g",)}, "d is defined by z, which is no label"),
        ({"text": SHARED}, r"line 2: c\(b, b\) has 2 entries for 1 groups"),
        ({"text": SHARED + "\ny1 ~~ ~ y2", "groups": ("g",)}, "model.lav, line 3: the model text cannot be"),
    ],
)
def test_options_that_do_not_fit_are_refused_before_the_table_is_read(tmp_path, options, words):
    model = tmp_path / "model.lav"
    model.write_text(options.pop("text", "f =~ y1 + y2 + y3\nf ~ x1 + x2"), encoding="utf-8")
    with pytest.raises(SettingsError, match=words):
        Request(data="t.csv", model=str(model), out="out", **options).checked()
