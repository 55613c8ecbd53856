"""Wave maps: what the files hold, and what is refused."""

from __future__ import annotations

import copy
import datetime as dt
from pathlib import Path
from unittest import mock

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from jobs.errors import SettingsError
from jobs.settings import resources, wave_maps

FILES = sorted(Path(str(resources.root()), "conf", "waves").glob("*.yaml"))
DEMO = "conf/waves/cis2_simulated.yaml"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_map_reads_and_says_where_it_is_from(file):
    wave_map = wave_maps.read(str(file))
    assert wave_map.columns and wave_map.title and wave_map.source


def test_columns_are_those_the_rules_read_each_once():
    wave_map = wave_maps.read(DEMO)
    assert len(set(wave_map.columns)) == len(wave_map.columns)
    assert {"firm", "province", "co_uni_ot", "weight"} <= set(wave_map.columns)
    assert "product_innovator" not in wave_map.columns, "a canonical column is no column of the file"


def test_a_second_question_is_read_too():
    assert "coop" in wave_maps.read("conf/waves/enai_2012_2014.yaml").columns


@pytest.mark.parametrize(
    ("rule", "kind", "sources"),
    [
        ({"text": "a"}, "text", ("a",)),
        ({"number": "a"}, "number", ("a",)),
        ({"number": ["a", "b"]}, "number", ("a", "b")),
        ({"number": 2014}, "number", ("2014",)),
        ({"yes_no": "a"}, "yes_no", ("a",)),
        ({"ticked": ["a", "b"]}, "ticked", ("a", "b")),
        ({"ticked": "a"}, "ticked", ("a",)),
        ({"scale": "a", "order": ["1", "2"]}, "scale", ("a",)),
        ({"code": "a", "of": "regions"}, "code", ("a",)),
        ({"either": ["x", "y"]}, "either", ()),
        ({"absent": "why"}, "absent", ()),
        ({"text": " total (`2014`. \u00e9)\u00a0"}, "text", ("total (`2014`. \u00e9)",)),
    ],
)
def test_kinds_of_rule(rule, kind, sources):
    read = wave_maps.Rule.model_validate(rule)
    assert (read.kind, read.sources) == (kind, sources)


def test_codes_are_texts_without_blanks_and_whole_numbers_need_no_quotes():
    rule = wave_maps.Rule.model_validate({"scale": "a", "order": [0, 1, " 2 ", "3\u00a0"], "missing": -9})
    assert rule.order == ("0", "1", "2", "3") and rule.missing == ("-9",)
    rule = wave_maps.Rule.model_validate({"yes_no": "a", "yes": 1, "no": [2]})
    assert (rule.yes, rule.no) == (("1",), ("2",))


def test_columns_come_after_those_they_lean_on():
    rules = {
        "c": {"number": "w", "asked_of": "b"},
        "b": {"either": ["a"]},
        "a": {"yes_no": "x", "asked_of": "d"},
    }
    rules["d"] = {"yes_no": "y"}
    wave_map = wave_maps.WaveMap.model_validate(
        {"title": "t", "source": "t", "population": "all_firms", "rules": rules}
    )
    assert wave_map.levels == (("d",), ("a",), ("b",), ("c",))


def written(tmp_path, change) -> str:
    """The demo's map with a change, as a file."""
    yaml = YAML(typ="safe", pure=True)
    raw = copy.deepcopy(resources.read_yaml(DEMO))
    change(raw)
    with (tmp_path / "own.yaml").open("w") as stream:
        yaml.dump(raw, stream)
    return str(tmp_path / "own.yaml")


def refused(tmp_path, change, words: str) -> None:
    """The changed map ends with code 2 and one sentence that names the file and holds the words."""
    name = written(tmp_path, change)
    with pytest.raises(SettingsError) as error:
        wave_maps.read(name)
    said = str(error.value)
    assert said.startswith(f"{name}: ") and words in said and "\n" not in said, said
    assert error.value.exit_code == 2


