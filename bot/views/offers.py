"""What may be clicked below an answer, a direct message or a room's line, in place of the lines to type.

Each offer has the name by which the text knows that its line is not needed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from bot.model import event as ev
from bot.model.actions import ActionItem, ItemState
from bot.model.card import Button
from bot.model.event import Event, Status
from bot.model.ids import PersonId, group_word
from bot.model.incident import Incident
from bot.model.press import encode
from bot.model.say import Say, say
from bot.model.severity import Severity
from bot.model.text import flat
from bot.show import Show, clean, cut
from bot.views import announcing, leading, meeting

if TYPE_CHECKING:
    from bot.command import Declaration
    from bot.prose import Prose

Offer = tuple[str, Button]

REASONS = ("false_alarm", "known", "threshold", "drill")
MENU: Mapping[Status, tuple[str, ...]] = {
    Status.PENDING: ("severity", "role", "invite", "impact", "link", "merge", "title", "bridge"),
    Status.HANDLING: ("severity", "commander", "role", "invite", "impact", "link", "merge", "title", "bridge", "silence"),
    Status.RECOVERED: ("severity", "role", "invite", "impact", "link", "merge", "title", "bridge"),
    Status.REVIEWING: ("severity", "role", "impact", "link", "merge", "title"),
    Status.CLOSED: ("reopen", "note"),
}
_RUN_BARE = frozenset({"confirm", "brief", "status", "timeline", "list", "whoami"})  # what runs with no more than an incident
_LABEL_CHARS = 30
ITEMS_OFFERED = 8  # of a reminder


@dataclass(frozen=True, slots=True)
class Maker:
    """Make buttons for one reader, each with the line that a person could type instead."""

    prose: Prose
    show: Show

    def label(self, key: str, shown: object = "") -> str:
        """Give a label of words.yaml."""
        return cut(clean(self.prose.label(key, self.show.lang).replace("#", str(shown))).strip(), _LABEL_CHARS)

    def line(self, command: str, *parts: object) -> str:
        """Spell the line to type: the command's word and what follows it."""
        word = self.prose.label(f"command.{command}", self.show.lang)
        return self.show.hail + " ".join(str(part) for part in (word, *parts) if part)

    def click(
        self, label: str, command: str, args: Mapping[str, str], tail: object = "", *, asks: bool = False,
        primary: bool = False, assumes: Mapping[str, str] | None = None,
    ) -> Button:  # fmt: skip
        """Make a button; `tail` is what is typed behind the command's word and the id of what it is about."""
        line = self.line(command, args.get("incident") or args.get("groups", ""), tail or ("…" if asks else ""))
        return Button(
            label, command, line, tuple(args.items()), tuple((assumes or {}).items()), primary, None, asks
        )  # fmt: skip

    def named(
        self, key: str, command: str, args: Mapping[str, str], tail: object = "", *, asks: bool = False,
        primary: bool = False, assumes: Mapping[str, str] | None = None,
    ) -> Button:  # fmt: skip
        """Make a button whose label is one of words.yaml."""
        return self.click(self.label(key), command, args, tail, asks=asks, primary=primary, assumes=assumes)

    def levels(self, incident: Incident, assumes: Mapping[str, str] | None = None, *, here: bool = False) -> Iterator[Button]:
        """Offer every level that would change something, from P1 down with a question; `here` = in the incident's room."""
        for level in Severity:
            if level is incident.severity and not incident.provisional:
                continue
            button = self.click(level.value, "severity", {"incident": incident.id, "to": level.value}, level, assumes=assumes)
            if here:
                button = replace(button, typed=self.line("severity", level))
            if incident.severity is Severity.P1 and incident.severity.worse_than(level):
                told = self.prose.say(say("card_confirm_lower", people=len(incident.involved), level=level), self.show)
                button = replace(button, confirm=clean(flat(told)))
            yield button

    def reasons(self, group: str) -> Button:
        """Offer the usual reasons for which alerts are no incident."""
        said = [self.label(f"reason.{name}") for name in REASONS]
        options = tuple(self.click(words, "dismiss", {"groups": group, "reason": words}, words) for words in said)
        return replace(self.named("button.dismiss", "dismiss", {"groups": group}), options=options)

    def take(self, incident: Incident) -> Button:
        """Offer to take a command that nobody has."""
        about, assumes = {"incident": incident.id}, {"commander": ""}
        return self.named("button.command", "commander", about, primary=True, assumes=assumes)

    def spelled(self, key: str, incident: Incident) -> str:
        """Spell a line to type that words.yaml holds whole."""
        return self.show.hail + self.prose.label(key, self.show.lang).replace("#", incident.id)

    def hand_over(self, label: str, incident: Incident, to: str, assumes: Mapping[str, str], *, primary: bool = False) -> Button:
        """Offer to hand command to somebody."""
        name = clean(self.show.person(PersonId(to)))
        button = self.click(self.label(label, name), "commander", {"incident": incident.id, "who": to}, primary=primary,
                            assumes=assumes)  # fmt: skip
        return replace(button, typed=self.line("commander", incident.id, f"@{name}"))


