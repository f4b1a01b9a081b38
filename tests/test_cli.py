"""What an admin meets on the command line: clear lines, exit codes, never a traceback."""

from __future__ import annotations

import asyncio
import json
import os
import re
import selectors
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from aiosmtpd.controller import Controller
from typer.testing import CliRunner, Result

from bot.cli import build
from bot.model import event as ev
from bot.model.effect import EffectKind, Intent
from bot.model.ids import ConnectionId, EffectId, PersonId
from bot.model.person import ALL_SEEING, ActorKind, LookUp, Person
from bot.plugins import plugin
from bot.ports import UnitOfWork
from bot.sandbox import sandbox
from store.migrate import pending, revisions, upgrade
from store.open import open_store
from tests.postman import Postman
from tests.store.world import CHAT, T0, Ticking, declared

ROOT = Path(__file__).resolve().parent.parent
SECRET = "s3cret-s3cret-s3cret"
IN_TIME = 60.0  # seconds
PLAYED = 90.0  # seconds for a whole incident on two busy cores


@pytest.fixture(scope="module")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "w.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """Give a configuration whose chat is not there and whose database is not made yet."""
    path = tmp_path / "warroom.yaml"
    path.write_text(
        f"database: {{url: 'sqlite:///{tmp_path}/data/w.db'}}\nhttp: {{port: 0}}\n"
        f"chats: {{plain: {{adapter: plain, base_url: 'http://127.0.0.1:9', secret: {SECRET}}}}}\n",
        encoding="utf-8",
    )
    return path


@pytest.fixture
def stored(config: Path, migrated: Path) -> str:
    """Give the URL of the configuration's database, its tables made."""
    database = config.parent / "data" / "w.db"
    database.parent.mkdir()
    shutil.copy(migrated, database)
    return f"sqlite:///{database}"


def warroom(*arguments: str | Path) -> Result:
    """Run a command line in this process."""
    return CliRunner().invoke(build(), [str(a) for a in arguments], catch_exceptions=False, prog_name="warroom")


# ------------------------------------------------------------------------------------------------ check
def test_a_good_configuration_is_summed_up(config: Path) -> None:
    said = warroom("check", "-c", config)
    assert (said.exit_code, said.stderr) == (0, "")
    assert said.stdout == f"{config} is good: 1 chat (plain), 0 monitoring systems, 0 routing rules, 0 services, 0 people\n"


def test_the_example_is_good_once_its_variables_are_set() -> None:
    variables = {"PLAIN_SECRET": SECRET, "ALERTMANAGER_TOKEN": "t0ken-t0ken"}
    made = CliRunner(env=variables).invoke(build(), ["check", "-c", str(ROOT / "config.example.yaml")])
    assert made.exit_code == 0, made.output


def test_every_problem_is_one_line_with_its_place_and_exit_code_2(config: Path) -> None:
    config.write_text(config.read_text().replace("port: 0", "port: x") + "bogus: 1\nadmins: [ghost]\ntimezone: Mars\n")
    for command in ("check", "run", "migrate"):
        said = warroom(command, "-c", config)
        assert said.exit_code == 2
        assert said.stdout == ""
        assert sorted(line.rpartition(": ")[0] for line in said.stderr.splitlines()) == [
            "error: admins.0", "error: bogus", "error: http.port", "error: timezone",
        ]  # fmt: skip
        assert SECRET not in said.stderr


def test_doubts_are_told_and_do_not_stop_anything(config: Path) -> None:
    config.write_text(config.read_text() + "services: {a: {name: 支付}, b: {name: 支付}}\n", encoding="utf-8")
    said = warroom("check", "-c", config)
    assert said.exit_code == 0
    assert said.stderr == "warning: services.b: '支付' also means a: people will be asked which\n"


def test_without_a_file_the_line_says_which_is_looked_for(tmp_path: Path) -> None:
    assert warroom("check", "-c", tmp_path / "no.yaml").stderr == f"error: {tmp_path}/no.yaml: no such file\n"
    by_variable = CliRunner(env={"WARROOM_CONFIG": str(tmp_path / "other.yaml")}).invoke(build(), ["check"])
    assert by_variable.stderr == f"error: {tmp_path}/other.yaml: no such file\n"


@pytest.mark.parametrize("line", [["--foo"], ["run", "--foo"], ["nothing"], ["dead", "retry"], ["dead", "retry", "x"]])
def test_a_wrong_command_line_is_refused_with_the_usage(line: list[str]) -> None:
    said = warroom(*line)
    assert said.exit_code == 2
    assert "Usage: warroom" in said.stderr
    assert "Traceback" not in said.output