NO_TEXT = "as YAML reads it; quote it"
A_SCALE = {"scale": "a", "order": ["0", "1"]}
RULES = [
    # the column, its rule, and the words of the refusal
    ("exports", None, "rules: exports has no rule; give one, or 'absent' with the reason"),
    ("colour", {"text": "a"}, "rules: colour is no column of the survey"),
    ("industrial", {"yes_no": "a"}, "rules: industrial is no column of the survey"),
    # Kinds
    ("exports", {}, "rules.exports: needs exactly one of text, number"),
    ("exports", "export", "rules.exports: is no rule"),
    ("exports", ["export"], "rules.exports: is no rule"),
    ("exports", {"yes_no": "a", "text": "b"}, "rules.exports: needs exactly one of"),
    ("exports", {"why": "no kind"}, "rules.exports: needs exactly one of"),
    ("exports", {"yesno": "a"}, "rules.exports.yesno"),
    ("exports", {"yes_no": "a", "sql": "1=1"}, "rules.exports.sql"),
    ("exports", {"yes_no": None}, "rules.exports: yes_no has no value"),
    ("exports", {"yes_no": "a", "missing": None}, "rules.exports: missing has no value"),
    # Columns of the file
    ("exports", {"yes_no": ""}, "rules.exports.yes_no: is blank"),
    ("exports", {"yes_no": ["a", " "]}, "rules.exports.yes_no: is blank"),
    ("exports", {"yes_no": []}, "rules.exports.yes_no: is an empty list"),
    ("exports", {"ticked": []}, "rules.exports.ticked: is an empty list"),
    ("innovator", {"either": []}, "rules.innovator.either: is an empty list"),
    ("turnover", {"number": ["a", "b", "a"]}, "rules.turnover.number: holds a twice"),
    ("turnover", {"number": ["a", ["b"]]}, "rules.turnover.number: holds several values where one belongs"),
    ("turnover", {"number": {"a": "b"}}, "rules.turnover.number: holds several values where one belongs"),
    ("firm_id", {"text": "a", "join": "-"}, "join means nothing for a single column"),
    ("employees", {"size_class": ["a", "b"], "classes": {"1": 10}}, "size_class: holds several values"),
    ("employees", {"size_class": "a"}, "a size class needs 'classes'"),
    (
        "employees",
        {"size_class": "a", "classes": {"1": 10}, "missing": [1]},
        "stands in both classes and missing",
    ),
    ("turnover", {"size_class": "a", "classes": {"1": 10}}, "a rule 'size_class' gives no decimal"),
    ("turnover", {"number": "a", "unit": "percent", "factor": 0.01}, "unit says what the factor is"),
    ("exports", {"greater": "a", "on_unknown": "no"}, "on_unknown: no means nothing but for yes_no"),
    ("sector", {"code": "a", "of": "sectors", "width": 4}, "width means nothing without digits"),
    (
        "turnover",
        {"number": 1.5},
        f"rules.turnover.number: holds a true, a false, a date, a fraction or nothing, {NO_TEXT}",
    ),
    ("source_fairs", {"absent": ""}, "rules.source_fairs.absent: is blank"),
    ("source_fairs", {"absent": True}, NO_TEXT),
    # Codes
    (
        "exports",
        {"yes_no": "a", "yes": [True]},
        f"rules.exports.yes: holds a true, a false, a date, a fraction or nothing, {NO_TEXT}",
    ),
    ("exports", {"yes_no": "a", "no": [0.5]}, NO_TEXT),
    ("exports", {"yes_no": "a", "no": [dt.date(2014, 1, 1)]}, NO_TEXT),
    ("exports", {"yes_no": "a", "missing": [None]}, NO_TEXT),
    ("exports", {"yes_no": "a", "missing": []}, "rules.exports.missing: is an empty list"),
    ("exports", {"yes_no": "a", "missing": [""]}, "rules.exports.missing: is blank"),
    ("exports", {"yes_no": "a", "yes": ["1", "1 "]}, "rules.exports.yes: holds 1 twice"),
    ("exports", {"yes_no": "a", "yes": ["1", "J"], "no": ["J"]}, "the code J stands in both yes and no"),
    ("exports", {"yes_no": "a", "yes": ["0"]}, "the code 0 stands in both yes and no"),
    ("exports", {"ticked": ["a"], "missing": ["1"]}, "the code 1 stands in both yes and missing"),
    (
        "exports",
        {"ticked": ["a"], "no": ["0", "9"], "missing": [9]},
        "the code 9 stands in both no and missing",
    ),
    ("source_fairs", {"scale": "a", "order": ["1"]}, "rules.source_fairs: a scale needs its codes in order"),
    ("source_fairs", {"scale": "a"}, "rules.source_fairs: a scale needs its codes in order"),
    ("source_fairs", {"scale": "a", "order": ["0", "1", 1]}, "rules.source_fairs.order: holds 1 twice"),
    ("source_fairs", {**A_SCALE, "missing": ["0"]}, "the code 0 stands in both order and missing"),
    ("region", {"code": "a"}, "rules.region: a code needs 'of: regions' or 'of: sectors'"),
    ("region", {"code": "a", "of": "towns"}, "rules.region.of"),
    ("exports", {"yes_no": "a", "on_unknown": "guess"}, "rules.exports.on_unknown"),
    # Factors
    ("turnover", {"number": "a", "factor": float("nan")}, "rules.turnover.factor"),
    ("turnover", {"number": "a", "factor": float("inf")}, "rules.turnover.factor"),
    ("turnover", {"number": "a", "factor": 0}, "rules.turnover.factor"),
    ("turnover", {"number": "a", "factor": -0.001}, "rules.turnover.factor"),
    ("turnover", {"number": "a", "factor": "0,0,1"}, "rules.turnover.factor"),
    ("turnover", {"number": "a", "factor": True}, "rules.turnover.factor: is no number"),
    # A kind that cannot give the column
    (
        "employees",
        {"text": "a"},
        "rules.employees: a rule 'text' gives no int, which employees is; take number or scale",
    ),
    ("turnover", {"yes_no": "a"}, "rules.turnover: a rule 'yes_no' gives no decimal(18,3)"),
    ("weight", {"either": ["exports"]}, "rules.weight: a rule 'either' gives no double"),
    ("exports", {"number": "a"}, "rules.exports: a rule 'number' gives no boolean"),
    ("exports", {"text": "a"}, "take yes_no or ticked or greater or either"),
    (
        "firm_id",
        {"number": "a"},
        "rules.firm_id: a rule 'number' gives no string, which firm_id is; take text",
    ),
    ("firm_id", {"code": "a", "of": "regions"}, "rules.firm_id: a rule 'code' gives no string"),
    ("region", {"text": "a"}, "rules.region: region needs a rule 'code' with 'of: regions'"),
    ("region", {"code": "a", "of": "sectors"}, "rules.region: region needs a rule 'code' with 'of: regions'"),
    ("sector", {"code": "a", "of": "regions"}, "rules.sector: sector needs a rule 'code' with 'of: sectors'"),
    ("turnover", {"number": "a", "round": True}, "rules.turnover: round means nothing for turnover"),
    # Columns that lean on others
    ("innovator", {"either": ["exports", "luck"]}, "rules.innovator.either: luck is no column of the survey"),
    ("innovator", {"either": ["exports", "a\nb"]}, "rules.innovator.either: a b is no column of the survey"),
    ("innovator", {"either": ["exports", "weight"]}, "rules.innovator.either: weight is no yes-or-no column"),
    ("innovator", {"either": ["region"]}, "rules.innovator.either: region is no yes-or-no column"),
    ("weight", {"number": "w", "asked_of": "luck"}, "rules.weight.asked_of: luck is no column of the survey"),
    (
        "weight",
        {"number": "w", "asked_of": "turnover"},
        "rules.weight.asked_of: turnover is no yes-or-no column",
    ),
    ("innovator", {"either": ["innovator"]}, "rules.innovator: either and asked_of go in a circle"),
    ("exports", {"yes_no": "a", "asked_of": "exports"}, "rules.exports: either and asked_of go in a circle"),
    ("product_innovator", {"yes_no": "a", "asked_of": "innovator"}, "product_innovator"),
    ("cooperates", {"yes_no": "a", "asked_of": "partners_foreign"}, "go in a circle"),
]


