"""The Dutch study on simulated micro data: the published figures come out, and the truth is recovered."""

from __future__ import annotations

import io
import json
import re

import pandas as pd
import pytest


def table(demo, name: str) -> pd.DataFrame:
    return pd.read_csv(io.BytesIO(demo.published[f"{name}.csv"]))


def test_table_1_is_the_studys(demo):
    origins = table(demo, "partner_origin").query("size_class == 'all'").set_index("origin")
    assert origins.firms[["domestic only", "foreign only", "both"]].tolist() == [1008, 237, 601]
    shares = (100 * origins.share).round()
    assert shares[["any domestic", "any foreign", "both"]].tolist() == [88, 40, 28]
    turnover = (100 * origins.innovative_turnover).round()
    assert turnover[["any domestic", "any foreign", "both"]].tolist() == [25, 33, 33]


@pytest.mark.parametrize(
    ("group", "significant"),
    [("co-operating", {"effort"}), ("stand-alone", {"effort", "information", "commonality_within"})],
)
def test_the_paths_have_the_studys_signs_and_significances(demo, group, significant):
    estimates = table(demo, "estimates")
    paths = estimates.query("op == '~' and error == 'cluster:cell' and group == @group").set_index("rhs")
    assert set(paths.index[paths.pvalue < 0.05]) == significant
    assert (paths.est[list(significant)] > 0).all()
    assert paths.std_all.abs().idxmax() == "effort"


def test_intervals_hold_the_true_parameters(demo):
    truth = pd.read_csv(demo.folder / "input" / "truth.csv")
    estimates = table(demo, "estimates").query("error == 'cluster:cell'")
    both = truth.merge(estimates, on=["group", "lhs", "op", "rhs"]).dropna(subset=["se"])
    assert len(both) == 20
    # 20 parameters: a true one is outside 99.9 % limits once in fifty draws.
    assert ((both.value - both.est).abs() < 3.3 * both.se).all()


def test_the_groups_are_compared_by_a_test(demo):
    tests = table(demo, "group_differences").query("op == '~' and error == 'cluster:cell'").set_index("rhs")
    assert tests.pvalue["commonality_within"] < 0.001
    assert tests.pvalue["complementarity_within"] > 0.05


def test_rows_are_accounted_for(demo):
    ledger = json.loads((demo.folder / "work" / "ledger.json").read_text())
    stages = {name: entry["outcome"] for name, entry in ledger["slices"]["NL cis2"].items()}
    assert stages["harmonise"]["rows_set_aside"] == 12
    for stage in stages.values():
        assert stage["rows_in"] == stage["rows_out"] + stage["rows_set_aside"]
    waterfall = table(demo, "sample_waterfall").sort_values("step")
    assert (waterfall.rows_in - waterfall.rows_taken == waterfall.rows_out).all()
    assert waterfall.rows_out.iloc[-1] == stages["link"]["detail"]["sample"]


def test_exact_counts_of_rows_stay_with_the_office(demo):
    """The manifest has them rounded down; the note to the checker lies in the work folder."""
    stages = json.loads(demo.published["manifest.json"])["slices"]["NL cis2"]
    assert stages["harmonise"]["rows_set_aside"] == 10
    counts = [stage[name] for stage in stages.values() for name in stage if name.startswith("rows_")]
    assert counts and all(count % 10 == 0 for count in counts)
    note = (demo.folder / "work" / "checker" / "note.md").read_text()
    assert "No earlier release was looked at" in note
    assert "| partner_origin | firms |" in note and not [name for name in demo.published if "note" in name]


def test_plain_lines_and_the_reports_path_are_printed(demo):
    lines = demo.said.splitlines()
    for stage in ("simulate", "ingest", "harmonise", "validate", "indicators", "link", "fit", "publish"):
        assert any(line.startswith(stage) for line in lines)
    assert lines[-1].endswith("report.html") or any(line.startswith("Report: ") for line in lines)


def test_the_report_needs_no_network(demo):
    page = demo.published["report.html"].decode()
    loads = re.findall(r'(?:src|href)="(?!#)([^"]*)"', page) + re.findall(r"url\((?!#)", page)
    assert loads == []
    assert "prefers-color-scheme: dark" in page and page.count("<svg") == 2
    assert "1,008" in page and "88 %" in page


def test_every_file_is_in_the_manifest_with_its_checksum(demo):
    import hashlib

    manifest = json.loads(demo.published["manifest.json"])
    others = {name: content for name, content in demo.published.items() if name != "manifest.json"}
    assert manifest["files"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in others.items()
    }