def test_the_commands_are_these() -> None:
    said = warroom("--help")
    assert said.exit_code == 0
    assert re.findall(r"^  (\w+)  ", said.stdout, re.MULTILINE) == [
        "run", "sandbox", "check", "setup", "migrate", "report", "help", "stats", "capabilities", "version", "dead", "people",
        "catalog", "channels",
    ]  # fmt: skip


def test_the_version_is_that_of_the_package() -> None:
    assert re.fullmatch(r"warroom \d+\.\d+\.\d+\S*\n", warroom("version").stdout)


# ------------------------------------------------------------------------------------------------ migrate
def test_migrate_says_what_is_pending_and_applies_it_once(config: Path) -> None:
    url = f"sqlite:///{config.parent}/data/w.db"
    looked = warroom("migrate", "--status", "-c", config)
    assert (looked.exit_code, looked.stdout) == (1, f"pending: {', '.join(revisions())}\n")
    assert not (config.parent / "data").exists()  # looking makes nothing
    applied = warroom("migrate", "-c", config)
    assert (applied.exit_code, applied.stdout) == (0, f"applied: {', '.join(revisions())}\n")
    assert pending(url) == ()
    for again in (warroom("migrate", "-c", config), warroom("migrate", "--status", "-c", config)):
        assert (again.exit_code, again.stdout) == (0, f"up to date (revision {revisions()[-1]})\n")


def test_a_database_that_does_not_answer_is_one_line(config: Path) -> None:
    password = "hunter2hunter2"
    config.write_text(re.sub(r"sqlite:[^']*", f"postgresql://bot:{password}@127.0.0.1:1/x", config.read_text()))
    said = warroom("migrate", "-c", config)
    assert said.exit_code == 1
    assert len(said.stderr.splitlines()) == 1
    assert said.stderr.startswith("error: the database cannot be opened: ")
    assert password not in said.output


# ------------------------------------------------------------------------------------------------ help
def test_help_lists_every_command_that_people_type_in_both_languages() -> None:
    entries = json.loads(warroom("help", "--json").stdout)
    discovered = plugin("bot", "app").discover()
    assert [e["name"] for e in entries] == sorted(n for n, d in discovered.items() if ActorKind.PERSON in d.by)
    listed = warroom("help").stdout
    for entry in entries:
        assert set(entry) == {"name", "words", "does", "usage", "example", "permission", "where", "changes", "scenarios"}
        assert entry["words"]["en"], entry
        assert entry["words"]["zh"], entry
        assert all(entry[key][lang] for key in ("does", "usage") for lang in ("zh", "en"))
        assert entry["permission"] in {"member", "responder", "commander", "admin"}
        assert entry["where"]
        assert entry["words"]["zh"][0] in listed


@pytest.mark.parametrize("word", ["commander", "指挥", "/COMMANDER"])
def test_help_finds_a_command_by_any_of_its_words(word: str) -> None:
    said = warroom("help", word)
    assert said.exit_code == 0
    assert said.stdout.startswith("commander: ")
    assert "permission  responder" in said.stdout
    (entry,) = json.loads(warroom("help", word, "--json").stdout)
    assert entry["name"] == "commander"


def test_help_offers_the_nearest_word() -> None:
    said = warroom("help", "comander")
    assert said.exit_code == 1
    assert said.stderr == "error: no command is called 'comander'; did you mean commander?\n"


# ------------------------------------------------------------------------------------------------ dead letters
def bury(url: str, number: int) -> list[int]:
    """Give up some effects, of an incident and of none; gives their ids."""

    async def work() -> list[int]:
        store = open_store(url, clock=Ticking(), lock=False)

        def job(uow: UnitOfWork) -> list[int]:
            incident, event = declared()
            uow.save_incident(incident, [event])
            uow.want([
                Intent(EffectKind.SEND, f"chat:plain:{n}", f"{n}", CHAT, incident.id if n == 0 else None, key=f"k{n}")
                for n in range(number)
            ], T0)  # fmt: skip
            claimed = uow.claim("me", [ConnectionId("plain")], T0, timedelta(seconds=4), number)
            for effect in claimed:
                assert uow.bury(effect, "me", T0, "chat_gone")
            return [int(e.id) for e in claimed]

        try:
            return await store.tx(job)
        finally:
            await store.close()

    return asyncio.run(work())


def facts_of(url: str, ident: str) -> list[ev.Payload]:
    async def work() -> list[ev.Payload]:
        store = open_store(url, clock=Ticking(), lock=False)
        try:
            events = await store.read(lambda reads: reads.timeline(declared(ident)[0].id), ALL_SEEING)
            return [event.payload for event in events]
        finally:
            await store.close()

    return asyncio.run(work())