@pytest.mark.parametrize(("column", "rule", "words"), RULES)
def test_a_wrong_rule_is_refused_by_its_column(tmp_path, column, rule, words):
    def change(raw):
        if rule is None:
            del raw["rules"][column]
        else:
            raw["rules"][column] = rule

    refused(tmp_path, change, words)


def test_a_question_that_the_wave_did_not_ask_has_no_followers(tmp_path):
    def change(raw):
        raw["rules"]["cooperates"] = {"absent": "not asked"}

    refused(tmp_path, change, "asked_of: cooperates is absent, so nobody would have an answer")


# A rule of each kind, and a value for each key that some kind of rule has.
OF_EACH_KIND = {
    "text": ("firm_id", {"text": ["a", "b"]}),
    "number": ("employees", {"number": "a"}),
    "yes_no": ("exports", {"yes_no": "a"}),
    "ticked": ("exports", {"ticked": ["a"]}),
    "size_class": ("employees", {"size_class": "a", "classes": {"1": 10}}),
    "greater": ("exports", {"greater": "a"}),
    "scale": ("source_fairs", A_SCALE),
    "code": ("region", {"code": ["a", "b"], "of": "regions", "digits": 3}),
    "either": ("innovator", {"either": ["product_innovator"]}),
    "absent": ("source_fairs", {"absent": "not asked"}),
}
VALUES = {
    "factor": 0.5,
    "minus": "b",
    "unit": "share",
    "classes": {"2": 50},
    "than": 5,
    "digits": 2,
    "width": 4,
    "join": "/",
    "round": True,
    "as_written": True,
    "yes": ["8"],
    "no": ["9"],
    "missing": ["-9"],
    "order": ["4", "5"],
    "of": "regions",
    "asked_of": "cooperates",
    "on_unknown": "missing",
}


