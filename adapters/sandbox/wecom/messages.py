"""The message/* methods: what the app writes to people directly, takes back, and updates once per code."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapters.sandbox.wecom import cards
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.appchat import words
from adapters.sandbox.wecom.corp import APP, Message, User
from adapters.sandbox.wecom.errors import No

if TYPE_CHECKING:
    from adapters.sandbox.wecom.desk import Asked, Desk

SENDS = (
    "text", "image", "voice", "video", "file", "textcard", "news", "mpnews", "markdown", "miniprogram_notice", "template_card",
)  # fmt: skip
BUTTONED = ("button_interaction", "vote_interaction", "multiple_interaction")


@dataclass(slots=True)
class Sent:
    """Hold what was sent at once: each receiver has a copy."""

    msgid: str
    at: float
    kind: str
    task_id: str = ""
    copies: dict[str, Message] = field(default_factory=dict)


@dataclass(slots=True)
class Code:
    """Hold one response_code."""

    sent: Sent
    at: float
    used: bool = False


def send(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Write to people (90236)."""
    corp, now = desk.corp, desk.corp.clock()
    desk.agent(asked.get("agentid"))
    kind = asked.get("msgtype")
    if kind not in SENDS:
        raise No(40008)
    found, wrong = _receivers(desk, asked)
    card, text = None, ""
    mentions: tuple[str, ...] = ()
    if kind == "template_card":
        card = cards.check(asked.get("template_card"))
        if cards.calls_back(card) and not desk.called_back:
            raise No(43012)
    else:
        text, mentions = words(asked, str(kind), at_most.TEXT_BYTES)
    again = _duplicate(desk, asked, now)
    if again is not None:
        return wrong | {"msgid": again}
    task_id = str((card or {}).get("task_id") or "")
    if task_id:
        if task_id in desk.tasks:
            raise No(42014)
        desk.tasks.add(cards.check_task_id(task_id))
    budget = ("message/send", at_most.PERSON_TIMES_A_DAY * max(1, desk.headcount), at_most.DAY)
    if not desk.rates.fits(now, budget, times=len(found)):
        raise No(45009)
    sent = Sent(corp.fresh(30), now, str(kind), task_id)
    desk.sent[sent.msgid] = sent
    for user in found:
        mine = (
            (f"direct/{user.id}", at_most.DIRECT_A_MINUTE, at_most.MINUTE),
            (f"direct/{user.id}", at_most.DIRECT_AN_HOUR, at_most.HOUR),
        )
        if desk.rates.fits(now, *mine):
            more: dict[str, Any] = {"card": card, "msgid": sent.msgid, "mentions": mentions}
            sent.copies[user.id] = corp.say(f"{APP}:{user.id}", APP, sent.kind, text, **more)
    _remember(desk, asked, sent, now)
    answer = wrong | {"msgid": sent.msgid}
    if card is not None and cards.calls_back(card):
        answer["response_code"] = issue(desk, sent)
    return answer


