"""The command line `warroom`: each mistake of its user is one clear line on stderr, never a traceback.

Exit codes: 0 = done, 1 = it failed, 2 = the configuration or the command line is wrong.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import importlib
import sys
from collections.abc import Callable, Coroutine, Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from bot.errors import ConfigError, NotStored

if TYPE_CHECKING:
    from bot.config import Config

FAILED, WRONG = 1, 2

ConfigFile = Annotated[
    Path, typer.Option("--config", "-c", envvar="WARROOM_CONFIG", show_default=True, help="The configuration file.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
Lang = Annotated[Literal["zh", "en"], typer.Option("--lang", help="The language of the people.")]
DEFAULT = Path("config.yaml")


def main() -> None:
    """Run the command line of this process."""
    build()(prog_name="warroom")


def build() -> typer.Typer:
    """Declare the commands."""
    made = typer.Typer(
        name="warroom", help="A chat-first incident-response bot.", no_args_is_help=True, add_completion=False,
        rich_markup_mode=None, pretty_exceptions_enable=False,
    )  # fmt: skip
    dead = typer.Typer(help="What could not be delivered: list it, or try it again.", no_args_is_help=True, rich_markup_mode=None)
    for name, function in (
        ("run", run),
        ("sandbox", sandbox),
        ("check", check),
        ("setup", setup),
        ("migrate", migrate),
        ("report", report),
        ("help", manual),
        ("stats", stats),
        ("capabilities", capabilities),
        ("version", version),
    ):
        made.command(name)(_ended(function))
    dead.command("list")(_ended(dead_list))
    dead.command("retry")(_ended(dead_retry))
    made.add_typer(dead, name="dead")
    people = typer.Typer(help="Who is who on the chats.", no_args_is_help=True, rich_markup_mode=None)
    people.command("conflicts")(_ended(people_conflicts))
    made.add_typer(people, name="people")
    catalog = typer.Typer(help="The service catalog.", no_args_is_help=True, rich_markup_mode=None)
    catalog.command("lint")(_ended(catalog_lint))
    made.add_typer(catalog, name="catalog")
    channels = typer.Typer(help="How people outside chats are reached.", no_args_is_help=True, rich_markup_mode=None)
    channels.command("test")(_ended(channels_test))
    made.add_typer(channels, name="channels")
    return made


def _ended(function: Callable[..., int]) -> Callable[..., None]:
    """End the process with a command's exit code, or with one line for each thing that its user must know."""

    @functools.wraps(function)
    def run_it(**given: Any) -> None:
        try:
            code = function(**given)
        except ConfigError as error:
            _complain(f"{place}: {message}" for place, message in error.problems)
            code = WRONG
        except (NotStored, OSError, LookupError) as error:
            _complain([_words(error)])
            code = FAILED
        raise typer.Exit(code)

    return run_it


# ------------------------------------------------------------------------------------------------ running
def run(config: ConfigFile = DEFAULT) -> int:
    """Run the bot until SIGTERM or Ctrl-C."""
    gc.disable()  # nothing that starting makes is garbage: looking for it took a tenth of the start
    # structlog imports rich where it is installed (0.1 s, 5 MB), for tracebacks in colour that a server has no use for.
    sys.modules.setdefault("rich", None)  # type: ignore[arg-type]
    loaded = _load(config)
    _configure_log(loaded)
    _warn(loaded)

    def ready(_url: str) -> None:
        gc.freeze()
        gc.enable()

    return _finish(importlib.import_module("bot.app").serve(loaded, ready=ready))


def sandbox(
    once: Annotated[bool, typer.Option("--once", help="Play one incident from alert to closed, print it, and end.")] = False,
    lang: Lang = "zh",
    chat: Annotated[str, typer.Option("--chat", help="Where to try it: all, slack, feishu, dingtalk, wecom or plain.")] = "all",
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Port of the page. [default: 8765, or a free one]")] = None,
    data: Annotated[Path | None, typer.Option(help="Folder of the sandbox's database. [default: .warroom/sandbox]")] = None,
) -> int:
    """Try the bot with a chat in the browser: no account, no configuration. Starts anew every time."""
    work = importlib.import_module("bot.sandbox").sandbox
    return _finish(work(once=once, lang=lang, chat=chat, port=port, data=data, write=_say))


# ------------------------------------------------------------------------------------------------ looking after it
def check(config: ConfigFile = DEFAULT) -> int:
    """Check the configuration and list everything that is wrong with it."""
    loaded = _load(config)
    _warn(loaded)
    counts = (
        (len(loaded.chats), "chat", f" ({', '.join(loaded.chats)})"),
        *([(len(loaded.channels), "channel", f" ({', '.join(loaded.channels)})")] if loaded.channels else []),
        (len(loaded.monitoring), "monitoring system", ""),
        (len(loaded.routing), "routing rule", ""),
        (len(loaded.services), "service", ""),
        (len(loaded.people), "person", ""),
    )
    said = ", ".join(f"{n} {_several(what, n)}{names}" for n, what, names in counts)
    print(f"{config} is good: {said}")
    return 0