@pytest.mark.parametrize("key", VALUES)
@pytest.mark.parametrize("kind", OF_EACH_KIND)
def test_a_key_that_means_nothing_for_a_kind_is_refused(tmp_path, kind, key):
    """Even where it only repeats what is so anyway."""
    column, rule = OF_EACH_KIND[kind]

    def change(raw):
        raw["rules"][column] = {**rule, key: VALUES[key]}

    if key in wave_maps.KEYS[kind]:
        assert getattr(wave_maps.read(written(tmp_path, change)).rules[column], key) is not None
    else:
        refused(
            tmp_path, change, f"rules.{column}: {key} means nothing in a rule of kind {kind}; leave it out"
        )


def test_kinds_and_keys_of_the_tests_are_those_of_the_rules():
    assert set(OF_EACH_KIND) == set(wave_maps.KINDS)
    assert set(VALUES) | {"why", "sure"} | set(wave_maps.KINDS) == set(wave_maps.Rule.model_fields)
    assert set(VALUES) == set().union(*wave_maps.KEYS.values())


CONTRADICTIONS = [
    ({"column": "luck"}, "contradictions.0.column: luck is no column of the survey"),
    ({"column": "industrial"}, "contradictions.0.column: industrial is no column of the survey with a rule"),
    ({"against": {"number": "a"}}, "contradictions.0.against: a rule 'number' gives no boolean"),
    ({"column": "turnover"}, "contradictions.0.against: a rule 'yes_no' gives no decimal"),
    ({"against": {"either": ["exports"]}}, "contradictions.0.against: 'either' is no second question"),
    ({"against": {"absent": "why"}}, "contradictions.0.against: 'absent' is no second question"),
    ({"column": "region", "against": {"code": "a", "of": "regions"}}, "'code' is no second question"),
    ({"against": {}}, "contradictions.0.against: needs exactly one of"),
    ({"against": {"yes_no": "a", "asked_of": "exports"}}, "asked_of means nothing in a second question"),
    ({"against": {"yes_no": "a", "on_unknown": "missing"}}, "on_unknown means nothing in a second question"),
    ({"words": ""}, "contradictions.0.words: is blank"),
    ({"column": ""}, "contradictions.0.column: is blank"),
]


@pytest.mark.parametrize(("change", "words"), CONTRADICTIONS)
def test_a_wrong_contradiction_is_refused_by_its_place(tmp_path, change, words):
    pair = {"column": "cooperates", "against": {"yes_no": "a"}, "words": "two answers"}
    refused(tmp_path, lambda raw: raw.update(contradictions=[{**pair, **change}]), words)


MAPS = [
    ({"title": ""}, "title: is blank"),
    ({"title": " "}, "title: is blank"),
    ({"title": None}, "title: "),
    ({"source": ""}, "source: is blank"),
    ({"population": "some"}, "population: "),
    ({"rules": {}}, "rules: competitive_contribution has no rule"),
    ({"rules": None}, "rules: "),
    ({"rules": []}, "rules: "),
    ({"rules": "x"}, "rules: "),
    ({"breaks": [""]}, "breaks.0: is blank"),
    ({"breaks": "x"}, "breaks: "),
    ({"contradictions": "x"}, "contradictions: "),
    ({"colour": "blue"}, "colour: "),
]


@pytest.mark.parametrize(("change", "words"), MAPS)
def test_a_wrong_map_is_refused_by_its_key(tmp_path, change, words):
    refused(tmp_path, lambda raw: raw.update(change), words)


def test_a_key_that_is_no_text_is_refused_by_its_line(tmp_path):
    (tmp_path / "own.yaml").write_text("title: t\nrules:\n  1: {text: a}\n")
    with pytest.raises(SettingsError, match=r"own\.yaml, line 3: a key is no text; write it in quotes"):
        wave_maps.read(str(tmp_path / "own.yaml"))


