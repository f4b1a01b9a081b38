"""An announcement as it goes out by e-mail, SMS, call and webhook, and the receipt for it."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from bot.announcing import as_html, as_json, subject_of
from bot.engine.page_notice import page_notice
from bot.model import event as ev
from bot.model.announcing import Audience, Occasion, Post, Stage
from bot.model.event import Fact
from bot.model.ids import ConnectionId
from bot.model.incident import Incident
from bot.model.text import flat
from bot.ports import Medium, Notice
from bot.rules.world import World

if TYPE_CHECKING:
    from bot.engine.notifying import NotifyDone, NotifyFailed

READ_PATH = "/announcements/"
_CALLED = frozenset({Occasion.FIRST, Occasion.RAISED, Occasion.RELAPSE})
_APPROVED = _CALLED | {Occasion.UPDATE, Occasion.LOWERED, Occasion.RECOVERED}


def can_say(medium: Medium, post: Post) -> bool:
    """Say whether a medium has words for an announcement: SMS and calls say approved texts only, which name the commander."""
    if medium is Medium.VOICE:
        return post.occasion in _CALLED and post.audience is not Audience.EXTERNAL
    return medium is not Medium.SMS or (post.occasion in _APPROVED and post.audience is not Audience.EXTERNAL)


def announcement_notice(world: World, incident: Incident | None, data: Mapping[str, Any], lang: str) -> Notice | None:
    """Word an announcement for one recipient; None when it was taken back."""
    post = incident.announcing.post(int(data["announcement"])) if incident is not None else None
    if incident is None or post is None or post.stage is Stage.WITHDRAWN:
        return None
    if data["medium"] in (Medium.SMS, Medium.VOICE):
        return page_notice(world, incident, data, lang)
    text, button = flat(post.text), None
    # Nobody counts whether customers took note.
    if world.house.public_url and data["medium"] == Medium.EMAIL and post.audience is not Audience.EXTERNAL:
        link = f"{world.house.public_url}{READ_PATH}{incident.id}/{post.number}/{token(post, str(data['target']))}"
        label = world.house.prose.label("offer.read", lang)
        text, button = f"{text}\n\n{label}: {link}", (label, link)
    return Notice(subject_of(post.text), text, as_html(post.text, lang, button), body=as_json(post, incident))


def announcement_receipt(data: Mapping[str, Any], outcome: NotifyDone | NotifyFailed) -> Sequence[Fact]:
    """Record whether an announcement reached one recipient."""
    code = str(getattr(outcome, "code", ""))
    return [ev.AnnouncementDelivered(number=int(data["announcement"]), target=str(data["target"]), code=code)]


def token(post: Post, target: str) -> str:
    """Sign one recipient's link to take note of one announcement; good for nothing else."""
    return hmac.new(post.seal.encode(), f"{post.number}\x1f{target}".encode(), hashlib.sha256).hexdigest()[:32]


def reader_of(post: Post, given: str) -> str | None:
    """Give the recipient whose link this is, as who took note: a person's id, else the recipient; None = nobody's."""
    for target in post.targets if post.seal else ():
        if hmac.compare_digest(token(post, target).encode(), given.encode()):
            return target.rpartition(":")[2] if target.startswith("notify:") else target
    return None


def medium_of(world: World, channel: str) -> Medium | None:
    """Give the medium of a configured channel; None where it is not configured any more."""
    return world.house.channels.get(ConnectionId(channel))
