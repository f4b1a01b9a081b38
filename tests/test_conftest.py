"""The account of what did not run: loud on a person's machine, a failure under CI."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SKIPS = """
from tests.conftest import unavailable
def test_one(): unavailable("Alertmanager", "no such program")
def test_two(): unavailable("Alertmanager", "no such program")
"""
PLAIN = "def test_one(): pass"
DEMANDED = """
import pytest
@pytest.mark.postgres
def test_one(): pass
@pytest.mark.alertmanager
def test_two(): pass
"""
SLOW = """
import pytest
@pytest.mark.slow
def test_one(): pass
@pytest.mark.slow
@pytest.mark.postgres
def test_two(): pass
"""
LEFT_OUT = """
import pytest
def test_one(): pass
@pytest.mark.crash
def test_two(): pass
"""
INI = "[pytest]\naddopts = -m 'not crash and not slow'\nmarkers =\n crash\n slow\n postgres\n alertmanager\n"


def run(folder: Path, source: str, *arguments: str, ci: bool) -> tuple[int, list[str]]:
    """Run pytest on this source with the project's conftest; give its exit code and what it printed."""
    (folder / "test_it.py").write_text(source)
    (folder / "pytest.ini").write_text(INI)
    env = {name: value for name, value in os.environ.items() if name not in ("CI", "PYTEST_ADDOPTS")}
    env |= {"PYTHONPATH": str(ROOT), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} | ({"CI": "true"} if ci else {})
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", *arguments]
    result = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, timeout=60, check=False)
    return result.returncode, result.stdout.splitlines()


def test_what_could_not_run_is_the_last_thing_said(tmp_path: Path) -> None:
    code, lines = run(tmp_path, SKIPS, ci=False)
    assert code == 0
    assert lines[-1] == "DID NOT RUN: Alertmanager unavailable: no such program (tests: 2)"


def test_under_ci_it_is_a_failure(tmp_path: Path) -> None:
    code, lines = run(tmp_path, SKIPS, ci=True)
    assert code == 1
    assert any("2 failed" in line for line in lines)
    assert any("Alertmanager unavailable: no such program (CI must run this)" in line for line in lines)


def test_under_ci_a_run_without_the_demanded_tests_is_a_failure(tmp_path: Path) -> None:
    code, lines = run(tmp_path, PLAIN, ci=True)
    assert code == 1
    assert lines[-2:] == [
        "DID NOT RUN: no test marked postgres passed, and CI demands some",
        "DID NOT RUN: no test marked alertmanager passed, and CI demands some",
    ]


def test_under_ci_a_run_of_the_slow_tests_needs_one_on_postgresql_and_no_alertmanager(tmp_path: Path) -> None:
    code, lines = run(tmp_path, SLOW, "-m", "slow", ci=True)
    assert (code, lines[-1]) == (0, "every collected test ran")
    code, lines = run(tmp_path, SLOW, "-m", "slow", "--deselect", "test_it.py::test_two", ci=True)
    assert (code, lines[-1]) == (1, "DID NOT RUN: no test marked postgres passed, and CI demands some")


@pytest.mark.parametrize(("source", "arguments", "ci"), [(DEMANDED, [], True), (PLAIN, ["test_it.py"], True), (PLAIN, [], False)])
def test_a_complete_run_passes(tmp_path: Path, source: str, arguments: list[str], ci: bool) -> None:
    code, lines = run(tmp_path, source, *arguments, ci=ci)
    assert code == 0
    assert lines[-1] == "every collected test ran"


@pytest.mark.parametrize("processes", [[], ["-p", "xdist", "-n", "2"]])
def test_what_another_target_runs_is_counted_and_named(tmp_path: Path, processes: list[str]) -> None:
    code, lines = run(tmp_path, LEFT_OUT, *processes, ci=False)
    assert code == 0
    assert lines[-1] == "not in this run, for `make crash`: 1"