def test_nothing_given_up_says_so(config: Path, stored: str) -> None:
    assert warroom("dead", "list", "-c", config).stdout == "nothing was given up\n"
    assert warroom("dead", "retry", "--all", "-c", config).stdout == "nothing was given up\n"
    missing = warroom("dead", "retry", "7", "-c", config)
    assert (missing.exit_code, missing.stderr) == (1, "error: 7: is not among what was given up\n")


def test_what_was_given_up_is_listed_and_tried_again(config: Path, stored: str) -> None:
    first, *others = bury(stored, 3)
    listed = warroom("dead", "list", "-c", config).stdout.splitlines()
    assert listed[0].split() == ["id", "what", "chat", "incident", "code", "tries", "since"]
    assert {int(line.split()[0]) for line in listed[1:]} == {first, *others}
    assert all("Send" in line and "chat_gone" in line for line in listed[1:])
    facts = {entry["id"]: entry for entry in json.loads(warroom("dead", "list", "--json", "-c", config).stdout)}
    assert facts[first]["incident"] == "F-20240520-001"
    assert facts[others[0]]["incident"] is None

    again = warroom("dead", "retry", str(first), "999", "-c", config)
    assert (again.exit_code, again.stdout) == (1, f"{first}: will be tried again\n")
    assert again.stderr == "error: 999: is not among what was given up\n"
    assert facts_of(stored, "F-20240520-001")[1:] == [ev.DeliveryRetried(effect=EffectId(first))]

    rest = warroom("dead", "retry", "--all", "-c", config)
    assert rest.exit_code == 0
    assert {int(line.partition(":")[0]) for line in rest.stdout.splitlines()} == set(others)
    assert warroom("dead", "list", "-c", config).stdout == "nothing was given up\n"


def test_whoever_may_be_several_people_is_listed(config: Path, stored: str) -> None:
    assert warroom("people", "conflicts", "-c", config).stdout == "nobody is in doubt\n"

    def meet(uow: UnitOfWork) -> None:
        uow.save_person(Person(PersonId("p-7"), "小王"))
        uow.save_look_up(LookUp(ConnectionId("plain"), PersonId("p-7"), "wang,wang2", "conflict", Ticking().now()))

    async def work() -> None:
        store = open_store(stored, clock=Ticking(), lock=False)
        try:
            await store.tx(meet)
        finally:
            await store.close()

    asyncio.run(work())
    (head, line) = warroom("people", "conflicts", "-c", config).stdout.splitlines()
    assert head.split() == ["chat", "who", "may", "be", "since"] and line.startswith("plain  小王 (p-7)  wang, wang2")
    (fact,) = json.loads(warroom("people", "conflicts", "--json", "-c", config).stdout)
    assert fact["others"] == ["wang", "wang2"]


