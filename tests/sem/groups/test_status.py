"""Every status, provoked: what a group's data or the model lack is said in one sentence, never a number."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

THREE = "visual =~ x1 + x2 + x3\ntextual =~ x4 + x5 + x6\nspeed =~ x7 + x8 + x9"
CLOSE = "f =~ a + b\ng =~ c + d"
MISSING = ("listwise", "fiml")
Frame = pd.DataFrame


@pytest.fixture
def school(case_of) -> Frame:
    """Holzinger and Swineford: 301 pupils of two schools."""
    return case_of("holzinger")[1]


@pytest.fixture
def levels(case_of) -> Frame:
    return case_of("path")[1]


def status(model: str, frame: Frame, group: str | None = None, **settings) -> Frame:
    report = fit_groups(model, frame, group, Method(**settings))
    bad = set(report.status.group[~report.status.status.isin(["converged", "heywood"])])
    assert not bad & set(report.estimates.group) and not bad & set(report.fit_measures.group)
    untrusted = report.status.group[report.status.status == "heywood"]
    assert not report.estimates.reliable[report.estimates.group.isin(untrusted)].any()
    assert ((report.status.detail == "") == (report.status.status == "converged")).all()
    assert report.status.detail[report.status.detail != ""].str.endswith(".").all()
    return report.status.set_index("group")


def only(*args, **settings) -> tuple[str, str]:
    found = status(*args, **settings)
    assert list(found.index) == ["all"]
    return found.status["all"], found.detail["all"]


def normal(correlation: list[list[float]], names: str, n: int = 200) -> Frame:
    """Cases whose correlation matrix is exactly the one given."""
    random = np.random.default_rng(1).normal(size=(n, len(names)))
    random -= random.mean(axis=0)
    white = random @ np.linalg.inv(np.linalg.cholesky(random.T @ random / n)).T
    return Frame(white @ np.linalg.cholesky(np.array(correlation)).T, columns=list(names))


def test_converged(school):
    found = status(THREE, school, "school")
    assert list(found.status) == ["converged", "converged"]
    assert list(found.cases_in) == list(found.cases_used) == [145, 156]


@pytest.mark.parametrize("missing", MISSING)
def test_not_converged_where_no_factor_fits(missing):
    """Three items of one factor have a positive product of correlations; these have a negative one."""
    frame = normal([[1, 0.5, 0.5], [0.5, 1, -0.3], [0.5, -0.3, 1]], "abc")
    detail = "the search stopped away from a minimum; simplify the model."
    assert only("f =~ NA*a + b + c\nf ~~ 1*f", frame, missing=missing) == ("not converged", detail)


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize(
    ("model", "names"),
    [
        ("y1 ~ y2\ny2 ~ y1", "y1 ~ y2, y2 ~ y1"),
        ("f =~ y1\nf ~ x1 + x2\ny1 ~~ y1", "f ~~ f, y1 ~~ y1"),
        ("f =~ y1 + y2", "f =~ y2, f ~~ f, y1 ~~ y1, y2 ~~ y2"),
    ],
)
def test_not_identified(levels, model, names, missing):
    """A cycle without an outside predictor each; one indicator with a residual; two."""
    detail = f"{names} cannot be told apart; fix or remove a parameter."
    assert only(model, levels, missing=missing) == ("not identified", detail)


def test_what_identifies_them(levels):
    assert only("y1 ~ y2 + x1\ny2 ~ y1 + x2", levels)[0] == "converged"
    assert only("f =~ y1\nf ~ x1 + x2\ny1 ~~ 0*y1", levels)[0] == "converged"
    assert only("f =~ y1\nf ~ x1 + x2", levels)[0] == "converged", "as lavaan: without a residual"


def test_not_identified_by_these_data():
    """Identified in general; but where the third item is unrelated, the first two are but one correlation."""
    frame = normal([[1, 0.5, 0], [0.5, 1, 0], [0, 0, 1]], "abc")
    found, detail = only("f =~ a + b + c", frame)
    assert found == "not identified" and "f =~ b" in detail and "cannot be told apart" in detail


@pytest.mark.parametrize("missing", MISSING)
def test_a_factor_that_only_a_negative_variance_explains_is_told(missing):
    """By hand: in the first item's unit the factor's variance is r12 r13 / r23 = -0.83."""
    frame = normal([[1, 0.5, 0.5], [0.5, 1, -0.3], [0.5, -0.3, 1]], "abc")
    found, detail = only("f =~ a + b + c", frame, missing=missing)
    assert found == "heywood" and detail.startswith("the variance of f is negative")


@pytest.mark.parametrize("missing", MISSING)
def test_heywood_variance(missing):
    """Loadings by hand: r12 r13 / r23 = 1.63 of the first item's variance of 1 belongs to the factor."""
    frame = normal([[1, 0.7, 0.7], [0.7, 1, 0.3], [0.7, 0.3, 1]], "abc")
    detail = (
        "the variance of a is negative, so the estimates are not to be trusted; simplify the model there."
    )
    assert only("f =~ a + b + c", frame, missing=missing) == ("heywood", detail)