def offers(told: Say, prose: Prose, show: Show) -> tuple[Offer, ...]:
    """List what may be clicked below a text; what does not fit the wire is left to be typed."""
    make = _TOLD.get(told.key)
    return _fitting(make(Maker(prose, show), told.params)) if make is not None else ()


def notice_offers(event: Event, incident: Incident, prose: Prose, show: Show) -> tuple[Offer, ...]:
    """List what may be clicked below a room's line about a fact, as long as it is of use."""
    return _fitting(_noticed(Maker(prose, show), event, incident))


def _fitting(found: Iterable[Offer]) -> tuple[Offer, ...]:
    return tuple((name, button) for name, button in found if fits(button))


def fits(button: Button) -> bool:
    """Say whether a button and its options fit the wire."""
    try:
        for one in button.options or (button,):
            encode(one)
    except ValueError:
        return False
    return True


# ---------------------------------------------------------------- answers
def _declared(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    about: dict[str, str] = {"incident": incident.id}
    if incident.commander is None and incident.offered_to is None:
        yield "command", make.take(incident)
    if incident.status is Status.PENDING:
        yield "confirm", make.named("button.confirm", "confirm", about, assumes={"status": "pending"})
    if incident.provisional:
        for button in make.levels(incident):
            mine = dict(button.args)["to"] == incident.severity
            yield "level", replace(button, label=make.label("offer.suggested", button.label)) if mine else button
    yield from _unsure(make, params)
    if params["dependants"]:
        named = [(service, clean(make.show.service(service, make.show.lang))) for service in params["dependants"]]
        affected = [(cut(n, _LABEL_CHARS) or s, {**about, "services": s}, make.line("impact", n, incident.id)) for s, n in named]
        options = tuple(replace(make.click(name, "impact", args), typed=line) for name, args, line in affected)
        yield "dependants", replace(make.named("offer.dependants", "impact", about, asks=True), options=options)
    if incident.held_back:
        yield "join", make.named("offer.room", "join", about)
    changes = ("title", "impact") if incident.provisional else ("severity", "title", "impact")
    options = tuple(make.named(f"offer.{name}", name, about, asks=True) for name in changes)
    yield "change", replace(make.named("offer.change", "title", about), options=options)
    undo = make.click(make.label("offer.undo", params["seconds"]), "undo", {"what": "IncidentDeclared"})
    yield "undo", replace(undo, typed=make.line("undo"))


def _swapped(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    undo = make.click(make.label("offer.undo", params["seconds"]), "undo", {"what": "ShiftSwapped"})
    yield "undo", replace(undo, typed=make.line("undo"))


def _unsure(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    for _, candidates in params["unsure"]:
        names = [clean(make.show.service(service, make.show.lang)) for service in candidates]
        for service, name in zip(candidates, names, strict=True):
            button = make.click(cut(name, _LABEL_CHARS) or service, "impact", {"incident": incident.id, "services": service})
            yield "unsure", replace(button, typed=make.line("impact", name, incident.id))
        if len(candidates) > 1:
            both = make.named("offer.all", "impact", {"incident": incident.id, "services": ",".join(candidates)})
            yield "unsure", replace(both, typed=make.line("impact", *names, incident.id))


def _duplicate(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    known: Incident = params["known"]
    yield "join", make.named("offer.join", "join", {"incident": known.id}, primary=True)
    graver = params["graver"]
    if graver is not None:
        yield (
            "raise",
            make.click(make.label("offer.raise", graver), "severity", {"incident": known.id, "to": str(graver)}, graver),
        )
    if known.status is Status.RECOVERED:
        assumes = {"status": "recovered"}
        yield "reopen", make.named("button.withdraw", "reopen", {"incident": known.id}, assumes=assumes)
    given = {"severity": str(params["severity"] or ""), "services": ",".join(params["services"])}
    name = "text" if params["report"] else "title"
    words = {key: value for key, value in {**given, name: flat(params["title"]), "new": "true"}.items() if value}
    button = make.named("offer.new", "report" if params["report"] else "declare", words)
    services = (clean(make.show.service(service, make.show.lang)) for service in params["services"])
    flag = make.label("offer.new_flag")
    typed = make.line(button.command, given["severity"], *services, clean(flat(params["title"])), flag)
    yield "new", replace(button, typed=typed)


def _acked(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield from _judge(make, params["groups"][0], None)


def _judge(make: Maker, group: Any, severity: str | None) -> Iterator[Offer]:
    word = group_word(group)
    level = {"severity": str(severity)} if severity else {}
    yield "declare", make.click(make.label("button.declare", severity or ""), "declare", {"groups": word, **level}, primary=True)
    yield "dismiss", make.reasons(word)


def _closed(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    if params["into"] is None and incident.outcome not in ("merged", "cancelled"):
        yield "reopen", make.named("button.reopen", "reopen", {"incident": incident.id}, asks=True)


# ---------------------------------------------------------------- direct messages
def _called(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    if incident.commander is None and incident.status is not Status.CLOSED:
        yield "command", replace(make.take(incident), primary=False)
    yield "join", make.named("button.join", "join", {"incident": incident.id})
    yield from _answering(make, incident, params.get("person"))


def _answering(make: Maker, incident: Incident, person: Any) -> Iterator[Offer]:
    """Offer whoever was called to say that they are there, or who comes in their place."""
    one = incident.roll.of(person)
    if one is not None and one.waiting and incident.active:
        yield "here", make.named("button.here", "here", {"incident": incident.id}, primary=True)
        yield "pass", make.named("button.pass", "pass", {"incident": incident.id}, asks=True)


def _called_again(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield "join", make.named("button.join", "join", {"incident": params["incident"].id})
    yield from _answering(make, params["incident"], params["person"])


def _to_confirm(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    assumes: dict[str, str] = {"status": "pending"}
    about: dict[str, str] = {"incident": incident.id}
    yield "confirm", make.named("button.confirm", "confirm", about, primary=True, assumes=assumes)
    yield "dismiss", make.named("button.dismiss", "dismiss", about, asks=True, assumes=assumes)


def _asked(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer the level that the matrix asks for, and to keep the present one."""
    incident: Incident = params["incident"]
    if incident.asked is None:
        return
    assumes = {"severity": incident.severity.value}
    for name, level, primary in (("agree", incident.asked.level, True), ("stay", incident.severity, False)):
        args = {"incident": incident.id, "to": level.value}
        label = make.label(f"offer.{name}", level.value)
        yield name, make.click(label, "severity", args, level.value, primary=primary, assumes=assumes)


def _offered(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield "accept", make.named("offer.accept", "commander", {"incident": params["incident"].id}, primary=True)
    yield from leading.turned_down(make, params["incident"])


def _please(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    if params["incident"].commander is None:
        yield "command", make.take(params["incident"])


def _alerts(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield from _judge(make, params["group"], params["severity"])
    yield "ack", make.named("button.ack", "ack", {"groups": group_word(params["group"])})


# ---------------------------------------------------------------- postmortems
def _to_write(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    about: dict[str, str] = {"incident": params["incident"].id}
    yield "fill", make.named("offer.fill", "postmortem", about, asks=True, primary=True)
    yield "pass_on", make.named("offer.pass_on", "transfer-postmortem", about, asks=True)
    yield "draft", _acting(make, "draft", about)
    if not params["incident"].meeting.on:
        yield meeting.call(make, params["incident"])


def _to_judge(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    about: dict[str, str] = {"incident": params["incident"].id}
    if params["incident"].review.state == "submitted":
        yield "approve", _acting(make, "approve", about, primary=True)
        yield "send_back", make.named("offer.send_back", "return-postmortem", about, asks=True)
    yield "draft", _acting(make, "draft", about)


def _judged(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    about: dict[str, str] = {"incident": params["incident"].id}
    if params["back"]:
        yield "fill", make.named("offer.fill", "postmortem", about, asks=True, primary=True)
    else:
        yield "publish", _acting(make, "publish", about, primary=True)


def _stands(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    """Offer what comes next in a postmortem's life."""
    incident: Incident = params["incident"]
    about: dict[str, str] = {"incident": incident.id}
    state = incident.review.state.value
    if state in ("none", "drafting"):
        yield "fill", make.named("offer.fill", "postmortem", about, asks=True, primary=True)
        if not params["lacks"] and not incident.active:
            yield "submit", _acting(make, "submit", about)
    elif state == "submitted":
        yield from _to_judge(make, params)
        return
    elif state == "approved":
        yield "publish", _acting(make, "publish", about, primary=True)
    yield "draft", _acting(make, "draft", about)
    if state in ("drafting", "approved") and not incident.meeting.on:
        yield meeting.call(make, incident)


def _acting(make: Maker, act: str, about: Mapping[str, str], *, primary: bool = False) -> Button:
    """Offer an act of the postmortem, with the line that does the same."""
    return make.named(f"offer.{act}", "postmortem", {**about, "act": act}, make.label(f"act.{act}"), primary=primary)


# ---------------------------------------------------------------- menus
def _menu(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident = params["incident"]
    about: dict[str, str] = {"incident": incident.id}
    known = {declaration.name for declaration in params["declarations"]}
    for name in MENU[incident.status]:
        if name not in known:
            continue
        if name == "severity":
            options = tuple(make.levels(incident, {"status": incident.status.value, "severity": incident.severity.value}))
            yield name, replace(make.named("button.severity", name, about, "…"), options=options)
        elif name == "commander" and incident.commander is None:
            yield name, make.take(incident)
        else:
            yield name, make.named(f"offer.{name}", name, about, asks=True)


def _help(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    incident: Incident | None = params["about"]
    about: dict[str, str] = {"incident": incident.id} if incident is not None else {}
    for declaration in params["declarations"]:
        yield from _helped(make, declaration, incident, about)


def _helped(make: Maker, declaration: Declaration, incident: Incident | None, about: Mapping[str, str]) -> Iterator[Offer]:
    name = declaration.name
    if name == "commander" and incident is not None and incident.commander is None:
        yield name, make.take(incident)
    elif declaration.form and (about or not any(p == "incident" for p, *_ in declaration.parameters)):
        yield name, _begun(make.named(f"command.{name}", name, about if declaration.takes_incident else {}, asks=True))
    elif name in _RUN_BARE and (about or name in ("list", "whoami")):
        yield name, _begun(make.named(f"command.{name}", name, about if declaration.takes_incident else {}))


def _begun(button: Button) -> Button:
    """Let a command's word begin as other buttons do."""
    return replace(button, label=button.label[:1].upper() + button.label[1:])


# ---------------------------------------------------------------- action items
def _item(make: Maker, item: ActionItem, name: str, command: str, label: str = "", **how: Any) -> Offer:
    number = str(item.number)
    button = make.named(f"offer.{label or name}", command, {"item": number}, **how)
    return name, replace(button, typed=make.line(command, number, "…" if how.get("asks") else ""))


def _item_assigned(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    item: ActionItem = params["item"]
    if item.state is ItemState.TODO:
        yield _item(make, item, "take", "take", "item_take", primary=True)
    yield _item(make, item, "extend", "extend", "item_extend", asks=True)
    yield _item(make, item, "reassign", "reassign", "item_reassign", asks=True)


def _item_to_verify(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield _item(make, params["item"], "verify", "verify", "item_verify", primary=True)
    yield _item(make, params["item"], "sendback", "sendback", "item_return", asks=True)


def _item_more_time(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield _item(make, params["item"], "agree", "extend", "item_agree", primary=True)
    yield _item(make, params["item"], "refuse", "sendback", "item_refuse")


def _item_not_taken(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    yield _item(make, params["item"], "reassign", "reassign", "item_reassign", asks=True)


def _items_due(make: Maker, params: Mapping[str, Any]) -> Iterator[Offer]:
    mine: list[ActionItem] = [row.item for row in params["own"]][:ITEMS_OFFERED]
    for command in ("done", "extend") if mine else ():
        about = {"item": str(mine[0].number)}
        options = tuple(
            replace(
                make.click(cut(f"T-{i.number} {clean(flat(i.what))}", _LABEL_CHARS), command, {"item": str(i.number)}, asks=True),
                typed=make.line(command, i.number, "…"),
            )
            for i in mine
        )
        yield command, replace(make.named(f"offer.items_{command}", command, about, asks=True), options=options)
    if mine:
        yield "all", replace(make.named("offer.items_all", "items", {}), typed=make.line("items"))


_TOLD: Mapping[str, Callable[[Maker, Mapping[str, Any]], Iterator[Offer]]] = {
    "declared": _declared, "reported": _unsure, "duplicate": _duplicate, "acked": _acked, "is_closed": _closed,
    "called": _called, "called_again": _called_again,
    "to_confirm": _to_confirm, "command_offered": _offered, "please_command": _please,
    "level_proposed": _asked,
    "item_assigned": _item_assigned, "item_to_verify": _item_to_verify, "item_more_time": _item_more_time,
    "item_not_taken": _item_not_taken, "items_due": _items_due,
    "postmortem_yours": _to_write, "postmortem_due": _to_write, "postmortem_to_judge": _to_judge, "postmortem_judged": _judged,
    "postmortem_stands": _stands, "postmortem_written": _stands,
    "command_asked": leading.asked_for, "command_unanswered": leading.stand_in, "update_missing": leading.stand_in,
    "still_unled": _please, "duty_ending": leading.duty, "update_due": leading.update_due,
    "announce_preview": announcing.preview, "announce_findings": announcing.preview, "announce_missing": announcing.preview,
    "announce_offer": announcing.offered, "announce_remind": announcing.offered, "announce_approve": announcing.approval,
    "announce_receipt": announcing.receipt, "announce_to_whom": announcing.whom, "announce_returned": announcing.preview,
    "meeting_invited": meeting.invited, "meeting_soon": meeting.soon, "meeting_yours": meeting.yours,
    "meeting_answers": meeting.yours, "meeting_stands": meeting.stands,
    "swapped": _swapped, "alerts_to_judge": _alerts, "alerts_unclaimed": _alerts, "menu": _menu, "help_here": _help,
}  # fmt: skip


# ---------------------------------------------------------------- rooms' lines
def _noticed(make: Maker, event: Event, incident: Incident) -> Iterator[Offer]:
    assumes: dict[str, str] = {"status": incident.status.value}
    about: dict[str, str] = {"incident": incident.id}
    match event.payload:
        case ev.SeverityProposed() if incident.asked is not None:
            yield from _asked(make, {"incident": incident})
        case ev.AbsentMentioned() if incident.roll.waiting and incident.active:
            yield "here", make.named("button.here", "here", about, primary=True)
            yield "pass", make.named("button.pass", "pass", about, asks=True)
        case ev.CommanderMissing() if incident.commander is None and incident.open:
            yield "command", make.take(incident)
        case ev.UpdateOverdue() if incident.status is Status.HANDLING:
            yield from leading.give(make, incident)
        case ev.RecoverySuggested() if incident.status is Status.HANDLING:
            yield "recover", make.named("button.recover", "recover", about, asks=True, primary=True, assumes=assumes)
            words = make.label("offer.not_yet")
            yield "not_yet", make.named("offer.not_yet", "recover", {**about, "text": words}, words, assumes=assumes)
        case ev.AlertsReturned() if incident.status is Status.RECOVERED:
            yield "reopen", make.named("button.withdraw", "reopen", about, primary=True, assumes=assumes)
            words = make.label("offer.unrelated")
            yield "unrelated", make.named("offer.unrelated", "reopen", {**about, "reason": words}, words, assumes=assumes)
        case ev.IncidentRecovered() if incident.status is Status.RECOVERED and incident.observe_until is not None:
            yield "reopen", make.named("button.withdraw", "reopen", about, assumes=assumes)
        case ev.PostmortemPublished() if incident.review.state == "published":
            yield "report", _acting(make, "report", about)
        case ev.ObservationEnded() | ev.IncidentRecovered() if incident.status is Status.RECOVERED:
            yield "close", make.named("button.close", "close", about, assumes=assumes)
        case _:
            return
