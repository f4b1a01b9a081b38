"""Who may import whom (see CONTRIBUTING.md), read off the syntax trees; and importing anything has no effect.

Every rule is shown to be able to fail: `WRONG` has a violating snippet for each.
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OURS = ("bot", "adapters", "commands", "store", "templates")
# Only these may import a module whose name they do not spell out: the composition root, what it loads plug-ins with,
# and what walks commands/.
DYNAMIC = {"bot.app", "bot.cli", "bot.command", "bot.plugins"}
# What several adapters need and none owns: the client of every API, a pace, and what WeCom's two kinds of connection show.
SHARED = ("adapters.aliyun", "adapters.http", "adapters.pace", "adapters.wecom_card", "adapters.wecom_markdown")
DATABASE = {"sqlmodel", "sqlalchemy", "alembic", "psycopg", "sqlite3"}
# Alembic's own scripts run inside its context; they cannot be imported by themselves.
SCRIPTS = ("store.migrations.",)


@dataclass(frozen=True, slots=True)
class Module:
    """One source file: its dotted name, what it imports and what it says in strings."""

    name: str
    imports: frozenset[str]
    dynamic: bool
    strings: frozenset[str]

    @property
    def top(self) -> str:
        return self.name.partition(".")[0]


def within(name: str, *packages: str) -> bool:
    """Tell whether a dotted name is one of these packages or inside one."""
    return any(name == package or name.startswith(package + ".") for package in packages)


def parse(name: str, source: str, *, package: bool = False) -> Module:
    """Read a module's imports, at every depth, `TYPE_CHECKING` blocks and functions included."""
    imports: set[str] = set()
    strings: set[str] = set()
    dynamic = False
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                imports.update(alias.name for alias in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                base = module or ""
                if level:
                    parent = name.split(".") if package else name.split(".")[:-1]
                    base = ".".join([*parent[: len(parent) - level + 1], *([module] if module else [])])
                # `from bot import model` names a module, `from bot.model import Incident` does not: keep the dotted
                # form where a file proves it, else the package.
                for alias in names:
                    dotted = f"{base}.{alias.name}"
                    imports.add(dotted if exists(dotted) else base)
            case ast.Call(func=ast.Attribute(attr="import_module") | ast.Name(id="import_module" | "__import__")):
                dynamic = True
            case ast.Constant(value=str(value)):
                strings.add(value)
    return Module(name, frozenset(imports), dynamic, frozenset(strings))


def exists(dotted: str) -> bool:
    path = ROOT.joinpath(*dotted.split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def plugin(name: str) -> str | None:
    """Return the plug-in that a module belongs to: `adapters.chat.slack`, `adapters.monitoring.zabbix`, …"""
    parts = name.split(".")
    if parts[0] != "adapters" or len(parts) < 3:
        return None
    return "adapters.sandbox" if parts[1] == "sandbox" else ".".join(parts[:3])


def ours(module: Module) -> Iterator[str]:
    return (name for name in sorted(module.imports) if within(name, *OURS))


# --- the rules: each yields what a module does against it ------------------------------------------------------------


def model_is_pure(module: Module) -> Iterator[str]:
    if within(module.name, "bot.model"):
        for name in sorted(module.imports):
            if not within(name, "bot.model", "msgspec") and name.partition(".")[0] not in sys.stdlib_module_names:
                yield f"imports {name}; bot.model may import the standard library, msgspec and bot.model"


def bot_names_no_plugin(module: Module) -> Iterator[str]:
    if module.top == "bot":
        for name in ours(module):
            if not within(name, "bot", "templates"):
                yield f"imports {name}; bot knows adapters, store and commands only by configuration key"


def keys_are_not_spelled_out(module: Module) -> Iterator[str]:
    if module.top == "bot":
        for text in sorted(module.strings):
            if re.fullmatch(r"adapters\.(?!sandbox\b|http\b)\w+\.[\w.]+", text):
                yield f"names {text!r}; a plug-in is found by its configuration key"


def only_the_root_imports_by_key(module: Module) -> Iterator[str]:
    if module.dynamic and module.name not in DYNAMIC and not within(module.name, *(s[:-1] for s in SCRIPTS)):
        yield f"imports by a computed name; only {', '.join(sorted(DYNAMIC))} may"


def commands_import_bot(module: Module) -> Iterator[str]:
    if module.top == "commands":
        for name in ours(module):
            if not within(name, "bot", "commands"):
                yield f"imports {name}; commands may import bot"


def store_imports_the_model(module: Module) -> Iterator[str]:
    if module.top == "store":
        for name in ours(module):
            if not within(name, "store", "bot.model", "bot.ports", "bot.errors"):
                yield f"imports {name}; store may import bot.model, bot.ports and bot.errors"


def adapters_stand_alone(module: Module) -> Iterator[str]:
    if module.top != "adapters" or within(module.name, "adapters.sandbox"):
        return
    own = plugin(module.name) or module.name
    for name in ours(module):
        if not within(name, own, "bot.model", "bot.ports", "bot.errors", *SHARED):
            yield f"imports {name}; an adapter may import bot.model, bot.ports, bot.errors and {', '.join(SHARED)}"


def the_sandbox_shares_nothing(module: Module) -> Iterator[str]:
    if within(module.name, "adapters.sandbox"):
        for name in ours(module):
            if not within(name, "adapters.sandbox"):
                yield f"imports {name}; a stand-in may share nothing with what it checks"


def only_store_knows_databases(module: Module) -> Iterator[str]:
    if module.top != "store":
        for name in sorted(module.imports):
            if within(name, *DATABASE):
                yield f"imports {name}; databases belong to store"


def templates_hold_no_code(module: Module) -> Iterator[str]:
    if module.top == "templates" and module.imports:
        yield f"imports {', '.join(sorted(module.imports))}; templates are data"


Rule = Callable[[Module], Iterator[str]]
RULES: tuple[Rule, ...] = (
    model_is_pure,
    bot_names_no_plugin,
    keys_are_not_spelled_out,
    only_the_root_imports_by_key,
    commands_import_bot,
    store_imports_the_model,
    adapters_stand_alone,
    the_sandbox_shares_nothing,
    only_store_knows_databases,
    templates_hold_no_code,
)

# (rule, module, snippet): each must be refused by exactly this rule …
WRONG: tuple[tuple[Rule, str, str], ...] = (
    (model_is_pure, "bot.model.x", "import structlog"),
    (model_is_pure, "bot.model.x", "from bot.ports import Store"),
    (model_is_pure, "bot.model.x", "from ..errors import Refused"),
    (model_is_pure, "bot.model.x", "from .. import errors"),
    (bot_names_no_plugin, "bot.app", "import adapters.chat.plain"),
    (bot_names_no_plugin, "bot.engine.x", "def f():\n    from store import transactions"),
    (bot_names_no_plugin, "bot.cli", "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import commands"),
    (keys_are_not_spelled_out, "bot.app", "KNOWN = ['adapters.chat.slack']"),
    (only_the_root_imports_by_key, "bot.engine.x", "import importlib\nimportlib.import_module(key)"),
    (only_the_root_imports_by_key, "adapters.chat.x", "from importlib import import_module\nimport_module(key)"),
    (only_the_root_imports_by_key, "store.x", "__import__(key)"),
    (commands_import_bot, "commands.x", "from store import tables"),
    (commands_import_bot, "commands.x", "import adapters.http"),
    (store_imports_the_model, "store.x", "from bot.engine import outbox"),
    (store_imports_the_model, "store.x", "from bot import views"),
    (store_imports_the_model, "store.x", "from commands import note"),
    (adapters_stand_alone, "adapters.chat.x.client", "from adapters.chat.y import render"),
    (adapters_stand_alone, "adapters.monitoring.x", "from . import y"),
    (adapters_stand_alone, "adapters.notify.x", "from store import tables"),
    (adapters_stand_alone, "adapters.chat.x.inbound", "from bot.config import Config"),
    (adapters_stand_alone, "adapters.http", "from adapters.chat import plain"),
    (adapters_stand_alone, "adapters.wecom_card", "from adapters.chat.wecom import render"),
    (adapters_stand_alone, "adapters.chat.wecom_bot.client", "from adapters.chat.wecom import render"),
    (the_sandbox_shares_nothing, "adapters.sandbox.x", "from adapters.chat.plain import client"),
    (the_sandbox_shares_nothing, "adapters.sandbox.x", "from bot.model.card import Card"),
    (the_sandbox_shares_nothing, "adapters.sandbox.x", "import adapters.http"),
    (only_store_knows_databases, "commands.x", "from sqlmodel import Session"),
    (only_store_knows_databases, "adapters.chat.x", "import sqlite3"),
    (only_store_knows_databases, "bot.engine.x", "from sqlalchemy.orm import Session"),
    (templates_hold_no_code, "templates.x", "import json"),
)

# … and these by none.
RIGHT: tuple[tuple[str, str], ...] = (
    ("bot.model.x", "import dataclasses\nimport msgspec\nfrom bot.model.ids import IncidentId\nfrom . import ids"),
    ("bot.app", "import importlib\ndef load(key):\n    return importlib.import_module(f'adapters.chat.{key}')"),
    ("bot.engine.x", "from bot.model import incident\nimport structlog"),
    ("commands.x", "from bot.command import command\nfrom bot.model.incident import Incident"),
    ("store.x", "import sqlmodel\nfrom bot.errors import Refused\nfrom bot.ports import Store\nfrom . import tables"),
    ("adapters.chat.x.client", "from adapters.http import Http\nfrom adapters.chat.x import render\nimport bot.model"),
    ("adapters.monitoring.x", "from bot.model.alert import Alert"),
    ("adapters.sandbox.x", "import httpx\nfrom adapters.sandbox import page"),
)


def violations(module: Module) -> list[tuple[str, str]]:
    return [(rule.__name__, f"{module.name} {what}") for rule in RULES for what in rule(module)]


def sources() -> Iterator[tuple[str, Path]]:
    for package in OURS:
        for path in sorted((ROOT / package).rglob("*.py")):
            parts = path.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts[:-1] if parts[-1] == "__init__" else parts), path


def test_everybody_imports_only_what_they_may() -> None:
    found = [
        message
        for name, path in sources()
        for _, message in violations(parse(name, path.read_text("utf-8"), package=path.stem == "__init__"))
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("rule", "name", "snippet"), WRONG)
def test_each_rule_can_fail(rule: Rule, name: str, snippet: str) -> None:
    assert {broken for broken, _ in violations(parse(name, snippet))} == {rule.__name__}


def test_every_rule_is_shown_to_fail() -> None:
    assert {rule for rule, _, _ in WRONG} == set(RULES)


@pytest.mark.parametrize(("name", "snippet"), RIGHT)
def test_what_is_allowed_passes(name: str, snippet: str) -> None:
    assert violations(parse(name, snippet)) == []


# --- importing has no effect -----------------------------------------------------------------------------------------

WATCH = """
import importlib, json, os, sys, threading

effects = []
WRITES = {"os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "subprocess.Popen", "os.fork",
          "os.system", "os.posix_spawn", "socket.bind", "socket.connect", "socket.getaddrinfo", "sqlite3.connect",
          "signal.signal", "os.putenv"}

def watch(event, args):
    if event == "open":
        path, mode, flags = args
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            effects.append(f"{current}: opened {path!r} for writing")
    elif event in WRITES:
        effects.append(f"{current}: {event} {args[:1]!r}")

current = "start"
sys.dont_write_bytecode = True
names, sys.path[:0] = json.loads(sys.argv[1]), json.loads(sys.argv[2])
sys.addaudithook(watch)
out, sys.stdout = sys.stdout, open(os.devnull)
for current in names:
    try:
        module = importlib.import_module(current)
    except ImportError as error:
        effects.append(f"{current}: cannot be imported: {error}")
        continue
    for thread in threading.enumerate():
        if thread is not threading.main_thread():
            effects.append(f"{current}: started the thread {thread.name}")
    made = {("sqlalchemy.engine", "Engine"), ("starlette.applications", "Starlette"), ("httpx", "AsyncClient"),
            ("pydantic_settings", "BaseSettings"), ("asyncio", "AbstractEventLoop")}
    kinds = tuple(getattr(sys.modules[home], name) for home, name in made if home in sys.modules)
    for name, value in vars(module).items():
        if isinstance(value, kinds):
            effects.append(f"{current}: holds {name}, a {type(value).__name__}, as a global")
out.write(json.dumps(effects))
"""


def effects(names: list[str], *paths: Path) -> list[str]:
    """Import these modules in a process of its own; return what that did besides defining things."""
    command = [sys.executable, "-c", WATCH, json.dumps(names), json.dumps([str(path) for path in (*paths, ROOT)])]
    result = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert result.returncode == 0, result.stderr
    found: list[str] = json.loads(result.stdout)
    return found


def test_importing_every_module_has_no_effect() -> None:
    names = [name for name, _ in sources() if not name.startswith(SCRIPTS)]
    assert effects(names) == []


@pytest.mark.parametrize(
    ("snippet", "seen"),
    [
        ("import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()", "thread"),
        ("import socket\ns = socket.socket()\ns.bind(('127.0.0.1', 0))", "socket.bind"),
        ("open(__file__ + '.made', 'w').close()", "for writing"),
        ("import sqlite3\nsqlite3.connect(':memory:')", "sqlite3.connect"),
        ("import subprocess\nsubprocess.run(['true'])", "subprocess.Popen"),
        ("from starlette.applications import Starlette\napp = Starlette()", "holds app"),
        ("import sqlalchemy\nengine = sqlalchemy.create_engine('sqlite://')", "holds engine"),
        ("from pydantic_settings import BaseSettings\nclass C(BaseSettings): pass\nsettings = C()", "holds settings"),
    ],
)
def test_an_effect_at_import_is_seen(snippet: str, seen: str, tmp_path: Path) -> None:
    (tmp_path / "culprit.py").write_text(textwrap.dedent(snippet))
    assert any(seen in effect for effect in effects(["culprit"], tmp_path))


# --- templates -------------------------------------------------------------------------------------------------------


def names_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def untranslated(templates: Path) -> set[str]:
    """Name the templates that exist in only one of the two languages."""
    return names_in(templates / "zh") ^ names_in(templates / "en")


def test_templates_exist_in_both_languages() -> None:
    assert untranslated(ROOT / "templates") == set()


def test_a_missing_translation_is_seen(tmp_path: Path) -> None:
    for name in ("zh/events/note.j2", "en/events/note.j2", "zh/events/ack.j2"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert untranslated(tmp_path) == {"events/ack.j2"}
