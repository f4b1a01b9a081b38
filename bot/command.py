"""How a command is declared: once, as a typed function.

`@command` and `@query` only annotate. Parser, help, buttons and the permission check are read off the declaration.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Flag, StrEnum, auto
from typing import Annotated, Any, TypeVar

from bot.model.event import Fact, Method, Via
from bot.model.ids import ServiceId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind, Person, Standing, fresh_code
from bot.model.policy import Policy
from bot.model.room import Room
from bot.model.say import Say
from bot.model.service import Catalog
from bot.model.severity import Extent, Severity
from bot.model.story import Pointed
from bot.model.text import Text
from bot.ports import Filter, Place, Reads

F = TypeVar("F", bound=Callable[..., Any])


class Claim(StrEnum):
    """Say which typed tokens a parameter takes where its Python type alone does not.

    Read from the type alone: Incident, tuple[AlertGroup, ...], Severity, tuple[ServiceId, ...], Person,
    tuple[Person, ...], Mark, Method, Text. Each may be `| None`. `LEADING` (as in `Annotated[Severity, LEADING]`) claims
    only before the first word of free text. `FORM` claims nothing: only forms and buttons give the parameter.
    """

    LEADING = "leading"
    OTHER = "other"
    MOMENT = "moment"
    NEXT = "next"
    WHEN = "when"
    ROLE = "role"
    SORT = "sort"
    DRILL = "drill"
    PRIVATE = "private"
    NEW = "new"
    WAIVER = "waiver"
    URL = "url"
    COUNT = "count"
    ENGLISH = "english"
    WORD = "word"
    UNSURE = "unsure"
    FILTER = "filter"
    EXTENT = "extent"
    PERCENT = "percent"
    DELTA = "delta"
    ITEM = "item"
    ENTRY = "entry"
    FORM = "form"


LEADING = Claim.LEADING
FORM = Claim.FORM
OtherIncident = Annotated[Incident, Claim.OTHER]  # a second incident, to merge into or link with
Moment = Annotated[datetime, Claim.MOMENT]  # a past instant: `14:05`, `5分钟前`, `昨晚23:10`, `10m ago`
LeadingMoment = Annotated[datetime, Claim.MOMENT, Claim.LEADING]
LeadingSeverity = Annotated[Severity, Claim.LEADING]
LeadingServices = Annotated[tuple[ServiceId, ...], Claim.LEADING]
Next = Annotated[datetime, Claim.NEXT]  # a coming instant: `下次 14:50`, `next 20m`
When = Annotated[tuple[datetime, ...], Claim.WHEN]  # instants of any day, at most two: `今晚`, `明天 9:00`, `Fri 18:00`
RoleWord = Annotated[str, Claim.ROLE]  # one word; known roles as scribe, comms, deputy
NoteSort = Annotated[str, Claim.SORT]  # decision, action or finding, only in front
Drill = Annotated[bool, Claim.DRILL]  # --演练, --drill
Private = Annotated[bool, Claim.PRIVATE]  # --保密, --private
New = Annotated[bool, Claim.NEW]  # --新建, --new
Waiver = Annotated[str, Claim.WAIVER]  # --no-postmortem "reason", --免复盘 "原因"
Url = Annotated[str, Claim.URL]
Count = Annotated[int, Claim.COUNT]  # a bare integer
LeadingExtent = Annotated[Extent, Claim.EXTENT, Claim.LEADING]  # full, major, partial or minor
Percent = Annotated[int, Claim.PERCENT, Claim.LEADING]  # `受影响 35%`, `affected 35%`
Item = Annotated[int, Claim.ITEM]  # an action item: `T-87`, `#87`, `87`
Delta = Annotated[int, Claim.DELTA, Claim.LEADING]  # `+12`, `12`, `-3`
Entry = Annotated[int, Claim.ENTRY]  # the number of an entry: `#12`, and `12` where no count is asked for
English = Annotated[str, Claim.ENGLISH]  # en "…"
Word = Annotated[str, Claim.WORD]  # one bare word as typed
Unsure = Annotated[tuple[tuple[str, tuple[ServiceId, ...]], ...], Claim.UNSURE]  # words that name several services
FormText = Annotated[Text, Claim.FORM]
FormWord = Annotated[str, Claim.WORD, Claim.FORM]
FormMethod = Annotated[Method, Claim.FORM]
ListFilter = Annotated[Filter, Claim.FILTER]  # open, mine, all, closed, P1, a service, 7d, drills


class Where(Flag):
    """Say where a command may be given: in an incident's room, anywhere (with an id or service), in a direct chat."""

    ROOM = auto()
    ANYWHERE = auto()
    DIRECT = auto()


@dataclass(frozen=True, slots=True)
class Words:
    """Hold the same thing in both languages."""

    zh: str
    en: str

    def __getitem__(self, lang: str) -> str:
        return self.en if lang == "en" else self.zh


@dataclass(frozen=True, slots=True)
class Context:
    """Hold what a command may know besides its arguments; all of it fixed for this execution.

    `fresh` is a one-time code that nobody has seen yet.
    """

    now: datetime
    actor: Actor
    standing: Standing
    lang: str
    tz: str
    catalog: Catalog
    policy: Policy
    reads: Reads  # as the person who asks
    person: Person | None = None
    place: Place = Place.DIRECT
    via: Via | None = None
    room: Room | None = None
    forced: str | None = None  # the reason for going over one's standing
    at: datetime | None = None  # when it was typed, by the platform's time
    pointed: Pointed | str | None = None  # the message that is pointed at; a code under `unread` where it could not be read
    declarations: Mapping[str, Declaration] = field(default_factory=dict)  # what `help` tells about
    fresh: str = field(default_factory=fresh_code)


