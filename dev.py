"""Make the checkout's own virtualenv and keep it equal to the locks.

    python3 dev.py runtime    what `warroom` itself needs
    python3 dev.py dev        that, and what the tests need

Needs Python >= 3.11 and nothing else. Everything it writes is inside `.venv`; pip verifies every file against the
hashes in the lock. Run through `make`.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

OLDEST = (3, 11)
ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
FROM_SOURCE = ("alibabacloud-endpoint-util", "alibabacloud-gateway-dingtalk", "alibabacloud-tea")  # have no wheel
LOCKS = {"runtime": ROOT / "requirements.lock", "dev": ROOT / "requirements-dev.lock"}


def fail(message: str) -> NoReturn:
    print(f"dev.py: {message}", file=sys.stderr)
    raise SystemExit(1)


def runs(python: Path | str, code: str) -> bool:
    """Tell whether this interpreter can run the code."""
    return subprocess.call([str(python), "-c", code], stderr=subprocess.DEVNULL) == 0


def usable() -> bool:
    """Tell whether the virtualenv still starts: the Python below it may have been upgraded away."""
    return PYTHON.exists() and runs(PYTHON, f"import sys; raise SystemExit(sys.version_info < {OLDEST!r})")


def digest(kind: str) -> str:
    """Hash what decides the content of the virtualenv."""
    return hashlib.sha256(LOCKS[kind].read_bytes() + (ROOT / "pyproject.toml").read_bytes()).hexdigest()


def stamp(kind: str) -> Path:
    return VENV / f"installed-{kind}"


def current(kind: str) -> bool:
    """Tell whether the virtualenv already holds this lock (the dev lock contains the runtime lock)."""
    return any(stamp(have).exists() and stamp(have).read_text() == digest(have) for have in (kind, "dev"))


def pip() -> list[str]:
    """Make `.venv` unless it is there; return the command that runs pip for it."""
    inner = [str(PYTHON), "-m", "pip"]
    outer = [sys.executable, "-m", "pip", "--python", str(PYTHON)]
    if usable():
        return inner if runs(PYTHON, "import pip") else outer
    if VENV.exists():
        shutil.rmtree(VENV)
    if runs(sys.executable, "import ensurepip"):
        subprocess.check_call([sys.executable, "-m", "venv", str(VENV)])
        return inner
    # Debian without python3-venv: the pip that is there can install into another interpreter.
    if not runs(sys.executable, "import pip"):
        fail("this python3 has neither venv with pip nor pip: install one, e.g. apt-get install python3-venv")
    subprocess.check_call([sys.executable, "-m", "venv", "--without-pip", str(VENV)])
    return outer


def parts(lock: str) -> tuple[str, str]:
    """Split a lock into what is installed as it is and what must be built, by what the first part installed."""
    wheels, sources = [], []
    for entry in re.split(r"\n(?=[a-z0-9])", lock):
        (sources if entry.startswith(tuple(f"{name}==" for name in FROM_SOURCE)) else wheels).append(entry)
    return "\n".join(wheels), "\n".join(sources)


def install(kind: str) -> None:
    """Install the lock by hash, then the checkout itself: editable, and without an environment to build it in."""
    command = [*pip(), "install", "-qq", "--no-cache-dir", "--no-deps", "--no-compile"]
    env = dict(os.environ, PIP_DISABLE_PIP_VERSION_CHECK="1", PIP_NO_INPUT="1", PIP_ROOT_USER_ACTION="ignore")
    print(f"installing {LOCKS[kind].name} into .venv (once; again only when it changes)", flush=True)
    wheels, sources = parts(LOCKS[kind].read_text())
    for name, part, how in (
        ("wheels.txt", wheels, ["--only-binary", ":all:"]),
        ("sources.txt", sources, ["--no-build-isolation"]),
    ):
        (VENV / name).write_text(part)
        if part:
            subprocess.check_call([*command, "--require-hashes", *how, "-r", str(VENV / name)], env=env)
    subprocess.check_call([*command, "--no-build-isolation", "-e", str(ROOT)], env=env)
    stamp(kind).write_text(digest(kind))


def main() -> None:
    if sys.version_info < OLDEST:
        fail(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}")
    if len(sys.argv) != 2 or sys.argv[1] not in LOCKS:
        fail("usage: python3 dev.py runtime|dev")
    import fcntl

    # Two makes at once must not install over each other.
    with (ROOT / "pyproject.toml").open() as gate:
        fcntl.flock(gate, fcntl.LOCK_EX)
        if usable() and current(sys.argv[1]):
            return
        try:
            install(sys.argv[1])
        except subprocess.CalledProcessError as error:
            fail(f"this step failed (code {error.returncode}): {' '.join(error.cmd)}")


if __name__ == "__main__":
    main()
