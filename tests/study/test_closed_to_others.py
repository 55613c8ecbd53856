"""Other users of the machine read no micro data: in no file, whatever its folder was, and over no port."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

from great_expectations.render.renderer import ValidationResultsPageRenderer
from great_expectations.render.view import DefaultJinjaPageView
from loading import loads
from processes import listening
from study_runs import changes, context, diamant, modes

from jobs.checks.pages import validation
from jobs.run import opening
from jobs.stages.order import STAGES


def test_all_files_of_a_run_are_the_users_alone_in_folders_that_were_open(demo):
    """The folders of the demo were there with 0755, and the umask of its user is 022."""
    for folder in (demo.folder / "work", demo.folder / "input"):
        rights = modes(folder)
        wide = {name: oct(mode) for name, mode in rights.items() if mode not in (0o600, 0o700)}
        assert not wide
        assert folder.stat().st_mode & 0o777 == 0o755, "a folder of the user's own keeps its mode"
    kinds = {name.split("/")[0] for name in modes(demo.folder / "work")}
    micro = {"tables", "pages", "checker", "data_docs"}
    assert kinds == micro | {"locks", "tmp", "ledger.json", "diamant-work.json"}
    assert any(name.endswith(".parquet") for name in modes(demo.folder / "work"))


def test_what_is_published_can_be_read_by_all(demo):
    published = demo.folder / "published"
    assert published.stat().st_mode & 0o777 == 0o755
    assert set(modes(published).values()) == {0o644}


def test_a_work_folder_that_an_earlier_version_left_open_is_closed(demo, tmp_path):
    """Its tables, as they were when another program set the modes, are behind a closed folder again."""
    work = tmp_path / "work"
    shutil.copytree(demo.folder / "work", work)
    for path in [work, *work.rglob("*")]:
        path.chmod(0o755 if path.is_dir() else 0o644)
    chosen = opening.Chosen("conf/runs/demo.yaml", changes=changes(tmp_path, demo.folder)[1::2])
    umask = os.umask(0o022)
    try:
        with opening.opened(chosen, STAGES, publishing=True):
            pass
    finally:
        os.umask(umask)
    assert {path.name: path.stat().st_mode & 0o077 for path in work.iterdir()} == dict.fromkeys(
        (path.name for path in work.iterdir()), 0
    )


def test_a_damaged_table_is_kept_for_the_user_alone(spark, demo, tmp_path):
    work = tmp_path / "work"
    shutil.copytree(demo.folder / "work", work)
    work.chmod(0o755)
    tables = context(spark, "conf/runs/demo.yaml", *changes(tmp_path)[1::2]).tables
    aside = tables.move_aside("survey")
    assert aside == work / "damaged" / "survey-1"
    assert set(modes(work / "damaged").values()) <= {0o600, 0o700}


def test_nothing_listens_beyond_the_loopback_address(demo):
    assert demo.listened == {"127.0.0.1"}


def test_the_test_sees_a_port_that_is_open_to_others():
    """What `listening` tells, of a process that listens everywhere."""
    code = "import socket; s = socket.create_server(('0.0.0.0', 0)); print(flush=True); input()"
    process = subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        process.stdout.readline()
        assert listening(process.pid) == {"0.0.0.0"}
    finally:
        process.kill()
        process.communicate()


def test_the_pages_of_the_checks_load_nothing(demo):
    pages = sorted((demo.folder / "work" / "data_docs").rglob("*.html"))
    assert [page.parent.name for page in pages] == ["cis2"]
    assert [load for page in pages for load in loads(page.read_text())] == []
    assert "Success Percent" in pages[0].read_text()


def test_the_test_sees_what_a_page_of_great_expectations_would_load():
    page = DefaultJinjaPageView().render(ValidationResultsPageRenderer().render(validation("NL w", [], {})))
    assert sum("https://" in load for load in loads(page)) > 10


def test_a_publication_tells_neither_p_nor_dominance(demo):
    """They are what an attacker needs to bound the turnover of a withheld cell's largest firm."""
    manifest = json.loads(demo.published["manifest.json"])
    assert manifest["settings"]["disclosure"] == {"degrees_of_freedom": 10, "threshold": 10}
    for name in ("manifest.json", "report.html"):
        text = demo.published[name].decode()
        assert not [word for word in ("p_percent", "dominance_share", "dominance_firms") if word in text]


def test_a_laxer_rule_is_noted_for_the_office_and_not_published(demo, tmp_path):
    shutil.copytree(demo.folder / "work", tmp_path / "work")
    word = "threshold 8: decision 0815 of the office"
    rules = f"disclosure={{threshold: 8, weaker: '{word}'}}"
    code, said = diamant(
        *("run", "--conf", "conf/runs/demo.yaml", *changes(tmp_path, demo.folder)),
        *("--set", "simulate=null", "--set", rules),
    )
    assert code == 0, said
    assert "threshold is 8, laxer than the safe 10" in said and word in said
    published = tmp_path / "published"
    manifest = json.loads((published / "manifest.json").read_text())
    assert manifest["settings"]["disclosure"] == {"degrees_of_freedom": 10}
    assert not [file.name for file in published.iterdir() if b"decision 0815" in file.read_bytes()]
