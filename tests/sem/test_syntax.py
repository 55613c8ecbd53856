"""lavaan's labels, values by group, equalities and defined parameters."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem import FitSettings, fit_groups
from jobs.sem.defined import Definition, Expression, define
from jobs.sem.structure import Structure
from jobs.sem.syntax import read
from jobs.sem.trouble import ModelError

REFERENCE = Path(__file__).parents[1] / "reference" / "sem"
SINGLE = """
textual =~ x4 + x5 + x6
speed =~ x7 + x8 + x9
visual =~ x1 + x2 + x3
textual ~ p*visual
speed ~ q*textual + r*visual
through := p*q
total := p*q + r
share := p*q/(p*q + r)
"""


def test_modifiers_by_group():
    text = read("f =~ x1 + c(a, b)*x2 + c(NA, 0.5)*x3 + x4\nf ~~ v*f\nx1 ~ c(i, 0)*1", groups=2)
    assert text.groups == [
        "f =~ 1.0*x1\nf =~ a*x2\nf =~ _free2*x3\nf =~ _free3*x4\nf ~~ v*f",
        "f =~ 1.0*x1\nf =~ b*x2\nf =~ 0.5*x3\nf =~ _free3*x4\nf ~~ v*f",
    ]
    assert [one["x1"].label for one in text.intercepts] == ["i", None]
    assert [one["x1"].value for one in text.intercepts] == [None, 0.0]


def test_lines_go_on_and_comments_end_them():
    spread = "f =~ x1 + # the marker\n x2 +\n x3 ; y ~ f ! outcome\n  + z\ny ∼ c(a,\n b)*w"
    assert read(spread, 2).groups == read("f =~ x1 + x2 + x3\ny ~ f + z + c(a, b)*w", 2).groups


def test_the_first_loading_is_free_where_it_is_asked_for():
    structure = Structure("f =~ NA*x1 + l*x1 + x2 + x3\nf ~~ 1*f")
    free = {(one.op, one.rhs): one.free is not None for one in structure.parameters}
    assert free["=~", "x1"] and free["=~", "x2"] and free["=~", "x3"] and not free["~~", "f"]
    assert structure.q == 6 and set(structure.labels()) == {"l"}


def test_labels_made_equal_are_one_parameter():
    one = Structure("y ~ a*x + b*z\nm ~ c*x\na == c\nc == b")
    assert one.labels()["a"] == one.labels()["b"] == one.labels()["c"]
    assert one.q == Structure("y ~ a*x + a*z\nm ~ a*x").q


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y ~ c(a, b, d)*x", "3 entries for 2 groups"),
        ("y ~ start(1)*x", "modifier start"),
        ("y ~ x:z", "cannot be read"),
        ("y ~ a*x\na == 2*b", "no equality of two labels"),
        ("y ~ a*x\nd := a\nd := a", "defined twice"),
        ("y ~ a*x\nd := __import__('os')", "more than labels"),
        ("y ~ a*x\nd := a if a else a", "more than labels"),
        ("y ~ a*x\nd := 'a'", "more than labels"),
        ("y ~ a*x\nd := a +", "cannot be read"),
        ("y ~~ x", "no formula"),
        ("f <~ x", "cannot be read"),
    ],
)
def test_what_is_not_lavaans_is_refused(text, words):
    with pytest.raises(ModelError, match=words):
        read(text, 2)


def test_a_definition_names_labels_of_the_model():
    data = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 2)), columns=["x", "y"])
    with pytest.raises(ModelError, match="d is defined by b, which is no label"):
        fit_groups("y ~ a*x\nd := a*b", data, None, FitSettings())
    with pytest.raises(ModelError, match="sets intercepts"):
        fit_groups("y ~ x\ny ~ 0*1", data, None, FitSettings())


def test_values_and_gradients_by_hand():
    """d = a b^2 / (a + 1) at a = 3, b = 2: 3; by a: b^2/(a+1)^2 = 1/4; by b: 2ab/(a+1) = 3. e = -d^a."""
    definitions = [
        Definition("d", Expression.read("a*b^2/(a + 1)")),
        Definition("e", Expression.read("-d**a")),
    ]
    values, gradient = define(
        definitions, {"a": 3.0, "b": 2.0}, {"a": np.array([1.0, 0.0]), "b": np.array([0.0, 1.0])}
    )
    assert values == pytest.approx([3.0, -27.0])
    assert gradient[0] == pytest.approx([0.25, 3.0])
    # by d: -a d^(a-1) = -27; by a itself: -d^a log d
    assert gradient[1] == pytest.approx([-27 * 0.25 - 27 * np.log(3.0), -27 * 3.0])


def test_an_undefined_value_is_no_number():
    assert np.isnan(Expression.read("1/(a - a)").at({"a": 1.0})[0])
    assert np.isnan(Expression.read("a^0.5").at({"a": -1.0})[0])


@pytest.mark.parametrize(
    ("case", "estimator", "error"), [("single", "ml", "expected"), ("single_robust", "mlr", "robust")]
)
def test_indirect_effects_agree_with_lavaan(case, estimator, error):
    data = pd.read_csv(REFERENCE / "holzinger_swineford.csv")
    report = fit_groups(SINGLE, data, None, FitSettings(estimator=estimator, diagnosis=True))
    ours = report.estimates.query("op == ':=' and error == @error").set_index("lhs")
    standard = report.standardised.query("op == ':=' and error == @error").set_index("lhs")
    recorded = pd.read_csv(REFERENCE / "multigroup_estimates.csv", skipinitialspace=True)
    recorded = recorded.query("case == @case and op == ':='").set_index("lhs")
    assert list(ours.index) == ["through", "total", "share"] and ours.rhs["through"] == "p*q"
    for name, row in recorded.iterrows():
        assert ours.est[name] == pytest.approx(row.est, rel=1e-4)
        assert ours.se[name] == pytest.approx(row.se, rel=1e-4)
        assert ours.std_all[name] == pytest.approx(row.std_all, rel=1e-4)
        assert standard.se[name] == pytest.approx(row.std_se, rel=1e-4)


def test_errors_of_defined_parameters_follow_every_covariance():
    """A doubled path has twice its error, of any kind, and the same degrees of freedom."""
    data = pd.read_csv(REFERENCE / "twolevel.csv")
    report = fit_groups("y1 ~ b*w1 + x1\ntwice := 2*b", data, None, FitSettings(clusters=("cluster",)))
    for error, table in report.estimates.groupby("error"):
        path, twice = table[table.label == "b"].iloc[0], table[table.op == ":="].iloc[0]
        assert twice.se == pytest.approx(2 * path.se, rel=1e-10), error
        assert twice.pvalue == pytest.approx(path.pvalue, rel=1e-8), error
    assert {"expected", "robust", "cluster:cluster"} <= set(report.estimates.error)
