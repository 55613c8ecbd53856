"""`diamant waves`: each concept of each wave is measured, derived or absent with a reason."""

from __future__ import annotations

from typer.testing import CliRunner

from jobs import cli
from jobs.settings import schemas, wave_maps


def test_all_concepts_of_a_wave_are_shown():
    done = CliRunner().invoke(cli.app, ["waves", "conf/waves/cis2022.yaml", "conf/waves/cis4.yaml"])
    assert done.exit_code == 0, done.exception
    names = [name for name in schemas.table("survey").names if name not in wave_maps.DERIVED]
    rows = {line.split()[1]: line.split()[3::2] for line in done.output.splitlines() if line.startswith("│")}
    assert set(names) <= set(rows)
    assert "greater" in done.output and "derived" in done.output and "scale ?" in done.output
    assert "cis2022: source_fairs is absent: sources of information are not asked" in done.output
    assert "cis2022: break: From 2018 on innovation includes all business processes" in done.output


def test_the_maps_of_the_program_are_shown_where_none_is_named():
    done = CliRunner().invoke(cli.app, ["waves"])
    assert done.exit_code == 0 and "cis2016: source_clients is absent" in done.output
