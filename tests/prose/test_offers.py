"""What may be clicked below texts: each click is a line that people can type, and the text leaves out what a button says.

Golden files are written anew as tests/prose/test_events.py says; a text without buttons is in the golden file beside.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from bot.engine.agenda import Row
from bot.engine.reading import Call, read
from bot.engine.vocabulary import Vocabulary
from bot.model import event as ev
from bot.model.actions import ActionItem, ItemState
from bot.model.event import Event, Mark, Status
from bot.model.handover import Handover
from bot.model.ids import GroupId, IncidentId, PersonId, ServiceId
from bot.model.incident import Asked, Incident, Outcome
from bot.model.meeting import Meeting
from bot.model.meeting import Reply as Answered
from bot.model.pace import Pace
from bot.model.person import Actor, ActorKind
from bot.model.postmortem import Review, ReviewState
from bot.model.press import decode, encode
from bot.model.say import Say, say
from bot.model.severity import Because, Extent, Reason, Severity
from bot.model.text import flat, plain
from bot.prose import LANGS
from bot.views.offers import MENU, Offer, notice_offers, offers
from tests.prose.test_cards import declarations, described
from tests.prose.test_events import GOLDEN, golden
from tests.prose.world import PROSE, ZHANG, at, busy, incident, show

DECLARED = declarations()
VOCABULARY = Vocabulary(DECLARED)
PAY, ORDERS = ServiceId("payments"), ServiceId("orders")
RECOVERED = busy(
    status=Status.RECOVERED, marks={**busy().marks, Mark.RECOVERED: at("14:33")}, observe_until=at("15:03"), next_update_by=None
)
_DECLARED: dict[str, Any] = {"owners": ("li",), "has_room": True, "at": None, "unsure": (), "seconds": 60, "why": (),
                             "dependants": ()}  # fmt: skip
_DUPLICATE: dict[str, Any] = {"graver": Severity.P1, "title": plain("付不了"), "severity": Severity.P1, "services": (PAY,),
                              "report": False}  # fmt: skip
_FREE = incident(status=Status.HANDLING)
_WHY = (
    Reason(Because.IMPACT, Severity.P2, 35, 20, PAY, 1, Extent.MAJOR),
    Reason(Because.DURATION, Severity.P1, 1920, 1800),
)
_ASKED = busy(severity=Severity.P2, asked=Asked(Severity.P1, _WHY), proposed=Severity.P1)
_PENDING = incident(status=Status.PENDING, provisional=True, severity=Severity.P2)

_DID = (
    Event(7, at("14:10"), at("14:10"), ZHANG, ev.NoteAdded(text=plain("扩容，无效"), sort="action")),
    Event(8, at("14:19"), at("14:19"), ZHANG, ev.UpdatePosted(
        text=plain("成功率 83%"), number=2, action=plain("回滚 2/4"), then=plain("全量回滚"),
    )),
)  # fmt: skip
_BRIEFING = say(
    "briefing", incident=busy(), did=_DID[::-1], doing=_DID[1], found=True, roles=[("scribe", "li")], due=at("14:35"), people=4,
    called=3, here=1, missing=["wang", "zhao"],
)  # fmt: skip


_ITEM = ActionItem(
    87,
    IncidentId("F-20240520-001"),
    plain("支付网关发布加灰度"),
    ItemState.TODO,
    at("14:30"),
    PersonId("zhang"),
    PersonId("wang"),
    date(2024, 6, 3),
    plain("灰度演练记录"),
    PersonId("li"),
)
_LATE = replace(_ITEM, number=91, due=date(2024, 5, 14), what=plain("补监控"))
_DONE = replace(_ITEM, number=95, state=ItemState.DONE, evidence=plain("演练已归档"))
_ASKS = replace(_ITEM, extensions=2, asked_due=date(2024, 6, 10), asked_why=plain("等供应商"))


_MEETING = Meeting(
    1, True, at("16:00"), 60, plain("三楼会议室"), PersonId("zhang"), tuple(map(PersonId, ("zhang", "li", "wang", "zhao"))),
    {PersonId("zhang"): Answered(True), PersonId("wang"): Answered(True), PersonId("zhao"): Answered(False, plain("在休假"))},
)  # fmt: skip
_MEETS = replace(RECOVERED, status=Status.REVIEWING, meeting=_MEETING)
_REVIEWED = replace(
    RECOVERED, status=Status.REVIEWING, review=Review(ReviewState.DRAFTING, PersonId("wang"), at("15:03"), at("18:00"))
)
_SUBMITTED = replace(_REVIEWED, review=replace(_REVIEWED.review, state=ReviewState.SUBMITTED))


def _row(item: ActionItem, days: int) -> Row:
    return Row(item, say("item_line", item=item, days=days, today=date(2024, 5, 20), severity=Severity.P1))


def _menu(about: Incident) -> Say:
    return say("menu", incident=about, declarations=[DECLARED[name] for name in MENU[about.status]])


SAID: dict[str, Say] = {
    "declared": say("declared", incident=_FREE, **_DECLARED),
    "declared provisional": say(
        "declared", incident=_PENDING, **{**_DECLARED, "has_room": False, "unsure": (("支付", (PAY, ORDERS)),), "why": _WHY[:1]}
    ),
    "declared held back": say("declared", incident=replace(_FREE, held_back=True), **_DECLARED),
    "declared with dependants": say("declared", incident=_FREE, **{**_DECLARED, "dependants": (ORDERS,)}),
    "swapped": say(
        "swapped", rotation="值班", start=at("14:20"), end=at("22:00"), person="li", before="zhang", seconds=60,
    ),
    "called on duty": say("called", incident=_FREE, room=None, why="oncall", service=PAY, duty=None, until=at("18:00")),
    "declared commanded": say("declared", incident=busy(), **_DECLARED),
    "reported unsure": say("reported", incident=_PENDING, owners=(), unsure=(("支付", (PAY, ORDERS)),)),
    "reported": say("reported", incident=_PENDING, owners=("li",), unsure=()),
    "duplicate": say("duplicate", known=busy(severity=Severity.P2), **_DUPLICATE),
    "duplicate recovered": say("duplicate", known=RECOVERED, **{**_DUPLICATE, "graver": None}),
    "duplicate of a long title": say(
        "duplicate", known=busy(), **{**_DUPLICATE, "graver": None, "title": plain("长" * 100), "report": True}
    ),
    "acked": say("acked", groups=[GroupId(12)]),
    "is closed": say("is_closed", incident=busy(status=Status.CLOSED, outcome=Outcome.DONE, closed_at=at("16:00")), into=None,
                     ref=""),
    "called": say("called", incident=_FREE, room=None, why="owner", service=PAY, duty="ops"),
    "to confirm": say("to_confirm", incident=_PENDING),
    "command offered": say("command_offered", incident=busy(), briefing=_BRIEFING),
    "command asked for": say("command_asked", incident=busy(handover=Handover(asked_by=PersonId("li"))), asker="li"),
    "command not answered": say("command_unanswered", incident=busy(), of="zhang"),
    "command not answered, free by now": say("command_unanswered", incident=_FREE, of=None),
    "still unled": say("still_unled", incident=_FREE, minutes=6),
    "duty ending": say("duty_ending", incident=busy(), rotation="pay", until=at("18:00"), next="wang"),
    "duty ended, nobody next": say("duty_ending", incident=busy(), rotation="pay", until=at("14:00"), next=None),
    "update due": say("update_due", incident=busy(), due=at("14:35")),
    "update due, late": say("update_due", incident=busy(pace=Pace(updated=at("14:19"))), due=at("14:19")),
    "update missing": say("update_missing", incident=busy(), minutes=30),
    "update missing, nobody commands": say("update_missing", incident=_FREE, minutes=30),
    "please command": say("please_command", incident=_FREE),
    "alerts to judge": say("alerts_to_judge", group=GroupId(12), severity=Severity.P2, service=PAY, title="5xx"),
    "level proposed": say("level_proposed", incident=_ASKED, before="P2", to="P1"),
    "item assigned": say("item_assigned", incident=_FREE, item=_ITEM),
    "item assigned without much": say(
        "item_assigned", incident=_FREE, item=replace(_ITEM, due=None, acceptance=(), verifier=None, state=ItemState.DOING)
    ),
    "item not taken": say("item_not_taken", incident=_FREE, item=_ITEM, days=2),
    "item to verify": say("item_to_verify", incident=_FREE, item=_DONE),
    "item asks for time": say("item_more_time", incident=_FREE, item=_ASKS),
    "items due": say(
        "items_due", own=[_row(_LATE, -4), _row(replace(_ITEM, due=date(2024, 5, 20)), 0), _row(_ITEM, 3)],
        verify=[_row(_DONE, 0)], team=[_row(_LATE, -5)], services=[_row(_LATE, -10)], soon=date(2024, 6, 5), late=at("10:00"),
    ),
    "items due of a team": say(
        "items_due", own=[], verify=[], team=[_row(replace(_LATE, number=n), -5) for n in range(1, 21)], services=[],
        soon=date(2024, 6, 5), late=None,
    ),
    "meeting invited": say("meeting_invited", incident=_MEETS, person="li", mark=_MEETS.meeting.mark),
    "meeting invited and coming": say("meeting_invited", incident=_MEETS, person="wang", mark=_MEETS.meeting.mark),
    "meeting invited and not coming": say("meeting_invited", incident=_MEETS, person="zhao", mark=_MEETS.meeting.mark),
    "meeting of yours": say("meeting_yours", incident=_MEETS, mark=_MEETS.meeting.mark, unmailed=("zhao",), unreached=("wang",)),
    "meeting of which all answered": say("meeting_answers", incident=_MEETS, mark=_MEETS.meeting.mark),
    "meeting soon": say("meeting_soon", incident=_MEETS, mark=_MEETS.meeting.mark, person="li", stage="soon", begun=False),
    "meeting begun": say("meeting_soon", incident=_MEETS, mark=_MEETS.meeting.mark, person="li", stage="soon", begun=True),
    "meeting soon for the organizer": say(
        "meeting_soon", incident=_MEETS, mark=_MEETS.meeting.mark, person="zhang", stage="eve", begun=False
    ),
    "meeting off": say(
        "meeting_off", incident=_MEETS, start=at("16:00"), reason=plain("改成书面评审"), why="", by="zhang"
    ),
    "meeting off by itself": say("meeting_off", incident=_MEETS, start=at("16:00"), reason=(), why="merged", by=None),
    "meeting without you": say("meeting_without", incident=_MEETS, mark=_MEETS.meeting.mark),
    "meeting stands": say("meeting_stands", incident=_MEETS, ahead=True, people=(), ref=""),
    "meeting not called": say("meeting_stands", incident=RECOVERED, ahead=False, people=("zhang", "li"), ref=""),
    "postmortem yours": say("postmortem_yours", incident=_REVIEWED, lacks=("cause", "measures")),
    "postmortem stands": say(
        "postmortem_stands", incident=_REVIEWED, lacks=("cause",), page="writing", link=None, ref=""
    ),
    "postmortem stands with a meeting": say(
        "postmortem_stands", incident=replace(_REVIEWED, meeting=_MEETS.meeting), lacks=("cause",), page="writing", link=None,
        ref="",
    ),
    "postmortem to judge": say("postmortem_to_judge", incident=_SUBMITTED, by="wang"),
    "menu pending": _menu(_PENDING),
    "menu handling": _menu(busy()),
    "menu free": _menu(_FREE),
    "menu closed": _menu(busy(status=Status.CLOSED, outcome=Outcome.DONE, closed_at=at("16:00"))),
    "help here": say(
        "help_here", about=_FREE, offered=False, awaited=[], ongoing=[], items=[], verify=[], more=0,
        declarations=[DECLARED[n] for n in ("commander", "update", "note", "mark", "brief")],
    ),
    "help anywhere": say(
        "help_here", about=None, offered=False, awaited=["F-20240520-002"], ongoing=[_FREE], items=[_ITEM, _LATE],
        verify=[_DONE], more=2,
        declarations=[DECLARED[n] for n in ("declare", "report", "list", "join", "ack")],
    ),
}  # fmt: skip
NOTICED: dict[str, tuple[ev.Payload, Incident]] = {
    "a level is proposed": (ev.SeverityProposed(before=Severity.P2, to=Severity.P1, why=_WHY), _ASKED),
    "a level was proposed": (ev.SeverityProposed(before=Severity.P2, to=Severity.P1, why=_WHY), busy()),
    "nobody commands": (ev.CommanderMissing(minutes=3), _FREE),
    "an update is overdue": (ev.UpdateOverdue(due=at("14:35"), minutes=20, waiting=7, to=PersonId("zhang")), busy()),
    "an update was overdue": (ev.UpdateOverdue(due=at("14:35"), minutes=20, to=PersonId("zhang")), RECOVERED),
    "nobody commands any more": (ev.CommanderMissing(minutes=3), busy()),
    "all resolved": (ev.RecoverySuggested(resolved=8), busy()),
    "all resolved and recovered": (ev.RecoverySuggested(resolved=8), RECOVERED),
    "alerts are back": (ev.AlertsReturned(group=GroupId(12)), RECOVERED),
    "recovered": (ev.IncidentRecovered(when=at("14:33"), text=plain("回滚"), observe_until=at("15:03")), RECOVERED),
    "recovered and not watched": (
        ev.IncidentRecovered(when=at("14:33")),
        replace(RECOVERED, severity=Severity.P4, observe_until=None),
    ),
    "observation over": (ev.ObservationEnded(to=Status.RECOVERED), replace(RECOVERED, observe_until=None)),
    "to be reviewed": (ev.ObservationEnded(to=Status.REVIEWING), replace(RECOVERED, status=Status.REVIEWING)),
}


def pictured(name: str, lang: str) -> tuple[str, tuple[Offer, ...]]:
    """Word one text with its buttons and without."""
    reader = show(lang, hail="@bot ")
    if name in SAID:
        found = offers(SAID[name], PROSE, reader)
        with_buttons = replace(reader, buttons=frozenset(offer for offer, _ in found))
        return "\n--- typed\n".join(flat(PROSE.say(SAID[name], s)) for s in (with_buttons, reader)), found
    payload, about = NOTICED[name]
    event = Event(12, at("14:40"), at("14:40"), Actor(ActorKind.TIMER, "timer") if "nobody" in name else ZHANG, payload)
    found = notice_offers(event, about, PROSE, reader)
    with_buttons = replace(reader, buttons=frozenset(offer for offer, _ in found))
    return "\n--- typed\n".join(flat(PROSE.entry(event, about, s)) for s in (with_buttons, reader)), found


ALL = [*SAID, *NOTICED]


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ALL)
def test_a_text_and_its_buttons_read_as_the_golden_file_says(name: str, lang: str) -> None:
    words, found = pictured(name, lang)
    lines = []
    for offer, button in found:
        lines += [f"[{offer}] {described(button)}", *(f"    {described(option)}" for option in button.options)]
    golden(GOLDEN / "offers" / f"{name.replace(' ', '-')}.{lang}.txt", "\n".join([*lines, "--- clicked", words, ""]))


def test_no_golden_offer_outlives_its_text() -> None:
    kept = {path.name for path in (GOLDEN / "offers").glob("*.txt")}
    assert kept == {f"{name.replace(' ', '-')}.{lang}.txt" for name in ALL for lang in LANGS}


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", ALL)
def test_every_click_is_a_line_that_people_can_type_and_fits_the_wire(name: str, lang: str) -> None:
    words, found = pictured(name, lang)
    clicked = words.partition("\n--- typed\n")[0]
    assert clicked == clicked.strip()
    assert not any(line != line.rstrip() or not line for line in clicked.split("\n"))
    for _, button in found:
        for click in button.options or (button,):
            assert decode(encode(click)).command == click.command
            assert click.typed.startswith("@bot ")
            call = read(plain(click.typed.removeprefix("@bot ")), VOCABULARY, lang=lang, pending=False)
            assert isinstance(call, Call), click
            assert call.declaration.name == click.command, click
            known = {parameter for parameter, *_ in DECLARED[click.command].parameters}
            assert {argument for argument, _ in click.args} <= known
            assert not click.asks or DECLARED[click.command].form
            assert click.label and len(click.label) <= 30


@pytest.mark.parametrize("name", ALL)
def test_both_languages_offer_the_same_clicks(name: str) -> None:
    zh, en = ([(o, b.command, b.asks, b.assumes, len(b.options)) for o, b in pictured(name, lang)[1]] for lang in LANGS)
    assert zh == en


def test_what_a_button_says_is_not_said_again_to_be_copied() -> None:
    for name in ("declared", "duplicate", "to confirm", "command offered", "all resolved", "nobody commands", "menu handling"):
        clicked = pictured(name, "zh")[0].partition("\n--- typed\n")[0]
        assert "@bot" not in clicked, clicked
