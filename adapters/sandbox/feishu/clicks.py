"""A click on a card: what is told to the app, and what its answer does to the card and shows to the person."""

from __future__ import annotations

import json
import secrets
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.feishu import cards, parcels
from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu.cards import Raw
from adapters.sandbox.feishu.courier import Courier
from adapters.sandbox.feishu.desk import Click, Desk
from adapters.sandbox.feishu.messages import redrawn
from adapters.sandbox.feishu.parcels import CARD, Outcome
from adapters.sandbox.feishu.refusals import No
from adapters.sandbox.feishu.refusals import card as card_refused
from adapters.sandbox.feishu.tenant import Message, User

UNANSWERED, MALFORMED, BAD_CARD, NO_BODY = "200340", "200672", "200673", "108002"
TOASTS = ("info", "success", "warning", "error")


@dataclass(slots=True)
class Act:
    """Hold one thing that a person did; `state` is waiting, done or failed (with the client's `error`)."""

    n: int
    person: str
    what: str
    chat: str | None
    message: str | None = None
    state: str = "waiting"
    error: str = ""
    toast: dict[str, str] = field(default_factory=dict)  # type and content, where the answer brought one
    version: int = 0


class Clicks:
    """Carry clicks to the app and apply what it answers."""

    def __init__(self, desk: Desk, courier: Courier) -> None:
        self.desk = desk
        self.courier = courier
        self.acts: list[Act] = []

    def begin(self, person: str, what: str, message: Message) -> Act:
        """Note that somebody began to do something whose answer they wait for."""
        act = Act(len(self.acts) + 1, person, what, message.chat, message.id, version=self.desk.tenant.touch())
        self.acts.append(act)
        return act

    def carry(self, person: User, message: Message, what: str, action: Raw) -> Act:
        """Tell the app of a click; it has three seconds."""
        desk, act = self.desk, self.begin(person.id, what, message)
        if not desk.tenant.app.callbacks:
            self._over(act, UNANSWERED)
            return act
        token = f"c-{secrets.token_hex(20)}"
        desk.clicks[token] = Click(message.id, desk.tenant.now)
        desk.clicked[message.id] = desk.clicked.get(message.id, 0) + 1
        told = parcels.pressed(desk.tenant, message, person, action, token)

        async def done(outcome: Outcome) -> None:
            error, toast = self._apply(message, person, outcome)
            act.toast = toast
            desk.clicked[message.id] -= 1
            self._over(act, error)

        self.courier.carry(parcels.event(desk.tenant, CARD, told), done)
        return act

    def _over(self, act: Act, error: str) -> None:
        act.state, act.error = "failed" if error else "done", error
        act.version = self.desk.tenant.touch()

    def _apply(self, message: Message, person: User, outcome: Outcome) -> tuple[str, dict[str, str]]:
        """Do what an answer asks for; gives what the client shows: a code, empty if all is well, and the toast."""
        if outcome.error:
            return UNANSWERED, {}
        answer = outcome.answer
        if answer is None:
            return NO_BODY, {}
        if not isinstance(answer, dict):
            return MALFORMED, {}
        toast, error = _toast(answer.get("toast"), person)
        if error:
            return error, {}
        card = answer.get("card")
        return (self._redraw(message, card), toast) if card else ("", toast)

    def _redraw(self, message: Message, card: Any) -> str:
        raw = card.get("data") if isinstance(card, dict) else None
        if not isinstance(raw, dict):
            return MALFORMED
        desk = self.desk
        try:
            if card.get("type") != "raw":
                raise card_refused(200380, "template does not exist, please confirm whether this template has been released")
            content = json.dumps(raw, ensure_ascii=False)
            cards.heavy(content, "interactive")
            cards.check(raw, desk.people(), set(desk.tenant.images))
        except No:
            return BAD_CARD
        if not message.recalled and desk.tenant.now - message.created <= at_most.PATCH_SECONDS:
            redrawn(desk, message, raw, content)
        return ""


def _toast(said: Any, person: User) -> tuple[dict[str, str], str]:
    if not said:
        return {}, ""
    if not isinstance(said, dict) or said.get("type", "info") not in TOASTS or not isinstance(said.get("content", ""), str):
        return {}, MALFORMED
    i18n = said.get("i18n") or {}
    words = (i18n.get(person.locale.lower().replace("-", "_")) if isinstance(i18n, dict) else None) or said.get("content", "")
    return {"type": said.get("type", "info"), "content": words}, ""