@pytest.mark.parametrize("text", ["", "[]", "[a]", "text", "5", "null"])
def test_what_is_no_map_is_refused(tmp_path, text):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(SettingsError, match=r"own\.yaml: the file: .*; see docs/wave-maps\.md\.$"):
        wave_maps.read(str(tmp_path / "own.yaml"))


def test_names_keep_their_capitals_in_a_refusal(tmp_path):
    def change(raw):
        raw["rules"]["turnover"] = {"number": ["TURN", "TURN"]}

    refused(tmp_path, change, "holds TURN twice")


def test_a_map_that_says_nothing_of_its_population_is_refused(tmp_path):
    def change(raw):
        del raw["population"]

    refused(tmp_path, change, "population: field required")


VALUES_OF_ANY_KIND = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.dates()
    | st.text(max_size=4)
    | st.sampled_from(["exports", "innovator", "cooperates", "weight", "a", "1", "0"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["a", *VALUES]), inner, max_size=3)
    ),
    max_leaves=4,
)


@hypothesis_settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(resources.read_yaml(DEMO)["rules"])),
    st.dictionaries(st.sampled_from(sorted(wave_maps.Rule.model_fields)), VALUES_OF_ANY_KIND, max_size=4),
    st.dictionaries(st.sampled_from(sorted(wave_maps.WaveMap.model_fields)), VALUES_OF_ANY_KIND, max_size=1),
)
def test_a_map_with_anything_in_it_is_read_or_refused_in_one_sentence(column, rule, keys):
    raw = resources.read_yaml(DEMO)
    wave_maps.read(DEMO)  # what else it reads is known then
    raw["rules"][column] = {**raw["rules"][column], **rule}
    with mock.patch.object(resources, "read_yaml", return_value={**raw, **keys}):
        try:
            wave_map = wave_maps._read.__wrapped__("own.yaml", "a digest")
        except SettingsError as error:
            assert str(error).startswith("own.yaml: ") and "\n" not in str(error)
        else:
            assert sorted(name for names in wave_map.levels for name in names) == sorted(wave_map.rules)
            assert all(isinstance(name, str) and name.strip() for name in wave_map.columns)


MAPS = sorted(f"conf/waves/{file.name}" for file in (resources.root() / "conf" / "waves").iterdir())


@pytest.mark.parametrize("name", MAPS)
def test_each_map_of_the_program_is_whole(name):
    """A map of a published wave says of each column how sure its name is."""
    wave_map = wave_maps.read(name)
    assert len({wave_map.title, *(wave_maps.read(other).title for other in MAPS)}) == len(MAPS)
    if not name.endswith(("simulated.yaml", "enai_2012_2014.yaml")):
        unsaid = [column for column, rule in wave_map.rules.items() if rule.sources and not rule.sure]
        assert unsaid == []


def test_a_map_extends_another(tmp_path):
    own = tmp_path / "own.yaml"
    own.write_text("extends: conf/waves/cis2022.yaml\ntitle: own\nrules:\n  weight: {number: W}\n")
    base, read = wave_maps.read("conf/waves/cis2022.yaml"), wave_maps.read(str(own))
    assert read.title == "own" and read.source == base.source and read.rules["weight"].number == ("W",)
    assert {**read.rules, "weight": None} == {**base.rules, "weight": None}
    third = tmp_path / "third.yaml"
    third.write_text(f"extends: {own}\nrules:\n  employees: {{number: E}}\n")
    assert wave_maps.read(str(third)).rules["weight"].number == ("W",)
    before = wave_maps.digest(str(third))
    own.write_text(own.read_text().replace("number: W", "number: X"))
    assert wave_maps.digest(str(third)) != before
    assert wave_maps.read(str(third)).rules["weight"].number == ("X",)


@pytest.mark.parametrize(
    ("base", "words"),
    [
        ("own.yaml", "extends has to name another wave map"),
        ("[1]", "extends has to name"),
        ("list.yaml", "no wave map"),
    ],
)
def test_what_a_map_cannot_extend(tmp_path, monkeypatch, base, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.yaml").write_text(f"extends: {base}\nrules: {{}}\n")
    (tmp_path / "list.yaml").write_text("[1, 2]\n")
    with pytest.raises(SettingsError, match=words):
        wave_maps.read("own.yaml")
