"""Load the configuration: one YAML file, `WARROOM_…` variables over it, everything wrong at once and no secret shown."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_settings import EnvSettingsSource

from bot import catalog as files
from bot.catalog import RosterEntry
from bot.contradictions import contradictions, unanswered
from bot.document import Environment, Filled, Found, Problem, dotted, read
from bot.errors import ConfigError
from bot.matchers import matcher
from bot.model.announcing import Reach
from bot.model.hooks import Hook
from bot.model.ids import ConnectionId, PersonId
from bot.model.policy import Policy
from bot.model.routing import Rule
from bot.model.service import Catalog
from bot.plugins import available, plugin, settings_of
from bot.schema import PREFIX, AudienceEntry, Channel, Chat, Config, House, Monitoring

__all__ = ["Config", "RosterEntry", "build", "catalog_of", "lint", "load", "policy_of", "roster_of", "rules_of", "secrets_of"]


def load(path: Path | str, environment: Environment | None = None) -> Config:
    """Read the configuration; raises `ConfigError` with every problem at once, by path and without values."""
    path = Path(path)
    filled = Filled(os.environ if environment is None else environment)
    data = read(path, filled)
    if data is not None and not isinstance(data, dict):
        filled.problems.append((str(path), "must be a mapping of keys"))
    if filled.problems and not isinstance(data, dict):
        raise ConfigError(filled.problems)
    return build(data or {}, path.parent, filled)


def build(data: Mapping[str, Any], folder: Path, filled: Filled) -> Config:
    """Check what a file said, with the variables of `filled.environment` over it; paths in it start at `folder`."""
    try:
        merged = _laid_over(dict(data), _variables(filled))
    except ValueError as error:
        raise ConfigError([*filled.problems, ("environment", str(error))]) from None
    origin = _include(merged, folder, filled)
    config, settings, found = _checked(merged)
    unread = {place for place, _ in filled.problems}
    problems = [(_place(loc, merged, origin), message) for loc, message in found]
    problems = [*filled.problems, *((place, message) for place, message in problems if place not in unread)]
    if config is None or problems:
        raise ConfigError([(place, _scrubbed(message, filled.values)) for place, message in dict.fromkeys(problems)])
    for (section, name), own in settings.items():
        getattr(config, section)[name]._settings = own
    doubts = files.doubtful(config.services, config.people, set(config.chats))
    config._warnings = tuple((_place(loc, merged, origin), message) for loc, message in doubts)
    return config


def lint(path: Path | str, environment: Environment | None = None) -> list[Problem]:
    """List every problem of the services, the people and the rotations, whatever else is wrong or not yet filled in.

    Also what `load` lets pass: a service for which nobody answers. Raises `ConfigError` when there is nothing to read.
    """
    path = Path(path)
    filled = Filled(os.environ if environment is None else environment)
    data = read(path, filled)
    if not isinstance(data, dict):
        raise ConfigError(filled.problems or [(str(path), "must be a mapping of keys")])
    told = len(filled.problems)  # so far of the file itself, which may lack variables of other parts
    origin = _include(data, path.parent, filled)
    problems = [(place, message) for place, message in filled.problems[:told] if place.partition(".")[0] in _LINTED]
    problems += filled.problems[told:]
    _, _, found = _checked(data)
    found += unanswered(data)
    problems += [(_place(loc, data, origin), message) for loc, message in found if loc and loc[0] in _LINTED]
    return [(place, _scrubbed(message, filled.values)) for place, message in dict.fromkeys(problems)]


_LINTED = ("catalog", "services", "people", "rotations", "holidays", "leave")


def _checked(merged: Mapping[str, Any]) -> tuple[Config | None, dict[tuple[str, str], Any], list[Found]]:
    """Read a whole document: what it says, its plug-ins' own settings, and what is wrong with either."""
    found: list[Found] = []
    config = None
    try:
        config = Config(**merged)
    except ValidationError as error:
        found += _found(error)
    settings = dict(_plugin_settings(merged, found))
    for name, entry in config.rotations.items() if config is not None else ():
        if entry.feed is not None and entry.feed.adapter not in available("adapters.calendar"):
            there = ", ".join(available("adapters.calendar"))
            found.append(
                (("rotations", name, "feed", "adapter"), f"there is no adapter '{entry.feed.adapter}'; there are: {there}")
            )
    if config is not None and config.leave is not None and config.leave.adapter not in available("adapters.calendar"):
        there = ", ".join(available("adapters.calendar"))
        found.append((("leave", "adapter"), f"there is no adapter '{config.leave.adapter}'; there are: {there}"))
    said = {loc for loc, _ in found}
    return config, settings, found + [(loc, message) for loc, message in contradictions(merged) if loc not in said]


