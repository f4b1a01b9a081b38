"""Who may do what: a golden table of command × standing, in the situations where it matters.

`standing.golden` is written anew with WRITE_GOLDEN=1 and then read by a person.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from bot.errors import Refused
from bot.model import event as ev
from bot.model.announcing import Audience, Reach
from bot.model.event import Mark
from bot.model.ids import PersonId, RotationId
from bot.model.incident import Incident
from bot.model.oncall import Rotation
from bot.ports import Place
from tests.commands.fakes import DECLARATIONS, ORDER, P1, P2, P3, PAY, TIMER, World, actor, person

GOLDEN = Path(__file__).with_name("standing.golden")
# chen knows nobody here; zhao was called; wang owns the service; li commands; root is an admin.
COLUMNS = (("member", "chen"), ("responder", "zhao"), ("owner", "wang"), ("commander", "li"), ("admin", "root"))

Given = Callable[[World, Incident], dict[str, Any]]


def _other(world: World, _: Incident) -> dict[str, Any]:
    return {"other": world.declared("root", P2, services=(ORDER,))}


def _storm(world: World, _: Incident) -> dict[str, Any]:
    world.held_back(services=(ORDER,))
    world.held_back(services=(ORDER,))
    return {}


def _recovered(world: World, incident: Incident) -> dict[str, Any]:
    world.run("recover", "li", incident)
    return {}


def _closed(world: World, incident: Incident) -> dict[str, Any]:
    world.run("recover", "li", incident)
    world.run("close", "li", incident, waiver="x")
    return {"reason": "again"}


def _waived(world: World, incident: Incident) -> dict[str, Any]:
    world.run("recover", "li", incident)
    return {"waiver": "供应商故障"}


def _to_judge(world: World, incident: Incident) -> dict[str, Any]:
    world.run("recover", "li", incident)
    world.enter(TIMER, ev.PostmortemStarted(owner=PersonId("wang"), due=world.now), incident.id)
    world.enter(actor("wang"), ev.PostmortemSubmitted(), incident.id)
    return {"reason": "x", "act": "approve"}


def _begun(world: World, incident: Incident) -> dict[str, Any]:
    world.run("recover", "li", incident)
    world.enter(TIMER, ev.PostmortemStarted(owner=PersonId("wang"), due=world.now), incident.id)
    return {"to": person("zhang")}


def _meets(world: World, incident: Incident) -> dict[str, Any]:
    world.run("meeting", "li", incident, when=(world.now + timedelta(days=1),), people=(person("zhao"),))
    return {}


def _linked(world: World, incident: Incident) -> dict[str, Any]:
    world.run("link", "li", incident, groups=(world.alerts(1),))
    return {"groups": (world.groups[1],)}  # type: ignore[index]


def _with_alerts(world: World, incident: Incident) -> dict[str, Any]:
    world.run("link", "li", incident, groups=(world.alerts(1),))
    return {"text": "2h"}


def _in_a_group(world: World, _: Incident) -> dict[str, Any]:
    world.place = Place.GROUP
    world.rooms.clear()
    return {}


def _rota(world: World, _: Incident) -> dict[str, Any]:
    world.on_call(
        Rotation(RotationId("pay"), "支付值班", people=(PersonId("li"), PersonId("wang")), start=world.now.date()), of=PAY
    )
    return {"who": person("zhang")}


def _rota_of_others(world: World, _: Incident) -> dict[str, Any]:
    world.on_call(Rotation(RotationId("pay"), "支付值班", people=(PersonId("zhang"),), start=world.now.date()), of=PAY)
    return {"who": person("zhao"), "when": (world.now, world.now + timedelta(hours=1))}


def _offered(world: World, incident: Incident) -> dict[str, Any]:
    world.run("commander", "li", incident, who=person("zhao"))
    return {"reason": "x"}


def _with(**given: Any) -> Given:
    return lambda world, incident: dict(given)


def _alerts(**given: Any) -> Given:
    return lambda world, incident: {"groups": (world.alerts(1),), **given}


def _item(done: bool = False, **given: Any) -> Given:
    def make(world: World, incident: Incident) -> dict[str, Any]:
        world.run("action", "li", incident, text="x", who=person("zhao"), verifier=person("wang"), due=(world.now,))
        number = max(world.items)
        if done:
            world.run("done", "zhao", item=number, text="x")
        return {"item": number, **given}

    return make


def _noted(world: World, incident: Incident) -> dict[str, Any]:
    world.run("note", "li", incident, text="回滚")
    return {"entry": world.logs[incident.id][-1].n, "text": "回滚 2/4"}


def _announcing(world: World) -> None:
    reach = Reach(people=(PersonId("root"),))
    audiences = dict.fromkeys(Audience, reach)
    world.policy = dataclasses.replace(world.policy, audiences=audiences)


def _draft(*more: Any, occasion: str = "update", audience: str = "execs") -> Given:
    """Let 李四 write an announcement; `more` are facts about it."""

    def given(world: World, incident: Incident) -> dict[str, Any]:
        _announcing(world)
        world.run("announce", "li", incident, act=occasion, audience=audience)
        for payload in more:
            world.enter(actor("li"), payload, incident.id)
        return {"number": "1"}

    return given


def _to_announce(world: World, _: Incident) -> dict[str, Any]:
    _announcing(world)
    return {"act": "first", "audience": "execs"}


def _act(act: str, *more: Any, **given: Any) -> Given:
    return lambda world, incident: {**_draft(*more, **given)(world, incident), "act": act}


_SENT = ev.AnnouncementSent(number=1, targets=("person:root",))
# command, situation, level and arguments; pending ones were reported by root
CASES: tuple[tuple[str, str, Any, Given], ...] = (
    ("report", "", P1, _with(text="x", new=True)),
    ("declare", "", P1, _with(title="x", new=True)),
    ("ack", "", P1, _alerts()),
    ("confirm", "pending", P1, _with()),
    ("dismiss", "pending P1", P1, _with(reason="x")),
    ("dismiss", "handling P1", P1, _with(reason="x")),
    ("dismiss", "handling P2", P2, _with(reason="x")),
    ("dismiss", "alerts", P1, _alerts(reason="x")),
    ("severity", "up", P2, _with(to=P1)),
    ("severity", "down", P1, _with(to=P2)),
    ("commander", "take over", P1, _with()),
    ("commander", "hand over", P1, _with(who=person("zhang"))),
    ("decline", "an offer", P1, _offered),
    ("decline", "nothing", P1, _with(reason="x")),
    ("cadence", "see", P1, _with()),
    ("cadence", "set", P1, _with(text="20m")),
    ("cadence", "put off", P1, _with(act="snooze")),
    ("update", "nothing new", P1, _with(same="yes")),
    ("role", "", P1, _with(role="scribe", who=person("zhang"))),
    ("invite", "", P1, _with(people=(person("zhang"),))),
    ("join", "", P1, _with()),
    ("here", "", P1, _with()),
    ("pass", "uncalled", P1, _with(who=person("zhang"))),
    ("recall", "", P1, _with()),
    ("escalate", "", P1, _with(people=(person("chen"),))),
    ("impact", "", P1, _with(text="x")),
    ("complaints", "", P1, _with(count=12)),
    ("note", "", P1, _with(text="x")),
    ("note-edit", "of another", P1, _noted),
    ("update", "", P1, _with(text="x")),
    ("mark", "", P1, _with(mark=Mark.LOCATED)),
    ("title", "", P1, _with(text="x")),
    ("bridge", "", P1, _with(url="https://meet.example.com/1")),
    ("bind", "", P1, _in_a_group),
    ("mirror", "", P1, _with(text="feishu")),
    ("bind-account", "", P1, _with()),
    ("lang", "own", P1, _with(text="en")),
    ("lang", "room", P1, _with(text="en room")),
    ("link", "", P1, _alerts()),
    ("unlink", "", P1, _linked),
    ("silence", "", P1, _with_alerts),
    ("silence", "alerts", P1, _alerts(text="1h")),
    ("merge", "", P1, _other),
    ("gather", "", P1, _storm),
    ("recover", "P1", P1, _with()),
    ("recover", "P2", P2, _with()),
    ("observe", "P1", P1, _recovered),
    ("observe", "P2", P2, _recovered),
    ("reopen", "recovered", P1, _recovered),
    ("reopen", "closed", P1, _closed),
    ("close", "P3", P3, _recovered),
    ("close", "without postmortem", P1, _waived),
    ("postmortem", "write", P1, _with(text="根因 x")),
    ("postmortem", "approve P1", P1, lambda world, incident: {"act": _to_judge(world, incident)["act"]}),
    ("return-postmortem", "P1", P1, lambda world, incident: {"reason": _to_judge(world, incident)["reason"]}),
    ("transfer-postmortem", "", P1, _begun),
    ("waive", "", P1, lambda world, incident: {"reason": _recovered(world, incident) or "x"}),
    ("meeting", "see", P1, _with()),
    ("meeting", "call", P1, lambda world, incident: {"when": (world.now + timedelta(days=1),)}),
    ("cancel-meeting", "", P1, _meets),
    ("attend", "of 赵六 and 李四", P1, _meets),
    ("absent", "of 赵六 and 李四", P1, _meets),
    ("undo", "of others", P1, _with()),
    ("status", "", P1, _with()),
    ("brief", "", P1, _with()),
    ("list", "", P1, _with()),
    ("timeline", "", P1, _with()),
    ("why", "", P1, _with()),
    ("whoami", "", P1, _with()),
    ("oncall", "", P1, _with()),
    ("swap", "one's own, by 李四", P1, _rota),
    ("swap", "another's", P1, _rota_of_others),
    ("action", "", P1, _with(text="x")),
    ("revise", "of 赵六", P1, _item(text="验收：x")),
    ("reassign", "of 赵六", P1, _item(who=person("zhang"))),
    ("extend", "of 赵六", P1, _item(text="2024-06-30 x")),
    ("take", "of 赵六", P1, _item()),
    ("done", "of 赵六", P1, _item(text="x")),
    ("verify", "by 王五", P1, _item(True)),
    ("sendback", "by 王五", P1, _item(True, text="x")),
    ("items", "", P1, _with()),
    ("announce", "drafts", P1, _to_announce),
    ("announce", "sends P1 first", P1, _act("send", occasion="first")),
    ("announce", "sends P1 update", P1, _act("send")),
    ("announce", "sends P2 update", P2, _act("send")),
    ("announce", "sends outside", P2, _act("send", audience="external")),
    ("announce", "approves", P1, _act("approve", ev.ApprovalAsked(number=1, of=(PersonId("li"),), by=PersonId("zhao")))),
    ("reword", "", P1, lambda world, incident: {**_draft()(world, incident), "text": "x"}),
    ("withdraw", "", P1, _draft(_SENT)),
    ("read", "", P1, _draft(_SENT)),
    ("subscribe", "", P1, _with()),
    ("unsubscribe", "", P1, _with()),
    ("stats", "", P1, _with()),
    ("menu", "", P1, _with()),
    ("help", "", P1, _with()),
)
_ALONE = frozenset({"report", "declare", "ack", "list", "whoami", "gather", "bind-account", "swap"})
_ALONE |= {"revise", "reassign", "extend", "take", "done", "verify", "sendback", "items", "stats"}


def outcome(name: str, situation: str, severity: Any, given: Given, by: str, force: str | None) -> str:
    """Give `yes`, `forced` or the key of the refusal."""
    world = World(authority="strict", silencers=frozenset({"prom"}))
    if situation.startswith("pending"):
        reported = world.run("report", "root", severity=severity, text="x", services=("payments",)).incident
        assert reported is not None
        incident = world.incidents[reported.id]
        world.run("commander", "li", incident)
    else:
        incident = world.handled("li", severity)
    world.run("invite", "li", incident, people=(person("zhao"),))
    world.later(minutes=5)
    arguments = given(world, incident)
    world.later(minutes=5)
    about = None if name in _ALONE or ("groups" in arguments and name in ("dismiss", "silence")) else incident
    try:
        done = world.run(name, by, about, force=force, **arguments)
    except Refused as refused:
        return refused.reason.key
    return "forced" if "Forced" in done.kinds else "yes"


def table() -> str:
    lines = ["# yes; forced = only with a reason, which is kept; else the text that refuses. Authority: strict.\n"]
    lines.append("".join(f"{head:<30}" for head in ("command", *(c for c, _ in COLUMNS))).rstrip() + "\n")
    for name, situation, severity, given in CASES:
        cells = [f"{name} {situation}".strip()]
        for _, by in COLUMNS:
            plain = outcome(name, situation, severity, given, by, None)
            told = plain
            if plain != "yes" and outcome(name, situation, severity, given, by, "reason") == "forced":
                told = f"forced, else {plain}"
            cells.append(told)
        lines.append("".join(f"{cell:<30}" for cell in cells).rstrip() + "\n")
    return "".join(lines)


def test_everybody_may_do_what_the_table_says() -> None:
    found = table()
    if os.environ.get("WRITE_GOLDEN"):
        GOLDEN.write_text(found, "utf-8")
    assert found == GOLDEN.read_text("utf-8")


def test_the_table_covers_every_command_that_people_type() -> None:
    assert {name for name, *_ in CASES} == {d.name for d in DECLARATIONS.values() if d.words}
