"""What admins are told of a calendar that cannot be read: once when it is out of date by that, and once when it is back."""

from __future__ import annotations

from datetime import timedelta

from bot.engine.house import House
from bot.model.oncall import Feed
from bot.model.say import say
from bot.oncall.leave import LEAVE
from bot.ports import UnitOfWork
from bot.rules.world import World, page

MISSED = 2  # times that it should have been read: one failure is no news


def tell_of_calendar(uow: UnitOfWork, house: House, before: Feed | None, after: Feed, every: timedelta) -> None:
    """Tell the admins what a try at a calendar means, whichever replica tried; `before` is how it stood."""
    down, back = _missing(after, every), before is not None and _missing(before, every) and not after.error
    if not (down or back):
        return
    last = before.read_at if back and before is not None else after.read_at
    about = {"rotation": after.rotation, "leave": after.rotation == LEAVE}
    text = say("calendar_unread", **about, since=last, error=after.error) if down else say("calendar_read", **about)
    for admin in sorted(house.policy.admins):
        key = f"{text.key}/{after.rotation}/{last.isoformat() if last is not None else 'never'}/{admin}"
        uow.want(list(page(World(house, uow, after.tried_at, ()), admin, text, key, None)), after.tried_at)


def _missing(feed: Feed, every: timedelta) -> bool:
    """Say whether a calendar that failed has not been read for longer than one failure explains."""
    return bool(feed.error) and (feed.read_at is None or feed.tried_at - feed.read_at >= MISSED * every)