def catalog_lint(config: ConfigFile = DEFAULT) -> int:
    """List everything that is wrong with the services, people and rotations; needs no secret of the configuration."""
    from bot.config import lint

    problems = lint(config)
    _complain(f"{place}: {message}" for place, message in problems)
    if not problems:
        print(f"{config}: the catalog is in order")
    return FAILED if problems else 0


def setup(
    adapter: Annotated[str, typer.Argument(help="The kind of chat, a folder of adapters/chat; or sms: the texts to submit.")],
    config: ConfigFile = DEFAULT,
    checking: Annotated[bool, typer.Option("--check", help="Ask the chat about the credentials of the configuration.")] = False,
    http: Annotated[str | None, typer.Option("--http", help="Let the chat call us, at this public address.")] = None,
    name: Annotated[str | None, typer.Option("--name", help="The connection. [default: the adapter's name]")] = None,
    lang: Lang = "zh",
) -> int:
    """Print what a chat needs to install the app, or check its credentials; or what SMS and voice vendors must approve."""
    import json

    from bot.plugins import part

    if adapter == "sms":
        from bot.approval import sheet

        print("\n".join(sheet(lang)).rstrip())
        return 0
    how = part("adapters.chat", adapter, "setup")
    if not checking:
        print(json.dumps(how.manifest(http is not None, http, name or adapter), ensure_ascii=False, indent=2))
        print("\n".join(f"{n}. {step}" for n, step in enumerate(how.steps(http is not None), 1)), file=sys.stderr)
        return 0
    loaded = _load(config)
    _configure_log(loaded)
    chosen = {key: chat for key, chat in loaded.chats.items() if chat.adapter == adapter and name in (None, key)}
    if not chosen:
        raise LookupError(f"{config} has no chat of the adapter '{adapter}'" + (f" called '{name}'" if name else ""))
    failed = False
    for key, chat in chosen.items():
        good, wrong = asyncio.run(how.check(chat.settings))
        for line in good:
            print(f"{key}: {line}")
        _complain(f"{key}: {line}" for line in wrong)
        failed = failed or bool(wrong)
    return FAILED if failed else 0


def migrate(
    config: ConfigFile = DEFAULT,
    status: Annotated[bool, typer.Option("--status", help="Only say what is pending; exit code 1 if anything is.")] = False,
) -> int:
    """Bring the database's tables up to date (`run` does so by itself)."""
    url = _load(config).database.url
    migrations = importlib.import_module("store.migrate")
    file = Path(url.partition("://")[2].removeprefix("/")) if url.startswith("sqlite") else None
    if file is not None and not file.exists():
        if status:  # looking must not make one
            print(f"pending: {', '.join(migrations.revisions())}")
            return FAILED
        file.parent.mkdir(parents=True, exist_ok=True)
    pending = migrations.pending(url)
    if status:
        print(f"pending: {', '.join(pending)}" if pending else f"up to date (revision {migrations.revisions()[-1]})")
        return FAILED if pending else 0
    if pending:
        migrations.upgrade(url)
    print(f"applied: {', '.join(pending)}" if pending else f"up to date (revision {migrations.revisions()[-1]})")
    return 0