def policy_of(config: Config) -> Policy:
    """Give the rules of the house as the core knows them."""
    house = {name: getattr(config.policy, name) for name in House.model_fields if name not in ("founders", "duty_managers")}
    return Policy(
        timezone=config.timezone,
        lang=config.language,
        default_chat=ConnectionId(config.default_chat or next(iter(config.chats))),
        fallback=tuple(ConnectionId(c) for c in config.fallback),
        mirror=tuple(ConnectionId(c) for c in config.mirror),
        titles=_titles(config),
        channels={ConnectionId(n): (c.title or n, c.title_en or c.title or n) for n, c in config.channels.items()},
        languages={ConnectionId(n): c.language for n, c in config.chats.items() if c.language is not None},
        hears_for={ConnectionId(n): ConnectionId(c.hears_for) for n, c in config.chats.items() if c.hears_for is not None},
        announce=tuple((ConnectionId(a.chat), a.channel) for a in config.announce),
        audiences={audience: _reach(entry) for audience, entry in config.announcements.audiences.items()},
        first_within=config.announcements.first_within,
        approve_within=config.announcements.approve_within,
        admins=frozenset(PersonId(p) for p in config.admins),
        founders=tuple(PersonId(p) for p in config.policy.founders),
        duty_managers=tuple(PersonId(p) for p in config.policy.duty_managers),
        holidays=files.worked(config.holidays),
        matrix=config.severity.read,
        webhooks=tuple(Hook(ConnectionId(h.channel), h.levels, h.changes, h.drills) for h in config.webhooks),
        silencers=frozenset(
            name for name, entry in config.monitoring.items() if getattr(entry.settings, "api", None) is not None
        ),
        silence_rules=frozenset(rule.name for rule in config.routing if rule.silence),
        reports=config.reports.wanted,
        **house,
    )


def _reach(entry: AudienceEntry) -> Reach:
    chats = tuple((ConnectionId(chat.chat), chat.channel) for chat in entry.chats)
    outside = tuple((told.channel, to) for told in entry.notify for to in told.to or (told.channel,))
    return Reach(chats, tuple(PersonId(person) for person in entry.people), outside, entry.language)


def _titles(config: Config) -> Mapping[ConnectionId, tuple[str, str]]:
    """Give what people call each chat, in Chinese and English: by default as its platform, where there is one of it."""
    several = Counter(chat.adapter for chat in config.chats.values())
    found = {}
    for name, chat in config.chats.items():
        profile = getattr(plugin("adapters.chat", chat.adapter), "profile", None) if several[chat.adapter] == 1 else None
        called = (profile.called if profile is not None else None) or (name, name)
        found[ConnectionId(name)] = (chat.title or called[0], chat.title_en or chat.title or called[1])
    return found


def catalog_of(config: Config) -> Catalog:
    """Give the service catalog."""
    return files.catalog(config.services, config.rotations, config.holidays, config.timezone, config.leave is not None)


def roster_of(config: Config) -> list[RosterEntry]:
    """Give the people of the roster with their accounts."""
    return files.roster(config.people)


def rules_of(config: Config) -> list[Rule]:
    """Give the routing rules in order."""
    return [
        Rule(r.name, tuple(matcher(m) for m in r.match), r.source, r.action, r.service, r.severity, r.group_by)
        for r in config.routing
    ]


def secrets_of(config: Config) -> frozenset[str]:
    """Collect every secret value of the configuration, the adapters' and the database's password included."""
    password = urlsplit(config.database.url).password
    found = {password, unquote(password)} if password else set()
    for entry in (
        config,
        *(e.settings for e in (*config.chats.values(), *config.monitoring.values(), *config.channels.values())),
    ):
        found |= set(_secrets_in(entry))
    return frozenset(found)


def _secrets_in(value: object) -> Iterator[str]:
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from _secrets_in(getattr(value, name))
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _secrets_in(inner)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for inner in value:
            yield from _secrets_in(inner)


def _variables(filled: Filled) -> dict[str, Any]:
    class Source(EnvSettingsSource):
        def _load_env_vars(self) -> Mapping[str, str | None]:
            return {key.lower(): value for key, value in filled.environment.items()}

    found = Source(Config)()
    filled.values |= {v for k, v in filled.environment.items() if k.upper().startswith(PREFIX) and "__" in k and len(v) >= 8}
    return found


