"""What may be clicked below announcements: send, change, approve, send again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bot.model.announcing import Post, Stage
from bot.model.card import Button
from bot.model.incident import Incident

if TYPE_CHECKING:
    from bot.views.offers import Maker

Offered = Iterator[tuple[str, Button]]


def _act(
    make: Maker, incident: Incident, post: Post, act: str, label: str, *, primary: bool = False, ticked: bool = False
) -> Button:
    args = {"incident": incident.id, "act": act, "number": str(post.number), **({"ticked": "1"} if ticked else {})}
    return make.click(label, "announce", args, f"{make.label(f'announce_act.{act}')} {post.number}", primary=primary)


def _draft(make: Maker, incident: Incident, post: Post, named: str = "") -> Offered:
    """Offer to send what is complete, and to change or drop what is not out yet."""
    if post.stage is not Stage.DRAFT:
        return
    if not post.missing and not post.findings:
        yield "send", _act(make, incident, post, "send", make.label("offer.send", named), primary=not named)
    elif not post.missing:
        yield "send", _act(make, incident, post, "send", make.label("offer.send_ticked"), ticked=True)
    about = {"incident": incident.id, "number": str(post.number)}
    yield "reword", make.click(make.label("offer.reword", named), "reword", about, f"{post.number} …", asks=True)
    if not named:
        yield "drop", _act(make, incident, post, "drop", make.label("offer.drop"))


def preview(make: Maker, params: Mapping[str, Any]) -> Offered:
    """Offer what to do with one draft."""
    incident: Incident = params["incident"]
    post = incident.announcing.post(params["number"])
    if post is not None:
        yield from _draft(make, incident, post)


def offered(make: Maker, params: Mapping[str, Any]) -> Offered:
    """Offer to send each of what was drafted for an occasion."""
    incident: Incident = params["incident"]
    for post in incident.announcing.posts:
        if post.occasion == params["occasion"]:
            yield from _draft(make, incident, post, make.label(f"audience.{post.audience}"))


def approval(make: Maker, params: Mapping[str, Any]) -> Offered:
    """Offer to let one out, or to give it back."""
    incident: Incident = params["incident"]
    post = incident.announcing.post(params["number"])
    if post is not None and post.stage is Stage.ASKED:
        yield "approve", _act(make, incident, post, "approve", make.label("offer.approve"), primary=True)
        yield "reject", _act(make, incident, post, "reject", make.label("offer.reject"))


def whom(make: Maker, params: Mapping[str, Any]) -> Offered:
    """Offer the audiences that may be told on an occasion."""
    occasion = params["occasion"]
    for audience in params["audiences"]:
        label = make.label(f"audience.{audience}")
        args = {"incident": params["incident"].id, "act": str(occasion), "audience": str(audience)}
        yield "audience", make.click(label, "announce", args, f"{make.label(f'occasion.{occasion}')} {label}")


def receipt(make: Maker, params: Mapping[str, Any]) -> Offered:
    """Offer to send again to whom it did not reach."""
    incident: Incident = params["incident"]
    post = incident.announcing.post(params["number"])
    if post is not None and post.failed and post.stage is Stage.SENT:
        yield "resend", _act(make, incident, post, "resend", make.label("offer.resend"), primary=True)
