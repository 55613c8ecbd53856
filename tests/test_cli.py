"""The command: its help, its version, and one line and an exit code for every kind of error."""

from __future__ import annotations

import re
import signal

import pytest
from typer.testing import CliRunner

from jobs import __version__, cli, errors
from jobs.run.guard import guarded

KINDS = [
    kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, errors.DiamantError)
]


def told(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(cli.app, list(arguments), env={"COLUMNS": "120", "NO_COLOR": "1"})
    return done.exit_code, re.sub(r"\x1b\[[0-9;]*m", "", done.output)


def test_help_names_every_command_and_the_exit_codes():
    code, said = told("--help")
    assert code == 0 and "Exit codes" in said
    for command in ("run", "simulate", "validate", "fit", "plan"):
        assert re.search(rf"\b{command}\b", said)


@pytest.mark.parametrize("command", ["run", "simulate", "validate", "fit", "plan"])
def test_each_command_has_its_own_help(command):
    code, said = told(command, "--help")
    assert code == 0 and "--conf" in said and "--wave" in said and "--set" in said


def test_version():
    assert told("--version") == (0, f"diamant {__version__}\n")


@pytest.mark.parametrize(
    "arguments", [("run",), ("run", "--config", "x"), ("dance",), ("plan", "--conf", "x", "--wave")]
)
def test_wrong_arguments_end_with_2(arguments):
    assert told(*arguments)[0] == 2


def test_a_missing_run_file_is_a_settings_error_before_spark_starts():
    done = CliRunner().invoke(cli.app, ["plan", "--conf", "conf/runs/nowhere.yaml"])
    assert isinstance(done.exception, errors.SettingsError)


def ended(capsys, error: BaseException) -> tuple[int, str]:
    """The exit code and the line of a command that raises."""

    def command():
        raise error

    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        with pytest.raises(SystemExit) as left:
            guarded(command)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return left.value.code, capsys.readouterr().err


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_expected_error_is_one_line_and_its_own_code(capsys, kind):
    code, said = ended(capsys, kind("what is wrong; what to do."))
    assert (code, said) == (kind.exit_code, "diamant: what is wrong; what to do.\n")


def test_several_failed_slices_are_a_line_each_and_the_code_of_the_first(capsys):
    several = errors.SlicesFailed(["AT cis2: a file is gone.", "BE cis3: a rule failed."], 3)
    assert ended(capsys, several) == (
        3,
        "diamant: AT cis2: a file is gone.\ndiamant: BE cis3: a rule failed.\n",
    )


def test_exit_codes_are_the_documented_ones():
    codes = {kind.__name__: kind.exit_code for kind in KINDS}
    assert codes == {
        **{"DiamantError": 1, "SparkEnded": 1, "SettingsError": 2, "SparkNotStarted": 2, "ExecutorsUnfit": 2},
        **{"InputError": 3, "Unreachable": 3},
        **{"ValidationStopped": 4, "SliceHeld": 5, "DisclosureStopped": 6, "FitsFailed": 7},
    }


def test_an_unexpected_error_is_one_line_without_what_it_quotes(capsys):
    code, said = ended(capsys, ValueError("could not read 'F-CANARY' of turnover 987654321"))
    assert code == 1 and said.count("\n") == 1
    assert "internal error" in said and "CANARY" not in said and "987654321" not in said
