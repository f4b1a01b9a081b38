"""Forms, read off the declarations of commands: what is asked, in which order, and what stands there already."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.command import Ask, Context, Declaration
from bot.engine.parameters import Parameter, Want, parameters
from bot.engine.pressing import ACCOUNT
from bot.model.alert import AlertGroup
from bot.model.event import Method
from bot.model.form import Entry, Form, Input, Option
from bot.model.ids import PersonId, group_word
from bot.model.incident import Incident
from bot.model.matrix import STATED
from bot.model.person import Person
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.text import flat
from bot.ports import Filter, Reads
from bot.prose import Prose, Show
from bot.sections import bases_of, texts_of
from bot.show import clean, cut
from bot.views.titles import one_line, title_of

MOST_OFFERED = 20  # incidents or alert groups in a choice
_OPTION_CHARS = 70
_ROLES = ("scribe", "comms", "deputy", "ops", "dev", "product", "liaison")
_SORTS = ("decision", "action", "finding")
_INPUTS: Mapping[Want, Input] = {
    Want.SEVERITY: Input.CHOICE, Want.SERVICES: Input.CHOICES, Want.METHOD: Input.CHOICE, Want.SORT: Input.CHOICE,
    Want.ROLE: Input.CHOICE, Want.OTHER: Input.CHOICE, Want.GROUPS: Input.CHOICES, Want.PERSON: Input.PERSON,
    Want.PEOPLE: Input.PEOPLE, Want.MOMENT: Input.TIME, Want.NEXT: Input.TIME, Want.DRILL: Input.FLAG,
    Want.PRIVATE: Input.FLAG, Want.NEW: Input.FLAG, Want.TEXT: Input.TEXT,
    Want.EXTENT: Input.CHOICE,
}  # fmt: skip


def form_of(
    declaration: Declaration, ctx: Context, prose: Prose, show: Show, *, given: Mapping[str, str] | None = None,
    assumes: Mapping[str, str] | None = None, incident: Incident | None = None,
) -> Form | None:  # fmt: skip
    """Build a command's form for the person who asks, filled with what was `given`; None = the command has no form.

    What is given but not asked for goes along unseen, with the incident that the command is for.
    """
    if not declaration.form:
        return None
    known = dict(given or {})
    if incident is not None and any(ask.section for ask in declaration.form):
        known = {**written_before(ctx.reads, incident), "base": bases_of(incident), **known}
    known = {f"{ask.name}_otherwise": ask.otherwise for ask in declaration.form if ask.otherwise} | known
    page = _Page(declaration, ctx, prose, show, incident)
    wanted = {parameter.name: parameter for parameter in parameters(declaration)}
    entries = [entry for ask in declaration.form if (entry := page.entry(ask, wanted[ask.name], known)) is not None]
    asked = {entry.name for entry in entries}
    own = next((p.name for p in wanted.values() if p.want is Want.INCIDENT), None)
    if own is not None and incident is not None:
        known[own] = incident.id
    words = prose.words(show.lang)
    return Form(
        declaration.name, prose.label(f"form_title.{declaration.name}", show.lang),
        words.get(f"form_submit.{declaration.name}") or words["form_submit.other"], tuple(entries),
        show.hail + declaration.usage[show.lang],
        tuple((name, value) for name, value in known.items() if name not in asked), tuple((assumes or {}).items()),
    )  # fmt: skip


def written_before(reads: Reads, incident: Incident) -> dict[str, str]:
    """Give what stands in the sections of a postmortem that forms ask for, as their entries hold it."""
    return {section.value: flat(text) for section, text in texts_of(reads, incident).items()}


def written(declaration: Declaration, arguments: Mapping[str, Any], ctx: Context) -> dict[str, str]:
    """Write arguments that were read as buttons and forms carry them; what nobody gave is left out."""
    found: dict[str, str] = {}
    for parameter in parameters(declaration):
        value = arguments.get(parameter.name)
        if value is not None and value != () and value is not False and parameter.want is not Want.UNSURE:
            words = _written(value, ctx)
            if words is not None:
                found[parameter.name] = words
    return found


def _written(value: Any, ctx: Context) -> str | None:
    match value:
        case True:
            return "true"
        case Incident():
            return value.id
        case Person():
            return _account(value.id, ctx)
        case datetime():
            return value.isoformat()
        case str() | int():
            return str(value)
        case tuple() if isinstance(value[0], AlertGroup):
            return ",".join(group_word(group.id) for group in value)
        case tuple() if isinstance(value[0], Person):
            return ",".join(_account(person.id, ctx) for person in value)
        case tuple() if isinstance(value[0], str):
            return ",".join(value)
        case tuple():
            return flat(value)
        case _:
            return None


def _account(person: PersonId, ctx: Context) -> str:
    """Name a person by their account on the chat where the form opens, else by our id."""
    accounts = ctx.reads.accounts(person, ctx.via.connection) if ctx.via is not None else []
    return f"{ACCOUNT}{accounts[0].id}" if accounts else person


class _Page:
    """Make the entries of one form."""

    def __init__(self, declaration: Declaration, ctx: Context, prose: Prose, show: Show, incident: Incident | None) -> None:
        self.declaration, self.ctx, self.prose, self.show, self.incident = declaration, ctx, prose, show, incident
        self.words = prose.words(show.lang)

    def entry(self, ask: Ask, parameter: Parameter, given: Mapping[str, str]) -> Entry | None:
        kind = _INPUTS.get(parameter.want, Input.LINE)
        if kind is Input.TEXT and ask.line:
            kind = Input.LINE
        options = self._options(parameter.want) if kind in (Input.CHOICE, Input.CHOICES) else ()
        if kind in (Input.CHOICE, Input.CHOICES) and not options:
            if parameter.want is Want.SERVICES:
                return None
            kind = Input.LINE  # an id can still be typed
        return Entry(
            ask.name, self._word("form", ask.name) or ask.name, kind, ask.required, self._hint(ask), options,
            self._value(ask, kind, options, given), ask.longest, self._word("form_placeholder", ask.name),
        )  # fmt: skip

    def _word(self, family: str, name: str) -> str:
        return self.words.get(f"{family}.{self.declaration.name}.{name}") or self.words.get(f"{family}.{name}", "")

    def _hint(self, ask: Ask) -> str:
        """Give the hint; below the last entry stands the consequence of sending the form, where there is one."""
        hint = self._word("form_hint", ask.name)
        key = f"card_confirm_{self.declaration.name}"
        if self.incident is None or ask is not self.declaration.form[-1] or key not in self.prose.sayings(self.show.lang):
            return hint
        watch = self.ctx.policy.observes(self.incident.severity)
        told = one_line(self.prose.say(say(key, people=len(self.incident.involved), watch=watch), self.show))
        return f"{hint} {told}".strip()

    def _value(self, ask: Ask, kind: Input, options: tuple[Option, ...], given: Mapping[str, str]) -> str:
        value = given.get(ask.name, "")
        if not value and ask.now:
            value = self.ctx.now.isoformat()
        if not value and ask.holds and self.incident is not None:
            held = getattr(self.incident, ask.holds)
            held = held(given) if callable(held) else held
            value = flat(held) if isinstance(held, tuple) else held or ""
        if kind in (Input.CHOICE, Input.CHOICES):  # only what can be chosen may stand there
            known = {option.value for option in options}
            value = ",".join(part for part in value.split(",") if part in known)
        return value[: ask.longest] if ask.longest else value

    def _options(self, want: Want) -> tuple[Option, ...]:
        lang = self.show.lang
        match want:
            case Want.SEVERITY:
                return tuple(Option(level.value, level.value, self.words[f"meaning.{level}"]) for level in Severity)
            case Want.EXTENT:
                limits = self.ctx.policy.matrix.extents
                hints = {extent: f"≥ {limits[extent]}%" if limits.get(extent) else "" for extent in STATED}
                return tuple(Option(e.value, self.words[f"extent.{e}"], hints[e]) for e in reversed(STATED))
            case Want.METHOD:
                return tuple(Option(method.value, self.words[f"method.{method}"]) for method in Method)
            case Want.SORT:
                return tuple(Option(sort, self.words[f"sort.{sort}"]) for sort in _SORTS)
            case Want.ROLE:
                return tuple(Option(role, self.words[f"role.{role}"]) for role in _ROLES)
            case Want.SERVICES:
                known = self.ctx.catalog.services.values()
                return tuple(Option(s.id, cut(clean(s.called(lang)), _OPTION_CHARS)) for s in known)
            case Want.GROUPS:
                groups = self.ctx.reads.groups_proposed(None, MOST_OFFERED)
                return tuple(Option(group_word(g.id), cut(f"{group_word(g.id)} {clean(g.title)}", _OPTION_CHARS)) for g in groups)
            case _:
                others = self.ctx.reads.incidents(Filter(limit=MOST_OFFERED))
                mine = self.incident.id if self.incident is not None else None
                return tuple(
                    Option(i.id, cut(f"{i.id} {i.severity} {flat(title_of(i, self.prose, self.show))}", _OPTION_CHARS))
                    for i in others
                    if i.id != mine
                )