def dead_list(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> int:
    """List what was given up, newest first."""
    from bot.admin import dead_letters

    found = asyncio.run(dead_letters(_load(config)))
    if as_json:
        _print_json([letter.facts for letter in found])
    elif not found:
        print("nothing was given up")
    else:
        _print_table(("id", "what", "chat", "incident", "code", "tries", "since"), [letter.row for letter in found])
    return 0


def dead_retry(
    ids: Annotated[list[int] | None, typer.Argument(help="Which, by id.")] = None,
    config: ConfigFile = DEFAULT,
    everything: Annotated[bool, typer.Option("--all", help="All of them.")] = False,
) -> int:
    """Try again what was given up; a running bot picks it up at once."""
    from bot.admin import retry

    if bool(ids) == everything:
        raise typer.BadParameter("give ids or --all")
    revived, missing = asyncio.run(retry(_load(config), None if everything else ids))
    for ident in revived:
        print(f"{ident}: will be tried again")
    _complain(f"{ident}: is not among what was given up" for ident in missing)
    if not revived and not missing:
        print("nothing was given up")
    return FAILED if missing else 0


def report(
    incident: Annotated[str, typer.Argument(help="The incident's id, such as F-20240520-001.")],
    config: ConfigFile = DEFAULT,
    lang: Lang = "zh",
    as_html: Annotated[bool, typer.Option("--html", help="One HTML page that prints, in place of Markdown.")] = False,
) -> int:
    """Print the report of an incident's postmortem, drafted from the log as far as it is not written."""
    from bot.admin import report as written

    sys.stdout.write(asyncio.run(written(_load(config), incident, lang, as_html)))
    return 0


def people_conflicts(config: ConfigFile = DEFAULT, as_json: AsJson = False) -> int:
    """List the accounts that may belong to several people of the roster, so that nothing was decided."""
    from bot.admin import conflicts

    found = asyncio.run(conflicts(_load(config)))
    if as_json:
        _print_json([conflict.facts for conflict in found])
    elif not found:
        print("nobody is in doubt")
    else:
        _print_table(("chat", "who", "may be", "since"), [conflict.row for conflict in found])
    return 0


def channels_test(
    name: Annotated[str, typer.Argument(help="The channel, by its name in the configuration.")],
    to: Annotated[str, typer.Argument(help="An address or a number; of a webhook anything.")] = "",
    config: ConfigFile = DEFAULT,
) -> int:
    """Send one test notice by a channel, and say what became of it."""
    from bot.admin import try_channel

    loaded = _load(config)
    _configure_log(loaded)
    good, said = asyncio.run(try_channel(loaded, name, to))
    if good:
        print(f"{name}: {said}")
    else:
        _complain([f"{name}: {said}"])
    return 0 if good else FAILED


def stats(
    days: Annotated[int, typer.Option("--days", min=1, max=366, help="How many days back.")] = 30,
    service: Annotated[str | None, typer.Option("--service", help="Of one service, by its id.")] = None,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the numbers as CSV, for Excel.")] = False,
    each: Annotated[bool, typer.Option("--each", help="Print a line of CSV for each incident that they are of.")] = False,
    config: ConfigFile = DEFAULT, lang: Lang = "zh",
) -> int:  # fmt: skip
    """Print the numbers of a period, as everybody may know them."""
    from bot.admin import stats as stats_of

    text = asyncio.run(stats_of(_load(config), days, service, lang, "each" if each else "csv" if as_csv else "words"))
    if as_csv or each:
        sys.stdout.buffer.write(text.encode())  # as it is: no console's own encoding and line ends
        sys.stdout.flush()
    else:
        print(text)
    return 0


def manual(
    word: Annotated[str | None, typer.Argument(help="One command, by any of its words.")] = None, as_json: AsJson = False
) -> int:
    """List what people can type in a chat, in both languages."""
    from bot.admin import manual as entries_of

    entries = entries_of(word)
    if as_json:
        _print_json([entry.facts for entry in entries])
    elif word is None:
        _print_table(("command", "命令", "who", "what it does"), [entry.row for entry in entries])
    else:
        print("\n\n".join(entry.text for entry in entries))
    return 0


def capabilities(
    markdown: Annotated[bool, typer.Option("--markdown", help="As the table that stands in README.md.")] = False,
) -> int:
    """Print what each chat can do."""
    from bot import abilities

    known = abilities.profiles()
    if markdown:
        print(abilities.markdown(known), end="")
    else:
        head, *rows = abilities.table(known)
        _print_table(head, rows)
    return 0


def version() -> int:
    """Print the version."""
    from importlib.metadata import PackageNotFoundError
    from importlib.metadata import version as installed

    try:
        print(f"warroom {installed('warroom')}")
    except PackageNotFoundError:
        print("warroom (not installed)")
    return 0


# ------------------------------------------------------------------------------------------------ shared
def _load(path: Path) -> Config:
    config: Config = importlib.import_module("bot.config").load(path)
    return config


def _configure_log(config: Config) -> None:
    from bot.config import secrets_of
    from bot.log import configure

    configure(config.log.level, config.log.format, secrets_of(config))


def _warn(config: Config) -> None:
    _complain((f"{place}: {message}" for place, message in config.warnings), "warning")


def _finish(work: Coroutine[Any, Any, int]) -> int:
    try:
        factory = importlib.import_module("uvloop").new_event_loop
    except ImportError:  # not on Windows
        factory = None
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(work)


def _several(what: str, number: int) -> str:
    return what if number == 1 else {"person": "people"}.get(what, f"{what}s")


def _words(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return " ".join(str(error.args[0]).split()) if error.args else type(error).__name__


def _say(line: str) -> None:
    print(line, flush=True)


def _complain(lines: Iterable[str], sort: str = "error") -> None:
    for line in lines:
        print(f"{sort}: {line}", file=sys.stderr)


def _print_json(value: object) -> None:
    import json

    print(json.dumps(value, ensure_ascii=False, indent=2))


def _print_table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> None:
    widths = [max(_width(row[n]) for row in (head, *rows)) for n in range(len(head))]
    for row in (head, *rows):
        print("  ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip())


def _width(cell: str) -> int:
    import unicodedata

    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in cell)
