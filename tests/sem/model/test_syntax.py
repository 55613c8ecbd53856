"""lavaan's labels, values by group, equalities and defined parameters."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from jobs.sem.groups.fit import fit_groups
from jobs.sem.model.defined import Definition, Expression, define
from jobs.sem.model.structure import structure_of, structure_of_terms
from jobs.sem.model.syntax import entries, line_of, read
from jobs.sem.routes.method import Method
from jobs.sem.trouble import ModelError

REFERENCE = Path(__file__).parents[2] / "reference" / "sem"
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
    modifiers = [[(term.label, term.value, term.freed) for term in group] for group in text.groups]
    assert modifiers == [
        [(None, 1.0, False), ("a", None, False), (None, None, True), (None, None, False), ("v", None, False)],
        [(None, 1.0, False), ("b", None, False), (None, 0.5, False), (None, None, False), ("v", None, False)],
    ]
    assert [group["x1"].label for group in text.intercepts] == ["i", None]
    assert [group["x1"].value for group in text.intercepts] == [None, 0.0]


def test_lines_go_on_and_comments_end_them():
    spread = "f =~ x1 + # the marker\n x2 +\n x3 ; y ~ f ! outcome\n  + z\ny ∼ c(a,\n b)*w"
    assert read(spread, 2).groups == read("f =~ x1 + x2 + x3\ny ~ f + z + c(a, b)*w", 2).groups


def test_the_first_loading_is_free_where_it_is_asked_for():
    structure = structure_of("f =~ NA*x1 + l*x1 + x2 + x3\nf ~~ 1*f")
    free = {(one.op, one.rhs): one.free is not None for one in structure.parameters}
    assert free["=~", "x1"] and free["=~", "x2"] and free["=~", "x3"] and not free["~~", "f"]
    assert structure.q == 6 and set(structure.labels()) == {"l"}


def test_labels_made_equal_are_one_parameter():
    one = structure_of("y ~ a*x + b*z\nm ~ c*x\na == c\nc == b")
    assert one.labels()["a"] == one.labels()["b"] == one.labels()["c"]
    assert one.q == structure_of("y ~ a*x + a*z\nm ~ a*x").q


def test_a_label_equal_to_a_number_is_fixed_and_stays_in_definitions():
    structure = structure_of("f =~ y1 + a*y2 + b*y3\na == c\n0.7 == c\nratio := b/c + a")
    values = {
        entry.rhs: (entry.free is None, entry.value) for entry in structure.parameters if entry.op == "=~"
    }
    assert values["y2"] == (True, 0.7) and not values["y3"][0]
    (definition,) = structure.definitions
    assert definition.expression.at({"b": 1.4})[0] == pytest.approx(1.4 / 0.7 + 0.7)


def test_functions_of_labels_have_derivatives():
    value, slope = Expression.read("sqrt(a)*exp(-b) + log(a*b)").at({"a": 4.0, "b": 0.5})
    assert value == pytest.approx(2 * np.exp(-0.5) + np.log(2))
    assert slope["a"] == pytest.approx(np.exp(-0.5) / 4 + 1 / 4)
    assert slope["b"] == pytest.approx(-2 * np.exp(-0.5) + 2)
    assert np.isnan(Expression.read("log(a)").at({"a": -1.0})[0])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("y ~ c(a, b, d)*x", "3 entries for 2 groups"),
        ("y ~ start(1)*x", r"start\(\) in y ~ start"),
        ("f =~ x + equal('f=~x')*z", "same label"),
        ("efa('e')*f =~ x + z", r"efa\(\) in .* is not supported"),
        ("level: 1\ny ~ x", "a block in level: 1 is not supported"),
        ("y ~ a*x\na > 0 > b", "the constraint a > 0 > b has to have one sign"),
        ("y ~ a*x\na >", "the constraint a > has to have one sign between two sides"),
        ("y ~ a*x\n1 < 2", "the constraint 1 < 2 has no label"),
        ("y ~ a*x\na < sin(a)", "more than labels"),
        ("y ~ x\ny | t1", r"a threshold \(\|\) in y \| t1"),
        ("y ~ x:z", r"an interaction \(a:b\)"),
        ("y ~ a*x\na == 2\na == 3", "a makes a label equal to two numbers"),
        ("y ~ a*x + b*z\na == 1\nb == 2\na == b", "a == b makes a label equal to two numbers"),
        ("y ~ a*x + b*z\na == b\na == 1\nb == 2", "b makes a label equal to two numbers"),
        ("y ~ a*x\nd := sin(a)", "more than labels"),
        ("y ~ a*x\nd := sqrt(a, a)", "more than labels"),
        ("y ~ a*x\nd := a\nd := a", "defined twice"),
        ("y ~ a*x\nd := __import__('os')", "more than labels"),
        ("y ~ a*x\nd := a if a else a", "more than labels"),
        ("y ~ a*x\nd := 'a'", "more than labels"),
        ("y ~ a*x\nd := a +", "cannot be read"),
        ("y ~~ x", "no formula"),
        ("f <~ x", "a composite .<~."),
        ("1 ~ x", "cannot be read"),
        ("y ~ y", "y stands on both sides of ~"),
        ("f =~ x + f", "f stands on both sides of =~"),
        ("y ~ nan*x", "nan is no label"),
        ("y ~ Inf*x", "Inf is no label"),
        ("y ~ 1e999*x", "the number 1e999 is too large"),
        ("y ~ 1_0*x", "modifier 1_0 is not supported"),
        ("y ~ ٣*x", "modifier ٣ is not supported"),
        ("y ~ 1e*x", "modifier 1e is not supported"),
    ],
)
def test_what_is_not_lavaans_is_refused(text, words):
    with pytest.raises(ModelError, match=words):
        read(text, 2)


@pytest.mark.parametrize(
    ("written", "value"),
    [
        *(("1e16", 1e16), ("1E+16", 1e16), ("1e+3", 1e3), ("1.5E3", 1500.0), (".5", 0.5), ("2.", 2.0)),
        *(
            ("1e-3", 1e-3),
            ("-1e+20", -1e20),
            ("-.5e-2", -0.005),
            ("1e300", 1e300),
            ("123456789012345678", 123456789012345678.0),
        ),
    ],
)
def test_a_fixed_value_is_a_number_however_it_is_written(written, value):
    """Terms are split at every plus but that of a number."""
    fixed = structure_of(f"f =~ x1 + {written}*x2 + x3\ny ~ z + {written}*x1e+f")
    values = {(one.lhs, one.rhs): one.value for one in fixed.parameters if one.free is None}
    assert values == {("f", "x1"): 1.0, ("f", "x2"): value, ("y", "x1e"): value}
    assert set(fixed.observed) == {"x1", "x2", "x3", "y", "z", "x1e"}
    by_group = read(f"y ~ c({written}, a)*x + z", 2).groups
    assert structure_of_terms(by_group[0]).parameters[0].value == value


def test_an_error_has_the_line_its_formula_begins_in():
    for text, line in (("y ~ x\n\nz ~ x:y", 3), ("y ~ x; z = x", 1), ("# y\ny ~ x +\n z +\n\n !", 2)):
        with pytest.raises(ModelError) as refused:
            read(text)
        assert refused.value.line == line
    assert line_of("# y1\nf =~ xy1 + y1.a\nf =~ y1", "y1") == 3
    assert line_of("f =~ y1", "y2") is None


B = "y ~ a*x\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (f"y ~ {' + '.join(f'x{number}' for number in range(2000))}", "2001 variables, and at most 300"),
        ("\n".join(f"y{number} ~ x" for number in range(150)), "150 factors and outcomes, and at most 100"),
        ("y ~ x\n" * 3000, "3000 formulas, and at most 2000"),
        ("(" * 100_000, "cannot be read"),
        ("f =~ " + "(" * 100_000, "cannot be read"),
        ("f =~ x\n" + "(\n" * 50_000, "cannot be read"),
        ("y" + " " * 100_000 + "x", "cannot be read"),
        ("y ~ " + "+" * 100_000, "cannot be read"),
        ("y ~ " + "c(" * 50_000 + "x", "cannot be read"),
        ("y ~ x +\n" * 30_000 + "z", "cannot be read"),
        ("y ~ " + "x" * 1000, "cannot be read"),
        (B + "d := " + "(" * 4000 + "a" + ")" * 4000, "cannot be read"),
        (B + "d := " + "-" * 9000 + "a", "cannot be read"),
        (B + "d := " + "-" * 150 + "a", "nested deeper than 100"),
        (B + "d := " + "+".join(["a"] * 150), "nested deeper than 100"),
        (B + "d := " + "+".join(["a"] * 9000), "longer than 10000"),
        (B + "d := a*" + "9" * 5000, "cannot be read"),
        (B + "d := " + "^".join(["a"] * 500), "nested deeper than 100"),
    ],
    ids=lambda part: part[:20],
)
def test_a_text_beyond_any_model_is_refused_in_a_moment(text, words):
    started = time.monotonic()
    with pytest.raises(ModelError, match=words) as refused:
        read(text)
    assert time.monotonic() - started < 2 and len(str(refused.value)) < 250


def test_more_groups_than_any_fit_takes_are_refused():
    assert entries("y ~ c(a, b, d)*x") == 3 and entries("y ~ x") == 1
    with pytest.raises(ModelError, match="90 entries, and at most 50"):
        entries(f"y ~ c({', '.join(['a'] * 90)})*x")


def test_large_models_are_read():
    """As many as the bounds allow: hundred factors, and a sum of ninety labels within fifty brackets."""
    factors = "\n".join(f"f{number} =~ x{number} + z{number}" for number in range(100))
    assert len(structure_of(factors).latent) == 100
    total = "(" * 50 + "+".join(["a"] * 90) + ")" * 50
    assert Expression.read(total).at({"a": 2.0})[0] == 180.0
    assert structure_of("y ~ " + " + ".join(["x"] * 2000)).observed == ["y", "x"]


def test_factors_of_factors_alone_are_no_model():
    with pytest.raises(ModelError, match="has factors only"):
        structure_of("f =~ g\ng =~ f")


def test_a_definition_names_labels_of_the_model():
    data = pd.DataFrame(np.random.default_rng(1).normal(size=(50, 2)), columns=["x", "y"])
    with pytest.raises(ModelError, match="d is defined by b, which is no label"):
        fit_groups("y ~ a*x\nd := a*b", data, None, Method())
    with pytest.raises(ModelError, match="sets intercepts"):
        fit_groups("y ~ x\ny ~ 0*1", data, None, Method())


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
    report = fit_groups(SINGLE, data, None, Method(estimator=estimator, diagnosis=True))
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
    report = fit_groups("y1 ~ b*w1 + x1\ntwice := 2*b", data, None, Method(clusters=("cluster",)))
    for error, table in report.estimates.groupby("error"):
        path, twice = table[table.label == "b"].iloc[0], table[table.op == ":="].iloc[0]
        assert twice.se == pytest.approx(2 * path.se, rel=1e-10), error
        assert twice.pvalue == pytest.approx(path.pvalue, rel=1e-8), error
    assert {"expected", "robust", "cluster:cluster"} <= set(report.estimates.error)