def recall(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Take a message back within a day (94867)."""
    sent = desk.sent.get(str(asked.get("msgid")))
    if sent is None or sent.at + at_most.RECALL_SECONDS * desk.scale < desk.corp.clock():
        raise No(40058, "msgid")
    for copy in sent.copies.values():
        copy.deleted = True
        desk.corp.change(copy)
    return {}


def update(desk: Desk, asked: Asked) -> dict[str, Any]:
    """Show another card, or a grey button, to some of the receivers (94888); spends the code."""
    desk.agent(asked.get("agentid"), 42015)
    code = desk.codes.get(str(asked.get("response_code")))
    if code is None or code.at + at_most.CODE_SECONDS * desk.scale < desk.corp.clock():
        raise No(40058, "response_code")
    if code.used:
        raise No(42022)
    targets, wrong = _targets(desk, asked, code.sent)
    change = changed(asked)
    if "button" in change and not any(
        (copy.card_of(person) or {}).get("card_type") in BUTTONED for person, copy in code.sent.copies.items()
    ):
        raise No(40058, "button")
    code.used = True
    for person in targets:
        show(desk, code.sent.copies[person], person, change)
    return {"invaliduser": wrong}


def changed(asked: Asked) -> dict[str, Any]:
    """Read what a card is to become: another card, or its buttons one grey one."""
    if isinstance(asked.get("template_card"), dict):
        return {"card": cards.check(asked["template_card"], task_id=False)}
    button = asked.get("button")
    if isinstance(button, dict) and isinstance(button.get("replace_name"), str) and button["replace_name"]:
        return {"button": button["replace_name"]}
    raise No(40058, "template_card")


def show(desk: Desk, copy: Message, person: str, change: dict[str, Any]) -> None:
    """Change one person's copy; what they chose in it is gone. The task_id stays what it was."""
    before = copy.card_of(person) or {}
    after = (
        change["card"] | {"task_id": before.get("task_id", "")}
        if "card" in change
        else before | {"replace_text": change["button"]}
    )
    copy.own[person] = after
    copy.chosen.pop(person, None)
    desk.corp.change(copy)


def issue(desk: Desk, sent: Sent) -> str:
    """Make a fresh response_code."""
    code = desk.corp.fresh(36)
    desk.codes[code] = Code(sent, desk.corp.clock())
    return code


def _receivers(desk: Desk, asked: Asked) -> tuple[list[User], dict[str, str]]:
    names = {name: str(asked.get(name) or "") for name in ("touser", "toparty", "totag")}
    if not any(names.values()):
        raise No(82001)
    if names["touser"] == "@all":
        return [u for u in desk.corp.users.values() if u.visible and not u.gone], {}
    given = [one for one in names["touser"].split("|") if one]
    if len(given) > at_most.RECEIVERS:
        raise No(40032)
    users = {one: desk.corp.user(one) for one in given}
    found = {user.id: user for user in users.values() if user is not None and user.visible}
    if "1" in names["toparty"].split("|"):
        found |= {u.id: u for u in desk.corp.users.values() if u.visible and not u.gone}
    bad = {
        "invaliduser": [one.lower() for one, user in users.items() if user is None or not user.visible],
        "invalidparty": [one for one in names["toparty"].split("|") if one not in ("", "1")],
        "invalidtag": [one for one in names["totag"].split("|") if one],
    }
    wrong = {name: "|".join(ones) for name, ones in bad.items() if ones}
    if not found:
        raise No(81013, **wrong)
    return list(found.values()), wrong


def _targets(desk: Desk, asked: Asked, sent: Sent) -> tuple[list[str], list[str]]:
    if asked.get("atall") == 1 or 1 in (asked.get("partyids") or []):
        return list(sent.copies), []
    given = asked.get("userids") or []
    if not isinstance(given, list) or len(given) > at_most.RECEIVERS:
        raise No(40032)
    users = {str(one): desk.corp.user(one) for one in given}
    wrong = [one.lower() for one, user in users.items() if user is None or user.id not in sent.copies]
    found = [user.id for user in users.values() if user is not None and user.id in sent.copies]
    if not found:
        raise No(81013, invaliduser=wrong)
    return found, wrong


# ------------------------------------------------------------ the same message twice
def _digest(asked: Asked) -> str:
    names = ("touser", "toparty", "totag", "agentid", "msgtype", str(asked.get("msgtype")))
    same = json.dumps([asked.get(name) for name in names], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(same.encode()).hexdigest()


def _duplicate(desk: Desk, asked: Asked, now: float) -> str | None:
    interval = asked.get("duplicate_check_interval", at_most.DUPLICATE_SECONDS)
    if type(interval) is not int or not 0 < interval <= at_most.DUPLICATE_MOST:
        raise No(40058, "duplicate_check_interval")
    if asked.get("enable_duplicate_check") != 1:
        return None
    sent = desk.sent.get(desk.digests.get(_digest(asked), ""))
    return sent.msgid if sent is not None and sent.at + interval * desk.scale > now else None


def _remember(desk: Desk, asked: Asked, sent: Sent, now: float) -> None:
    desk.digests[_digest(asked)] = sent.msgid
