"""A build under test: a copy of the source tree, as it is or with one named line broken."""

from __future__ import annotations

import compileall
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("bot", "adapters", "commands", "store", "templates")
LEFT_OUT = shutil.ignore_patterns(".*", "*.db*", "build", "dist")


@dataclass(frozen=True, slots=True)
class Break:
    """Name the one line of a file that a sabotage breaks, and what stands there instead; both are whole lines, unindented."""

    name: str
    what: str
    path: str
    line: str
    instead: str


def copy(to: Path, broken: Break | None = None, *, tests: bool = False) -> Path:
    """Copy the source tree to a new folder, with one line broken; raises LookupError when that line is not there once."""
    for package in (*PACKAGES, *(("tests",) if tests else ())):
        shutil.copytree(ROOT / package, to / package, ignore=LEFT_OUT)
    for file in ("pyproject.toml", "config.example.yaml"):
        shutil.copy2(ROOT / file, to / file)
    if broken is not None:
        _break(to / broken.path, broken)
    for package in PACKAGES:  # each of the many starts would compile what has changed
        compileall.compile_dir(to / package, quiet=2)
    return to


def _break(file: Path, broken: Break) -> None:
    lines = file.read_text(encoding="utf-8").splitlines(keepends=True)
    found = [at for at, line in enumerate(lines) if line.strip() == broken.line]
    if len(found) != 1:
        raise LookupError(f"{broken.name}: the line {broken.line!r} stands {len(found)} times in {broken.path}, not once")
    line = lines[found[0]]
    indent = line[: len(line) - len(line.lstrip())]
    lines[found[0]] = f"{indent}{broken.instead}\n"
    file.write_text("".join(lines), encoding="utf-8")


def environment(build: Path) -> dict[str, str]:
    """Give the environment in which the installed `warroom` command runs the code of a build."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("WARROOM_", "PYTHON"))}
    return {**kept, "PYTHONPATH": str(build), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONFAULTHANDLER": "1"}


def command() -> Path:
    """Give the path of the installed `warroom`."""
    return Path(sys.executable).parent / "warroom"


def prove_import(build: Path) -> None:
    """Raise RuntimeError unless the command would run this very copy."""
    where = "import bot, store; print(bot.__file__); print(store.__file__)"
    said = subprocess.run(
        [sys.executable, "-c", where], env=environment(build), cwd=build, capture_output=True, text=True, timeout=60, check=True
    )
    if any(not line.startswith(f"{build}/") for line in said.stdout.split()):
        raise RuntimeError(f"{build} is not what is run, but {said.stdout}")