# ------------------------------------------------------------------------------------------------ real processes
@contextmanager
def process(*arguments: str | Path, cwd: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a real `warroom`; it is gone afterwards whatever happened."""
    env = {k: v for k, v in os.environ.items() if not k.startswith("WARROOM_")} | {"PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "bot", *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=cwd, env=env) as running:
        try:
            yield running
        finally:
            running.kill()


def line_of(stream: Any, pattern: str) -> re.Match[str]:
    """Read lines until one matches."""
    seen: list[str] = []
    ends = time.monotonic() + IN_TIME
    with selectors.DefaultSelector() as ready:
        ready.register(stream, selectors.EVENT_READ)
        while ready.select(max(0.0, ends - time.monotonic())):
            line = stream.readline()
            found = re.search(pattern, line)
            if found:
                return found
            if not line:
                break
            seen.append(line)
    raise AssertionError(f"no line {pattern!r} in time, but: {''.join(seen)}")


def test_run_serves_until_sigterm_and_ends_with_0(config: Path) -> None:
    with process("run", "-c", config, cwd=config.parent) as bot:
        url = line_of(bot.stderr, r'"url":"(http://127[^"]+)"')[1]
        assert httpx.get(f"{url}/healthz", trust_env=False).text == "ok\n"
        metrics = httpx.get(f"{url}/metrics", trust_env=False).text
        assert re.search(r'^warroom_info\{version="[^"]+"\} 1.0$', metrics, re.MULTILINE)
        with process("run", "-c", config, cwd=config.parent) as second:  # two processes on one SQLite file
            assert second.wait(IN_TIME) == 2
            assert second.stderr is not None
            (said,) = second.stderr.read().splitlines()
            assert f"in use by another running warroom (process {bot.pid})" in said
        bot.send_signal(signal.SIGTERM)
        assert bot.wait(IN_TIME) == 0
        assert bot.stderr is not None
        for line in bot.stderr.read().splitlines():
            assert json.loads(line)["level"] == "info"
            assert SECRET not in line


def test_a_port_in_use_is_one_line(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        config.write_text(config.read_text().replace("port: 0", f"port: {port}"))
        with process("run", "-c", config, cwd=config.parent) as bot:
            assert bot.wait(IN_TIME) == 1
            assert bot.stderr is not None
            assert bot.stderr.read() == f"error: cannot listen on 127.0.0.1:{port}: Address already in use\n"


def test_the_sandbox_opens_a_page_and_starts_anew(tmp_path: Path) -> None:
    with process("sandbox", "--port", "0", cwd=tmp_path) as bot:
        page = line_of(bot.stdout, r"Open (http://127\.0\.0\.1:\d+) in a browser")[1]
        assert 'id="chats"' in httpx.get(page, trust_env=False).text
        assert (tmp_path / ".warroom" / "sandbox" / "sandbox.db").exists()
        with process("sandbox", "--port", "0", cwd=tmp_path) as second:
            assert second.wait(IN_TIME) == 1
            assert second.stderr is not None
            assert second.stderr.read().startswith("error: another sandbox runs in .warroom/sandbox; stop it")
        bot.send_signal(signal.SIGINT)
        assert bot.wait(IN_TIME) == 0


@pytest.mark.parametrize("chat", [pytest.param("slack", marks=pytest.mark.slow), "plain"])
def test_the_sandbox_plays_an_incident_by_itself(tmp_path: Path, chat: str) -> None:
    with process("sandbox", "--once", "--chat", chat, cwd=tmp_path) as bot:
        out, errors = bot.communicate(timeout=PLAYED)
        assert bot.returncode == 0, out + errors
        assert out.endswith("every step was seen\n")
        assert "已关闭" in out
        assert "[error" not in errors
        assert "Traceback" not in errors
        assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("chat", ["slack", "plain"])
def test_the_sandbox_plays_it_in_english_too(tmp_path: Path, chat: str) -> None:
    with process("sandbox", "--once", "--lang", "en", "--chat", chat, cwd=tmp_path) as bot:
        out, errors = bot.communicate(timeout=PLAYED)
        assert bot.returncode == 0, out + errors
        assert not re.search(r"[\u4e00-\u9fff]", out)


@pytest.mark.parametrize("chat", ["slack", "plain"])
async def test_a_step_that_was_not_seen_is_exit_code_1(tmp_path: Path, chat: str) -> None:
    async def play(url: str, write: Any) -> list[str]:
        return ["zhang waited 20 s for a room"]

    real = plugin("adapters.sandbox", "demo").of(chat)
    said: list[str] = []
    demo = SimpleNamespace(serve=real.serve, organisation=real.organisation, meet=real.meet, play=play)
    code = await sandbox(once=True, lang="zh", chat=chat, port=None, data=tmp_path, write=said.append, demo=demo)
    assert code == 1
    assert said == ["1 step not seen"]


# ------------------------------------------------------------------------------------------------ setting a chat up
def test_setup_prints_what_the_chat_installs() -> None:
    said = warroom("setup", "slack")
    assert said.exit_code == 0
    manifest = json.loads(said.stdout)
    assert manifest["settings"]["socket_mode_enabled"] is True
    assert [one["command"] for one in manifest["features"]["slash_commands"]] == ["/incident", "/inc"]
    over_http = json.loads(warroom("setup", "slack", "--http", "https://bot.example/", "--name", "eu").stdout)
    assert over_http["settings"]["interactivity"]["request_url"] == "https://bot.example/chat/eu"
    assert over_http["settings"]["socket_mode_enabled"] is False


def test_setup_sms_prints_the_texts_to_submit_and_where_their_codes_go() -> None:
    said = warroom("setup", "sms").stdout
    vendors = dict(re.findall(r"(?ms)^(\w+): (.*?)(?=^\w|\Z)", said))
    assert list(vendors) == ["aliyun_sms", "aliyun_voice", "gateway"]
    for vendor, name, variables in (
        ("aliyun_sms", "declared", "level no title time status ic"), ("aliyun_sms", "recovered", "no title mins"),
        ("aliyun_voice", "call", "level title"), ("gateway", "declared", "level id title time status ic"),
        ("gateway", "recovered", "id title mins"), ("gateway", "call", "level title"),
    ):  # fmt: skip
        (text,) = re.findall(rf"(?m)^  {name} +(\S.*)$", vendors[vendor])
        assert re.findall(r"\$\{(\w+)\}", text) == variables.split()
        assert "http" not in text and "*" not in text, "SMS and calls are not Markdown and hold no link"
    assert "templates: {declared: …, recovered: …}" in vendors["aliyun_sms"]
    assert "Please go to the incident room" in warroom("setup", "sms", "--lang", "en").stdout


def test_a_channel_is_tried_from_the_command_line(config: Path) -> None:
    postman = Postman()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    server = Controller(postman, hostname="127.0.0.1", port=port)
    server.start()
    try:
        config.write_text(
            config.read_text()
            + f"log: {{level: error}}\nchannels: {{mail: {{adapter: email, host: 127.0.0.1, port: {port}, security: none, "
            "sender: bot@example.com}}\n"
        )
        assert "1 chat (plain), 1 channel (mail), 0 monitoring" in warroom("check", "-c", config).stdout
        said = warroom("channels", "test", "mail", "li@example.com", "-c", config)
        assert (said.exit_code, said.stderr) == (0, "") and said.stdout.startswith("mail: was taken")
        (message,) = postman.taken
        assert message["to"] == "li@example.com" and "test" in message["subject"]
        postman.rcpt = "550 no such user"
        said = warroom("channels", "test", "mail", "li@example.com", "-c", config)
        assert (said.exit_code, said.stderr) == (1, "error: mail: refused: there is no such mailbox (550 no such user)\n")
    finally:
        server.stop()
    said = warroom("channels", "test", "mail", "li@example.com", "-c", config)
    assert said.exit_code == 1 and "not now" in said.stderr
    assert warroom("channels", "test", "sms", "1", "-c", config).stderr == "error: there is no channel 'sms'; there are: mail\n"


def test_every_problem_of_a_channel_is_told_without_its_secret(config: Path) -> None:
    config.write_text(
        config.read_text() + "channels:\n  plain: {adapter: webhook, url: 'http://a.example', secret: hunter2-hunter2-hunter2}\n"
        "  fax: {adapter: fax}\n  mail: {adapter: email, host: a, sender: b, password: hunter2-hunter2}\n"
        "  gate: {adapter: gateway, medium: sms, url: 'https://a.example', body: {x: '{whom}'}}\n"
    )
    said = warroom("check", "-c", config)
    assert said.exit_code == 2 and "hunter2" not in said.output
    fax, gate, mail, plain = sorted(said.stderr.splitlines())
    assert fax.startswith("error: channels.fax.adapter: there is no adapter 'fax'; there are: aliyun_sms, ")
    assert gate.startswith("error: channels.gate: there is no {whom}; there are: ")
    assert mail == "error: channels.mail.sender: must be an address such as warroom@example.com, or a name and <an address>"
    assert plain == "error: channels.plain: is already the name of a chat"


def test_setup_of_what_has_none_is_one_line() -> None:
    said = warroom("setup", "plain")
    assert (said.exit_code, said.stderr.strip()) == (1, "error: the adapter 'plain' has no setup")
    assert "there is no adapter 'irc'" in warroom("setup", "irc").stderr


def test_a_chat_that_is_not_there_to_try_is_one_line(tmp_path: Path) -> None:
    with process("sandbox", "--chat", "irc", cwd=tmp_path) as bot:
        assert bot.wait(IN_TIME) == 1
        assert bot.stderr is not None
        there = "plain, slack, feishu, dingtalk, wecom, all"
        assert bot.stderr.read() == f"error: there is no chat 'irc' to try; there are: {there}\n"


def test_the_catalog_is_linted_with_every_fault_and_without_secrets(tmp_path: Path) -> None:
    path = tmp_path / "warroom.yaml"
    path.write_text(
        "chats: {plain: {adapter: plain, base_url: 'http://127.0.0.1:9', secret: '${NOT_SET_HERE}'}}\n"
        "services: {a: {name: A, owners: {ops: wu}, depends_on: b}, b: {name: B, depends_on: a}}\n",
        encoding="utf-8",
    )
    said = warroom("catalog", "lint", "-c", path)
    assert said.exit_code == 1
    assert sorted(said.stderr.splitlines()) == [
        "error: services.a.depends_on: goes round in a circle: a → b → a",
        "error: services.a.owners.ops.0: wu is not in the roster",
        "error: services.b.owners: nobody answers for this service: name an owner or who is on call",
    ]
    good = warroom("catalog", "lint", "-c", ROOT / "config.example.yaml")
    assert (good.exit_code, good.stdout) == (0, f"{ROOT / 'config.example.yaml'}: the catalog is in order\n")
    assert warroom("catalog", "lint", "-c", tmp_path / "none.yaml").exit_code == 2
