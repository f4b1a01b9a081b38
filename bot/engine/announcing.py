"""Perform announcements: post them in groups, send them to people, and keep who was told how things stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from bot.engine.addressing import addressed
from bot.engine.house import House
from bot.engine.menus import keep, own_spot, shared_spot, with_numbers
from bot.engine.notices import sent_again, with_buttons
from bot.engine.plans import Call, Plan, Skip, key_of
from bot.model import event as ev
from bot.model.announcing import Audience, Stage
from bot.model.effect import Effect
from bot.model.event import Fact
from bot.model.incident import Incident
from bot.model.say import say
from bot.model.text import Span
from bot.ports import Content, Reads, Ref, Sent, Shown, Sought, UnitOfWork
from bot.prose import Show
from bot.rules.announcing import NEWS, news
from bot.rules.world import World
from bot.views.offers import Maker


def plan_announcement(effect: Effect, reads: Reads, house: House, show: Show) -> Plan:
    """Plan the message of one announcement to one recipient; what was taken back meanwhile does not go out."""
    number, target = int(effect.data["announcement"]), str(effect.data["target"])
    incident = reads.incident(effect.incident) if effect.incident is not None else None
    post = incident.announcing.post(number) if incident is not None else None
    if incident is None or post is None:
        return Skip()
    if target in post.done:
        return Skip()
    if post.stage is Stage.WITHDRAWN:  # what may have arrived counts as if it had: it is corrected
        return Skip((ev.AnnouncementDelivered(number=number, target=target),) if effect.maybe_sent else ())
    connection, now = effect.connection, show.now
    if effect.data.get("account") is not None:
        show = replace(show, hail="")  # in a direct chat nobody has to be mentioned
    asks = post.audience is not Audience.EXTERNAL  # customers are nobody who could press
    button = Maker(house.prose, show).named("offer.read", "read", {"incident": incident.id, "number": str(number)}, number)
    offered = (("read", button),) if asks and house.clickable(connection) else ()
    text = post.text
    if asks and not offered:
        text = (*text, Span("\n"), *house.prose.say(say("announce_read_line", incident=incident.id, number=number), show))
    content: Content = with_buttons(text, offered, incident, show.lang)
    content, choices = with_numbers(addressed(content, connection, reads), house, connection, show)
    again = sent_again(content, house, show)
    key = key_of(house, effect.key)
    account, chat = effect.data.get("account"), str(effect.data.get("chat", ""))

    def done(uow: UnitOfWork, ref: Ref | None) -> Sequence[Fact]:
        spot = own_spot(connection, str(account)) if account is not None else shared_spot(uow, connection, chat)
        keep(uow, spot, key, choices, now)
        return [ev.AnnouncementDelivered(number=number, target=target)]

    if account is not None:
        sought = Sought(Sent.DIRECT, key, str(account), now, not isinstance(content, tuple))
        return Call(lambda adapter, marked: adapter.direct(str(account), again if marked else content, key), done, find=sought)
    sought = Sought(Sent.POST, key, chat, now, not isinstance(content, tuple))
    return Call(lambda adapter, marked: adapter.post(chat, again if marked else content, key), done, find=sought)


def unreached(effect: Effect, code: str) -> Fact | None:
    """Say of an announcement that was given up whom it did not reach; None = it was something else."""
    if "announcement" not in effect.data:
        return None
    return ev.AnnouncementDelivered(number=int(effect.data["announcement"]), target=str(effect.data["target"]), code=code)


def told_news(uow: UnitOfWork, effect: Effect, told: Incident, house: House, show: Show) -> None:
    """Keep when somebody who follows an incident was told, and tell them again of what came meanwhile."""
    slot, person = str(effect.data["news"]), effect.data["person"]
    last = uow.shown(slot)
    uow.save_shown(slot, Shown(Ref(""), "", "", show.now, last.generation + 1 if last is not None else 1))
    fresh = uow.incident(told.id)
    if fresh is not None and any(isinstance(event.payload, NEWS) for event in uow.timeline(told.id, after=told.n)):
        uow.want(list(news(person, fresh, World(house, uow, show.now, ()))), show.now)