@dataclass(frozen=True, slots=True)
class Answer:
    """Hold what a command decided: facts to record and what to tell the person; no `say` = a tick with the fact's number.

    `instead` is what is kept of an answer that must not be kept, and what a repeated delivery gets.
    """

    facts: Sequence[Fact] = ()
    say: Say | None = None
    public: bool = False
    instead: Say | None = None


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for one parameter in a command's form; its label and hints stand in words.yaml under `form`.

    `line` = one line is enough, `longest` in characters (0 = no limit of ours), `now` = the present instant stands there,
    `holds` names the field of the incident that stands there, `section` that of its postmortem. `otherwise` is what an entry
    that was left empty stands for; it goes along unseen as the parameter `<name>_otherwise`.
    """

    name: str
    required: bool = False
    line: bool = False
    longest: int = 0
    now: bool = False
    holds: str = ""
    section: str = ""
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Declaration:
    """Describe one command; `parameters` are the typed parameters of its function after `ctx`, in order.

    `glued` lists the words that Chinese text may follow with no space: those of harmless commands only.
    """

    name: str
    function: Callable[..., Any]
    zh: tuple[str, ...]
    en: tuple[str, ...]
    does: Words
    usage: Words
    example: Words
    may: Standing
    where: Where
    changes: bool
    glued: tuple[str, ...] = ()
    by: frozenset[ActorKind] = frozenset({ActorKind.PERSON})
    parameters: tuple[tuple[str, Any, Any], ...] = ()  # (name, resolved annotation, default)
    presets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # word -> arguments that it implies
    form: tuple[Ask, ...] = ()  # what its form asks for, in this order; empty = it has none
    alone: bool = False  # decides on more than its incident: one at a time

    @property
    def words(self) -> tuple[str, ...]:
        """List every word that means this command."""
        return (*self.en, *self.zh, *self.presets)

    @property
    def takes_incident(self) -> bool:
        """Say whether the engine must find, load and lock an incident for it."""
        return any(kind is Incident or kind == (Incident | None) for _, kind, _ in self.parameters)


ATTRIBUTE = "__warroom__"


def command(
    *,
    en: Sequence[str],
    zh: Sequence[str],
    does: Words,
    usage: Words,
    example: Words,
    may: Standing = Standing.RESPONDER,
    where: Where = Where.ROOM,
    glued: Sequence[str] = (),
    presets: Mapping[str, Mapping[str, str]] | None = None,
    form: Sequence[str | Ask] = (),
    changes: bool = True,
    alone: bool = False,
) -> Callable[[F], F]:
    """Declare a command that people type; the function takes (ctx, ...) and returns `Answer` or a list of facts."""

    def annotate(function: F) -> F:
        setattr(function, ATTRIBUTE, Declaration(
            en[0], function, tuple(zh), tuple(en), does, usage, example, may, where, changes, tuple(glued),
            frozenset({ActorKind.PERSON}), _parameters(function), presets or {}, _asks(function, form), alone,
        ))  # fmt: skip
        return function

    return annotate


def query(**declared: Any) -> Callable[[F], F]:
    """Declare a question: it changes nothing and returns a `Say`, with `ctx.reads` bound to the person who asks."""
    return command(**{"may": Standing.MEMBER, "where": Where.ROOM | Where.ANYWHERE | Where.DIRECT, **declared}, changes=False)


def automatic(name: str, by: ActorKind) -> Callable[[F], F]:
    """Declare a command that only a timer, a source, the outbox or the admin's command line gives."""
    nothing = Words("", "")

    def annotate(function: F) -> F:
        setattr(function, ATTRIBUTE, Declaration(
            name, function, (), (), nothing, nothing, nothing, Standing.ADMIN, Where.ANYWHERE, True, (),
            frozenset({by}), _parameters(function),
        ))  # fmt: skip
        return function

    return annotate


def _parameters(function: Callable[..., Any]) -> tuple[tuple[str, Any, Any], ...]:
    hints = typing.get_type_hints(function, include_extras=True)
    names = list(inspect.signature(function).parameters.values())[1:]
    return tuple((p.name, hints[p.name], p.default) for p in names)


def _asks(function: Callable[..., Any], form: Sequence[str | Ask]) -> tuple[Ask, ...]:
    asks = tuple(Ask(one) if isinstance(one, str) else one for one in form)
    strange = {ask.name for ask in asks} - set(inspect.signature(function).parameters)
    if strange:
        raise TypeError(f"{function.__name__} has no parameter {sorted(strange)} for its form to ask for")
    return asks


def declared_in(modules: Sequence[Any]) -> dict[str, Declaration]:
    """Collect the declarations of modules by name; two of one name are an error."""
    found: dict[str, Declaration] = {}
    for module in modules:
        for value in vars(module).values():
            declaration = getattr(value, ATTRIBUTE, None)
            if isinstance(declaration, Declaration) and value.__module__ == module.__name__:
                if declaration.name in found:
                    raise ValueError(f"two commands are called {declaration.name}")
                found[declaration.name] = declaration
    return found
