"""What the admin's command line does: shows the commands of the chat, and what was given up, and tries it again."""

from __future__ import annotations

import difflib
import json
import secrets
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.app import SystemClock, connect_channels, connect_chats, discover, house_of, open_store
from bot.command import Declaration, Where
from bot.config import Config
from bot.engine.house import House
from bot.engine.outbox import retry_dead
from bot.engine.page_notice import TEXTS
from bot.engine.reports import counted
from bot.model.effect import Effect
from bot.model.ids import ConnectionId, EffectId, IncidentId, ServiceId
from bot.model.person import ALL_SEEING, PUBLIC, ActorKind, LookUp, met
from bot.model.text import flat
from bot.ports import Done, Lost, Medium, Notice, Reads, Rejected, Retry, Store, UnitOfWork
from bot.prose import Prose
from bot.report import MOST_PICTURES, document, gather, markdown, page
from bot.table import incident_rows, stats_rows, table

_MOST = 1000


# ------------------------------------------------------------------------------------------------ commands of the chat
@dataclass(frozen=True, slots=True)
class Entry:
    """Describe one command to an admin; `scenarios` are the played incidents in which it was used."""

    declaration: Declaration
    scenarios: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Give everything, for programs."""
        d = self.declaration
        return {
            "name": d.name,
            "words": {"en": list(d.en), "zh": list(d.zh), "presets": list(d.presets)},
            "does": _both(d.does),
            "usage": _both(d.usage),
            "example": _both(d.example),
            "permission": d.may.name.lower(),
            "where": [place.name.lower() for place in Where if place in d.where and place.name],
            "changes": d.changes,
            "scenarios": list(self.scenarios),
        }

    @property
    def row(self) -> tuple[str, ...]:
        """Give one line of the list."""
        d = self.declaration
        return " ".join(d.en), " ".join(d.zh), d.may.name.lower(), d.does.en

    @property
    def text(self) -> str:
        """Give everything, for people."""
        d, facts = self.declaration, self.facts
        lines = [f"{d.name}: {d.does.en}", f"  {d.does.zh}", ""]
        lines += [f"  words       {' '.join(d.words)}"]
        lines += [f"  usage       {d.usage.en}", f"              {d.usage.zh}"]
        lines += [f"  example     {d.example.en}", f"              {d.example.zh}"]
        lines += [f"  permission  {facts['permission']}", f"  where       {', '.join(facts['where'])}"]
        if self.scenarios:
            lines += [f"  scenarios   {', '.join(self.scenarios)}"]
        return "\n".join(lines)


def manual(word: str | None = None) -> list[Entry]:
    """List the commands that people type, or the one that a word means; raises LookupError naming the nearest words."""
    used = _used()
    typed = [d for d in discover().values() if ActorKind.PERSON in d.by]
    entries = [Entry(d, tuple(used.get(d.name, ()))) for d in sorted(typed, key=lambda d: d.name)]
    if word is None:
        return entries
    asked = word.lstrip("/").casefold()
    found = [e for e in entries if asked in {w.casefold() for w in e.declaration.words}]
    if not found:
        near = difflib.get_close_matches(asked, [w for e in entries for w in e.declaration.words], n=3)
        raise LookupError(f"no command is called '{word}'" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return found


def _used() -> Mapping[str, Sequence[str]]:
    """Read which scenarios used which command, as the scenario suite wrote it; nothing where it never ran."""
    try:
        read: Mapping[str, Sequence[str]] = json.loads((files("templates") / "scenarios.json").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return read


def _both(words: Any) -> dict[str, str]:
    return {"en": words.en, "zh": words.zh}


# ------------------------------------------------------------------------------------------------ what was given up
@dataclass(frozen=True, slots=True)
class Letter:
    """Describe one effect that was given up."""

    effect: Effect

    @property
    def facts(self) -> dict[str, Any]:
        """Give everything, for programs."""
        e = self.effect
        return {
            "id": int(e.id), "kind": e.kind.value, "connection": e.connection, "incident": e.incident, "lane": e.lane,
            "code": e.code, "attempts": e.attempts, "maybe_sent": e.maybe_sent, "since": e.created_at.isoformat(),
        }  # fmt: skip

    @property
    def row(self) -> tuple[str, ...]:
        """Give one line of the list."""
        e = self.effect
        since = e.created_at.strftime("%Y-%m-%d %H:%M:%SZ")
        return str(e.id), e.kind.value, e.connection, e.incident or "-", e.code or "-", str(e.attempts), since


async def dead_letters(config: Config) -> list[Letter]:
    """List what was given up, at most 1,000."""
    async with _opened(config) as (store, _):
        return [Letter(effect) for effect in await store.read(lambda reads: reads.dead_effects(_MOST), ALL_SEEING)]


@dataclass(frozen=True, slots=True)
class Conflict:
    """Describe somebody of whom a chat and the roster say different things; `others` are who they may be."""

    doubt: LookUp
    name: str
    others: tuple[str, ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Give everything, for programs."""
        d = self.doubt
        return {"chat": d.connection, "person": d.person, "name": self.name, "others": self.others, "since": d.at.isoformat()}

    @property
    def row(self) -> tuple[str, ...]:
        """Give one line of the list."""
        d = self.doubt
        since = d.at.strftime("%Y-%m-%d %H:%M:%SZ")
        return d.connection, f"{self.name} ({d.person})", ", ".join(self.others) or "-", since