def test_heywood_correlation():
    """Items correlate by .6 across the factors and by .5 within them: a factor correlation of 1.2."""
    frame = normal([[1, 0.5, 0.6, 0.6], [0.5, 1, 0.6, 0.6], [0.6, 0.6, 1, 0.5], [0.6, 0.6, 0.5, 1]], "abcd")
    detail = "the factors f, g correlate by more than one can; join two of them."
    assert only(CLOSE, frame) == ("heywood", detail)


def test_ordered_items(case_of):
    """The same statuses where correlations are those of the responses behind the answers."""
    frame = case_of("study")[1]

    def of(model: str, *items: str, data: Frame = frame) -> tuple[str, str]:
        return only(model, data, estimator="dwls", ordered=items)

    three = ("f =~ e1 + e2 + e3", "e1", "e2", "e3")
    assert of(*three) == ("converged", "")
    detail = "f =~ e2, f ~~ f cannot be told apart; fix or remove a parameter."
    assert of("f =~ e1 + e2", "e1", "e2") == ("not identified", detail)
    detail = "the data do not tell f ~~ f; fix or remove it."
    assert of("f =~ e1\nf ~ size", "e1") == ("not identified", detail)
    detail = "e1, e3 are linearly dependent; leave one of them out."
    assert of(*three, data=frame.assign(e3=frame.e1)) == ("not positive definite", detail)
    assert of(*three, data=frame.assign(e3=1))[0] == "constant indicator"
    assert of(*three, data=frame.head(6))[0] == "too few cases"
    assert of(*three, data=frame.assign(e3="much"))[0] == "failed"
    latent = normal([[1, 0.7, 0.7], [0.7, 1, 0.3], [0.7, 0.3, 1]], "abc", n=900)
    answers = latent.apply(lambda column: np.digitize(column, [-0.5, 0.5]))
    assert of("f =~ a + b + c", "a", "b", "c", data=answers)[0] == "heywood"


@pytest.mark.parametrize("missing", MISSING)
def test_not_positive_definite(school, missing):
    detail = "x7, x8, x9 are linearly dependent; leave one of them out."
    frame = school.assign(x9=school.x7 + 2 * school.x8)
    assert only(THREE, frame, missing=missing) == ("not positive definite", detail)
    with_holes = frame.assign(x1=frame.x1.where(frame.index > 20))
    assert only(THREE, with_holes, missing=missing) == ("not positive definite", detail)


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("value", [0.0, 0.1, 1e6])
def test_constant_indicator(school, value, missing):
    found = only(THREE, school.assign(x9=value), missing=missing)
    assert found == ("constant indicator", "x9 does not vary; leave it out of the model.")
    found = only(THREE, school.assign(x9=value, x8=value), missing=missing)
    assert found == ("constant indicator", "x8, x9 do not vary; leave it out of the model.")


@pytest.mark.parametrize("missing", MISSING)
@pytest.mark.parametrize("cases", [0, 1, 5, 21])
def test_too_few_cases(school, cases, missing):
    detail = f"{cases} usable cases for 21 free parameters; join groups or simplify the model."
    assert only(THREE, school.head(cases), missing=missing) == ("too few cases", detail)


def test_small_groups_leave_the_others_alone(school):
    frame = school.assign(size=np.where(school.index < 5, "five", "many"))
    found = status(THREE, frame, "size")
    assert found.status.to_dict() == {"five": "too few cases", "many": "converged"}


def test_empty_table_with_groups(school):
    found = status(THREE, school.head(0), "school")
    assert found.status.to_dict() == {"all": "too few cases"}


@pytest.mark.parametrize("missing", MISSING)
def test_values_that_are_no_numbers(school, missing):
    odd = school.index == 3
    infinite = school.assign(x2=school.x2.mask(odd, np.inf))
    text = school.assign(x2=school.x2.astype(object).mask(odd, "4,5"))
    digits = school.assign(x2=school.x2.astype(str))
    absent = school.assign(x2=np.nan)
    assert [only(THREE, one, missing=missing) for one in (infinite, text, digits, absent)] == [
        ("failed", "x2 has infinite values; mend them or set them missing."),
        ("failed", "the column x2 holds text; it has to be a number."),
        ("failed", "the column x2 holds text; it has to be a number."),
        ("failed", "x2 has no value in this group; leave it out or drop the group."),
    ]