def _laid_over(below: dict[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    # A variable's name has no dashes and no case: WARROOM_CHATS__SLACK_EU__TOKEN means the entry slack-eu.
    spelled = {str(key).casefold().replace("-", "_"): key for key in below}
    for key, value in above.items():
        known = spelled.get(key.casefold().replace("-", "_"), key)
        lower = below.get(known)
        below[known] = _laid_over(dict(lower), value) if isinstance(lower, dict) and isinstance(value, Mapping) else value
    return below


def _include(merged: dict[str, Any], folder: Path, filled: Filled) -> dict[str, str]:
    """Read the files that the document names into it; give which part came from which file."""
    origin: dict[str, str] = {}
    if isinstance(merged.get("catalog"), str):
        services = files.services_from(folder / merged["catalog"], filled, origin)
        inline = merged.get("services") or {}
        if isinstance(inline, dict):
            twice = sorted(set(services) & set(inline))
            filled.problems += [(dotted("services", ident), f"is already in {origin['services.' + ident]}") for ident in twice]
            merged["services"] = {**services, **inline}
    if isinstance(merged.get("people"), str):
        origin["people"] = str(folder / merged["people"])
        merged["people"] = files.people_from(folder / merged["people"], filled)
    if isinstance(merged.get("rotations"), str):
        origin["rotations"] = str(folder / merged["rotations"])
        merged["rotations"] = files.rotations_from(folder / merged["rotations"], filled)
    if isinstance(merged.get("templates"), str):
        merged["templates"] = str(folder / merged["templates"])
        own = Path(merged["templates"])
        if not own.is_dir():
            filled.problems.append(("templates", "is not a folder"))
        elif (own / "zh" / "announcements").is_dir() or (own / "en" / "announcements").is_dir():
            from bot.announcing import problems_of  # templates are compiled only where somebody has their own

            filled.problems += [(f"templates: {file}", message) for file, message in problems_of(own)]
    return origin


def _place(loc: tuple[int | str, ...], merged: Mapping[str, Any], origin: Mapping[str, str]) -> str:
    parts = [str(part) for part in loc if part != "[key]"]
    file = origin.get(parts[0]) or origin.get(".".join(parts[:2]))
    if parts[0] == "people" and len(parts) > 1 and isinstance(merged["people"], list):
        entry = merged["people"][int(parts[1])]
        if isinstance(entry, dict) and isinstance(entry.get("id"), str):
            parts[1] = entry["id"]  # a number says little in a roster of hundreds
    return f"{file}: {dotted(*parts[1:])}" if file else dotted(*parts)


_PLAIN = {
    "missing": "is required",
    "extra_forbidden": "is not a known key",
    "too_short": "must not be empty",
    "model_type": "must be a mapping of keys",
    "dict_type": "must be a mapping of keys",
    "model_attributes_type": "must be a mapping of keys",
    "tuple_type": "must be a list",
    "string_type": "must be text",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "string_pattern_mismatch": "must match {pattern}",
}


def _message(error: Mapping[str, Any]) -> str:
    known = _PLAIN.get(error["type"])
    if known is not None:
        return known.format(**error.get("ctx", {}))
    said = str(error["msg"]).removeprefix("Value error, ")
    return said[:1].lower() + said[1:]


def _found(error: ValidationError, *above: str) -> list[Found]:
    return [((*above, *e["loc"]), _message(e)) for e in error.errors(include_input=False, include_url=False)]


_PLUGINS: tuple[tuple[str, str, type[BaseModel]], ...] = (
    ("chats", "chat", Chat),
    ("monitoring", "monitoring", Monitoring),
    ("channels", "notify", Channel),
)


def _plugin_settings(merged: Mapping[str, Any], found: list[Found]) -> Iterator[tuple[tuple[str, str], Any]]:
    for section, package, model in _PLUGINS:
        entries = merged.get(section)
        for name, entry in entries.items() if isinstance(entries, dict) else ():
            if not isinstance(entry, dict) or not isinstance(entry.get("adapter"), str):
                continue  # the schema says so
            own = {key: value for key, value in entry.items() if key not in model.model_fields}
            try:
                yield (section, name), settings_of(f"adapters.{package}", entry["adapter"], own)
            except ValidationError as error:
                found += _found(error, section, name)
            except LookupError as error:
                found.append(((section, name, "adapter"), str(error.args[0])))


def _scrubbed(message: str, values: set[str]) -> str:
    for value in sorted(values, key=len, reverse=True):
        if len(value) >= 4:
            message = message.replace(value, "***")
    return message