async def conflicts(config: Config) -> list[Conflict]:
    """List whom nothing was decided about, by chat and person."""

    def job(reads: Reads) -> list[Conflict]:
        found = []
        for connection in config.chats:
            for doubt in reads.look_ups(ConnectionId(connection)):
                person = reads.person(doubt.person)
                if doubt.code == "conflict" and person is not None and person.id == doubt.person:
                    others = doubt.sought.split(",") if met(person) else reads.sharing(person)
                    found.append(Conflict(doubt, person.name, tuple(sorted(others))))
        return found

    async with _opened(config) as (store, _):
        return await store.read(job, ALL_SEEING)


# ------------------------------------------------------------------------------------------------ reports
async def report(config: Config, incident: str, lang: str, as_html: bool) -> str:
    """Write the report of an incident as Markdown or HTML; raises LookupError where there is none of that id."""
    async with _opened(config) as (store, house):

        def job(reads: Reads) -> str:
            found = reads.incident(IncidentId(incident.strip().upper()))
            if found is None:
                raise LookupError(f"there is no incident {incident}")
            show = house.show(reads, lang, house.clock.now())
            doc = document(gather(reads, found, MOST_PICTURES if as_html else 0), house.prose, show)
            return page(doc, house.prose) if as_html else markdown(doc)

        return await store.read(job, ALL_SEEING)


async def stats(config: Config, days: int, service: str | None, lang: str, form: str) -> str:
    """Give the numbers of the last days as words, csv, or each = a line of CSV for every incident that they are of."""
    if service is not None and service not in config.services:
        raise LookupError(f"there is no service {service}")
    about = ServiceId(service) if service is not None else None
    async with _opened(config) as (store, house):
        now = house.clock.now()
        since, today = now - timedelta(days=days), now.astimezone(ZoneInfo(config.timezone)).date()

        def job(reads: Reads) -> str:
            told = counted(reads, since, now, today, about)
            if form == "csv":
                return table(stats_rows(told.params["s"]))
            if form == "each":
                return table(incident_rows(reads.samples(since, now, about)))
            return flat(house.prose.say(told, house.show(reads, lang, now)))

        return await store.read(job, PUBLIC)


async def retry(config: Config, ids: Sequence[int] | None) -> tuple[list[int], list[int]]:
    """Queue dead effects again, None = all; gives (those that will be tried, those that are not dead)."""

    def of(reads: Reads) -> list[EffectId]:
        return [effect.id for effect in reads.dead_effects(_MOST)]

    async with _opened(config) as (store, house):

        def job(uow: UnitOfWork) -> tuple[list[int], list[int]]:
            wanted = of(uow) if ids is None else [EffectId(ident) for ident in dict.fromkeys(ids)]
            now = house.clock.now()
            revived = [ident for ident in wanted if retry_dead(uow, house, ident, now) is not None]
            return [int(i) for i in revived], [int(i) for i in wanted if i not in revived]

        done, missing = await store.tx(job)
        while ids is None and (more := (await store.tx(job))[0]):
            done += more
        return done, missing


# ------------------------------------------------------------------------------------------------ channels
async def try_channel(config: Config, name: str, to: str) -> tuple[bool, str]:
    """Send one test notice by a channel: (whether it was taken, what is said of it); raises LookupError for no such channel."""
    if name not in config.channels:
        there = ", ".join(config.channels) or "none"
        raise LookupError(f"there is no channel '{name}'; there are: {there}")
    clock = SystemClock()
    only = config.model_copy(update={"channels": {name: config.channels[name]}})
    channel = connect_channels(only, clock)[ConnectionId(name)]
    try:
        result = await channel.send(to, _sample(config, channel.medium), f"test{secrets.token_hex(8)}")
    finally:
        await channel.close()
    words = Prose(Path(config.templates) if config.templates else None).words("en")
    match result:
        case Done(ref):
            return True, "was taken" + (f", receipt {ref.id}" if ref is not None and ref.id else "")
        case Retry(after, code):
            return False, f"not now: {words.get(f'code.{code}', code)}; it would be tried again after {after:g} s"
        case Rejected(code, raw):
            return False, f"refused: {words.get(f'code.{code}', code)}" + (f" ({raw})" if raw else "")
        case Lost(why):
            return False, f"nobody knows whether it arrived: {why}"


def _sample(config: Config, medium: Medium) -> Notice:
    """Make the notice of a test, whatever the medium: it says so in each part that people see or hear."""
    text = "这是一条测试通知。 This is a test notice."
    variables = {"level": "P4", "id": "F-TEST", "title": "测试", "time": "00:00", "status": "测试", "ic": config.install}
    template = "call" if medium is Medium.VOICE else "declared"
    names = TEXTS[template]
    return Notice(
        "测试 test", text, template=template, variables={key: variables[key] for key in names},
        body={"kind": "test", "text": text, "install": config.install},
    )  # fmt: skip


@asynccontextmanager
async def _opened(config: Config) -> AsyncIterator[tuple[Store, House]]:
    clock = SystemClock()
    chats, channels = connect_chats(config, clock), connect_channels(config, clock)
    try:
        store = open_store(config, clock, lock=False)  # beside a bot that runs
        try:
            yield store, house_of(config, clock, chats, channels)
        finally:
            await store.close()
    finally:
        for chat in chats.values():
            await chat.close()
        for channel in channels.values():
            await channel.close()