@pytest.mark.parametrize("missing", MISSING)
def test_numbers_however_they_are_kept(school, missing):
    """As objects, or as pandas' own numbers with a missing value."""
    frame = school.assign(x2=school.x2.astype(object), x3=school.x3.astype("Float64").mask(school.index < 4))
    found = status(THREE, frame, missing=missing).loc["all"]
    assert (found.status, found.cases_in) == ("converged", 301)
    assert found.cases_missing == (4 if missing == "listwise" else 0)


@pytest.mark.parametrize("missing", MISSING)
def test_weights(school, missing):
    weight = pd.Series(1.0, school.index)
    odd = school.index == 3
    sign = "the weights in w are negative or all zero; give each case a positive weight."
    for values, detail in [
        (weight.mask(odd, -1.0), sign),
        (weight * 0, sign),
        (weight.mask(odd, np.inf), "w has infinite values; mend them or set them missing."),
        (weight.astype(object).mask(odd, "1,5"), "the column w holds text; it has to be a number."),
        (weight * np.nan, "w has no value in this group; leave it out or drop the group."),
    ]:
        assert only(THREE, school.assign(w=values), weights="w", missing=missing) == ("failed", detail)
    some = school.assign(w=weight.mask(school.index < 20))
    found = status(THREE, some, weights="w", missing=missing).loc["all"]
    assert (found.status, found.cases_used, found.cases_missing) == ("converged", 281, 20)


@pytest.mark.parametrize("missing", MISSING)
def test_cases_without_a_group_are_counted(school, missing):
    frame = school.assign(school=school.school.mask(school.index % 3 == 0))
    found = status(THREE, frame, "school", missing=missing)
    assert list(found.index) == ["Grant-White", "Pasteur", "(no group)"]
    assert list(found.status) == ["converged", "converged", "failed"]
    assert found.cases_in.sum() == 301 and list(found.cases_used) == [96, 104, 0]
    detail = "101 cases have no school and enter no fit; give them one or leave them out."
    assert found.detail["(no group)"] == detail
    assert list(status(THREE, school.assign(school=None), "school").index) == ["(no group)"]


def test_groups_that_are_numbers(school):
    """Whole numbers keep their name when missing values beside them turn them into floats."""
    assert list(status(THREE, school, "sex").index) == ["1", "2"]
    some = school.assign(sex=school.sex.mask(school.index < 5))
    assert list(status(THREE, some, "sex").index) == ["1", "2", "(no group)"]


def test_columns_that_are_not_there(school):
    for settings, group, detail in [
        (Method(weights="w"), None, "the settings name w, which is no column of the data"),
        (Method(clusters=("c",)), None, "the settings name c, which is no column of the data"),
        (Method(), "country", "the settings name country, which is no column of the data"),
    ]:
        with pytest.raises(ModelError, match=detail):
            fit_groups(THREE, school, group, settings)
    with pytest.raises(ModelError, match="the model names x1, which is no column of the data"):
        fit_groups(THREE, school.drop(columns="x1"), None, Method())
    with pytest.raises(ModelError, match="the model names x1, which is 2 columns of the data; keep one"):
        fit_groups(THREE, pd.concat([school, school[["x1"]]], axis=1), None, Method())


def test_diagnosis_is_of_converged_groups_and_only_if_asked(school):
    frame = school.assign(size=np.where(school.index < 5, "five", "many"))
    plain = fit_groups(THREE, frame, "size", Method())
    assert plain.residuals is None and plain.standardised is None
    asked = fit_groups(THREE, frame, "size", Method(diagnosis=True))
    tables = (asked.residuals, asked.modification_indices, asked.reliability, asked.standardised)
    assert all(set(table.group) == {"many"} for table in tables if table is not None)
    none = fit_groups(THREE, frame.head(5), "size", Method(diagnosis=True))
    assert none.residuals is not None and none.residuals.empty
    assert asked.residuals is not None and list(none.residuals.columns) == list(asked.residuals.columns)


def test_a_fault_of_the_program_is_not_the_status_of_a_group(school, monkeypatch):
    """A ValueError that no data explain ends the run as an internal error; it does not blame the group."""

    def broken(*_):
        raise ValueError("operands could not be broadcast together")

    monkeypatch.setattr("jobs.sem.ml.fit.fit", broken)
    with pytest.raises(ValueError, match="broadcast"):
        fit_groups(THREE, school, "school", Method())
