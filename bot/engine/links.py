"""Links to forms on the web, for chats that cannot open one: made, and turned back to what was asked for.

The link's secret is 256 random bits of which only a hash is kept, so it can be neither guessed nor read off the store.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

import msgspec

from bot.engine.house import House
from bot.model.decoding import prepare
from bot.model.link import LASTS, FormLink
from bot.model.press import Press
from bot.ports import Capability, Inbound, Place, Speaker, UnitOfWork

PATH = "/forms/"
_PRESS = prepare(Press)


class State(StrEnum):
    """Say whether a link opens its form."""

    OPEN = "open"
    EXPIRED = "expired"
    USED = "used"


def hashed(secret: str) -> str:
    """Stand for a link's secret without giving it away."""
    return hashlib.sha256(secret.encode()).hexdigest()


def new_link(uow: UnitOfWork, house: House, inbound: Inbound, press: Press, now: datetime) -> str | None:
    """Make a link to a command's form for the one who asks; None where it could not be given to them alone."""
    alone = inbound.place is Place.DIRECT or any(
        house.can(inbound.connection, way) for way in (Capability.PRIVATE, Capability.DIRECT)
    )
    if house.public_url is None or not alone:
        return None
    secret = secrets.token_urlsafe(32)
    kept = msgspec.json.encode(replace(press, args=dict(press.args), assumes=dict(press.assumes), asks=True, form="")).decode()
    uow.add_form_link(FormLink(hashed(secret), inbound.connection, inbound.speaker.id, inbound.chat, kept, now + LASTS))
    return f"{house.public_url}{PATH}{secret}"


def state_of(uow: UnitOfWork, link: FormLink, now: datetime) -> State:
    """Say whether a link still opens its form: it does until it ran out or its form was taken."""
    if uow.delivered(link.connection, f"form:{link.hash}") is not None:
        return State.USED
    return State.EXPIRED if now > link.until else State.OPEN


def asking(link: FormLink, now: datetime) -> Inbound:
    """Ask for the form again, as the person whose link it is."""
    return _inbound(link, f"form-asked:{link.hash}", _press(link), now)


def key_of_sending(link: FormLink, fields: Mapping[str, Sequence[str]]) -> str:
    """Name the delivery of what a browser sends: the same fields sent twice are one."""
    digest = hashlib.sha256(msgspec.json.encode(sorted(fields.items()))).hexdigest()[:16]
    return f"form-sent:{link.hash[:32]}:{digest}"


def sending(link: FormLink, key: str, filled: Mapping[str, str], now: datetime) -> Inbound:
    """Press the command with what was filled in."""
    asked = _press(link)
    args = {**asked.args, **filled}  # `filled` has entries of the form only, nothing else that a browser may send
    press = Press(asked.command, args, asked.assumes, form=link.hash)
    return _inbound(link, key, press, now)


def _press(link: FormLink) -> Press:
    press: Press = _PRESS(link.press.encode())
    return press


def _inbound(link: FormLink, key: str, press: Press, now: datetime) -> Inbound:
    speaker = Speaker(link.account, link.account, known=False)
    return Inbound(link.connection, key, speaker, Place.DIRECT, link.chat, now, press=press, seen=False)
