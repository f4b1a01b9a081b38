"""From what follows a command's word to its declared arguments; runs inside the transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from bot.command import Context, Declaration
from bot.engine.claiming import Line
from bot.engine.finding import nowhere, services_called
from bot.engine.parameters import Parameter, Want, parameters
from bot.engine.pressing import pressed
from bot.engine.reading import Call
from bot.engine.tokens import atoms
from bot.errors import refuse
from bot.model.ids import IncidentId
from bot.model.incident import Incident
from bot.model.say import Say
from bot.model.text import flat
from bot.ports import Filter

Lock = Callable[[IncidentId], Incident | None]


@dataclass(frozen=True, slots=True)
class Bound:
    """Hold a command's arguments by name, the incident it is for, and what the person should know about the reading."""

    arguments: dict[str, Any]
    incident: Incident | None
    notes: tuple[Say, ...] = ()


def bind(call: Call, ctx: Context, *, implied: Incident | None, lock: Lock) -> Bound:
    """Read a typed call's arguments; raises `Refused` naming what lacks or what could not be read."""
    declaration = call.declaration
    if call.force is not None and not call.force.strip():
        raise refuse("force_why", word=call.word, rest=flat(call.rest))
    wanted = parameters(declaration)
    given = {name: pressed(_named(wanted, name), value, ctx) for name, value in (call.preset or {}).items()}
    line = Line(
        declaration, [p for p in wanted if p.typed and p.name not in given], ctx, atoms(call.rest), implied is not None, call.word
    )
    found = line.read()
    named = _incidents(line, wanted, implied, ctx)
    if Want.INCIDENT not in named and any(p.want is Want.INCIDENT for p in wanted) and not declaration.changes:
        by_service = _of_service(line, ctx, wanted)
        if by_service is not None:
            named[Want.INCIDENT] = by_service
    line.nothing_left(named.get(Want.INCIDENT) or implied)
    arguments = {p.name: given.get(p.name, found.get(p.want, p.default) if p.typed else p.default) for p in wanted}
    return _complete(declaration, wanted, arguments, named, line.notes, ctx, implied, lock, call.word, flat(call.rest))


def bind_press(declaration: Declaration, args: Mapping[str, str], ctx: Context, *, implied: Incident | None, lock: Lock) -> Bound:
    """Read a button's or form's arguments, which are named and hold ids and enums, or what somebody typed into a field."""
    wanted = parameters(declaration)
    given = {name: pressed(_named(wanted, name), value, ctx) for name, value in args.items() if value.strip()}
    named: dict[Want, Incident] = {
        p.want: given[p.name] for p in wanted if p.want in (Want.INCIDENT, Want.OTHER) and p.name in given
    }
    arguments = {p.name: given.get(p.name, p.default) for p in wanted}
    return _complete(declaration, wanted, arguments, named, (), ctx, implied, lock, declaration.words[0], "")


def bind_asking(
    declaration: Declaration, args: Mapping[str, str], ctx: Context, *, implied: Incident | None, lock: Lock
) -> Incident | None:
    """Find the incident that a command's form is for; of the other arguments only the names are checked."""
    wanted = parameters(declaration)
    own = next((p for p in wanted if p.want is Want.INCIDENT), None)
    for name in args:
        _named(wanted, name)
    if own is None:
        return None
    chosen = _held(pressed(own, args[own.name], ctx) if args.get(own.name) else None, implied, lock)
    if chosen is None and own.required:
        raise nowhere(ctx, declaration.words[0], "")
    return chosen


def _named(wanted: tuple[Parameter, ...], name: str) -> Parameter:
    found = next((p for p in wanted if p.name == name), None)
    if found is None:
        raise refuse("stale_click")  # a button of another version of this command
    return found


def _incidents(line: Line, wanted: tuple[Parameter, ...], implied: Incident | None, ctx: Context) -> dict[Want, Incident]:
    """Tell which of the incidents named is the one acted on, and which is the other one."""
    takes = [want for want in (Want.INCIDENT, Want.OTHER) if any(p.want is want for p in wanted)]
    if len(takes) < 2:
        return dict(zip(takes, line.incidents, strict=False))
    match line.incidents:
        case [one, other]:
            return {Want.INCIDENT: one, Want.OTHER: other}
        case [one]:
            elsewhere = implied is None and line.claimed(Want.GROUPS)  # 关联 A-12 F-…, not in a room
            return {Want.INCIDENT if elsewhere else Want.OTHER: one}
        case _:
            return {}


def _of_service(line: Line, ctx: Context, wanted: tuple[Parameter, ...]) -> Incident | None:
    """Find the open incident of a service that a question names, where the question takes no services itself."""
    if any(p.want in (Want.SERVICES, Want.FILTER, Want.TEXT, Want.WORD) for p in wanted):
        return None
    for at in line.free():
        services = services_called(ctx, flat(line.tokens[at].typed))
        if services:
            line.taken[at] = True
            found = {i.id: i for service in services for i in ctx.reads.incidents(Filter(service=service, limit=5))}
            if not found:
                raise refuse("service_quiet", services=services)
            if len(found) > 1:
                raise refuse("incident_which", incidents=tuple(found.values()), command=line.word, rest="")
            return next(iter(found.values()))
    return None


def _complete(
    declaration: Declaration, wanted: tuple[Parameter, ...], arguments: dict[str, Any], named: Mapping[Want, Incident],
    notes: tuple[Say, ...] | list[Say], ctx: Context, implied: Incident | None, lock: Lock, word: str, rest: str,
) -> Bound:  # fmt: skip
    """Lock the incidents, and refuse when something that must be there is not."""
    chosen: Incident | None = None
    for parameter in wanted:
        if parameter.want is Want.INCIDENT:
            chosen = _held(named.get(Want.INCIDENT), implied, lock)
            arguments[parameter.name] = chosen
            if chosen is None and parameter.required:
                raise nowhere(ctx, word, rest)
        elif parameter.want is Want.OTHER:
            arguments[parameter.name] = _held(named.get(Want.OTHER), implied, lock) if Want.OTHER in named else None
    for parameter in wanted:
        if parameter.required and arguments[parameter.name] in (None, ()):
            raise refuse("missing", field=parameter.name, want=parameter.want.name.lower(), example=declaration.example[ctx.lang])
    return Bound(arguments, chosen, tuple(notes))


def _held(named: Incident | None, implied: Incident | None, lock: Lock) -> Incident | None:
    if named is None or (implied is not None and named.id == implied.id):
        return implied  # the caller holds it already
    found = lock(named.id)
    if found is None:
        raise refuse("incident_unknown", word=named.id)
    return found
