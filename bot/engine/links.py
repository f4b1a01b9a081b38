"""Links to pages of ours, bound to one person: made, and turned back to what was asked for.

A form's is for chats that cannot open one, and is used up. A report's and a postmortem's last for a while.

The link's secret is 256 random bits of which only a hash is kept, so it can be neither guessed nor read off the store.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec

from bot.engine.house import House
from bot.model.decoding import prepare
from bot.model.ids import IncidentId
from bot.model.link import LASTS, FormLink
from bot.model.press import Press
from bot.ports import Capability, Inbound, Place, Speaker, UnitOfWork

PATH = "/forms/"
REPORT, WRITING = "report", "writing"  # pages that last: a report to read, a postmortem to write
PAGES: Mapping[str, str] = {REPORT: "/reports/", WRITING: "/postmortems/"}
PAGE_LASTS = timedelta(hours=12)
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
    kept = replace(press, args=dict(press.args), assumes=dict(press.assumes), asks=True, form="")
    return _made(uow, house, inbound, kept, PATH, now + LASTS)


def page_link(uow: UnitOfWork, house: House, inbound: Inbound, page: str, incident: IncidentId, now: datetime) -> str | None:
    """Make a link to a page that lasts, about an incident, for the one who asks; None where they could not be given it alone."""
    return _made(uow, house, inbound, Press(page, {"incident": incident}, {}), PAGES[page], now + PAGE_LASTS)


def _made(uow: UnitOfWork, house: House, inbound: Inbound, press: Press, path: str, until: datetime) -> str | None:
    alone = inbound.place is Place.DIRECT or any(
        house.can(inbound.connection, way) for way in (Capability.PRIVATE, Capability.DIRECT)
    )
    if house.public_url is None or not alone:
        return None
    secret = secrets.token_urlsafe(32)
    kept = msgspec.json.encode(press).decode()
    uow.add_form_link(FormLink(hashed(secret), inbound.connection, inbound.speaker.id, inbound.chat, kept, until))
    return f"{house.public_url}{path}{secret}"


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


def page_of(link: FormLink) -> tuple[str, IncidentId]:
    """Give which page a link leads to, and about which incident."""
    press = _press(link)
    return press.command, IncidentId(press.args.get("incident", ""))


def asking_for(link: FormLink, now: datetime) -> Inbound:
    """Ask, as the person whose link it is, for the form of the postmortem that a page is about: who may write it may open it."""
    press = Press("postmortem", {"incident": page_of(link)[1]}, {}, asks=True)
    return _inbound(link, f"page-asked:{link.hash}", press, now)


def writing(link: FormLink, args: Mapping[str, str], now: datetime) -> Inbound:
    """Write one section of a postmortem; the same text on the same ground is one delivery."""
    digest = hashlib.sha256(msgspec.json.encode(sorted(args.items()))).hexdigest()[:20]
    press = Press("postmortem", {**args, "incident": page_of(link)[1]}, {})
    return _inbound(link, f"section:{link.hash[:32]}:{digest}", press, now)


def _press(link: FormLink) -> Press:
    press: Press = _PRESS(link.press.encode())
    return press


def _inbound(link: FormLink, key: str, press: Press, now: datetime) -> Inbound:
    speaker = Speaker(link.account, link.account, known=False)
    return Inbound(link.connection, key, speaker, Place.DIRECT, link.chat, now, press=press, seen=False)
