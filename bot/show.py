"""How one reader or room sees things: language, zone, names; and words of strangers made harmless."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from bot.model.event import Via
from bot.model.ids import ConnectionId, PersonId, RotationId, ServiceId
from bot.model.text import Span, Text

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_LINES = re.compile("[ \t]*[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]+[ \t\n\r\v\f\x1c-\x1e\x85\u2028\u2029]*")
_HARMFUL = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufdd0-\ufdef\ufeff\ufff0-\uffff"
    "\ud800-\udfff\U000e0000-\U000e0fff]"
)
PRIVATE = re.compile("[\ue000-\uf8ff\U000f0000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class Show:
    """Say how to show things to one reader or room; `hail` is what must stand before a typed command there (`@bot `).

    `buttons` names what can be clicked below the text: the lines to type that they replace are left out.
    """

    lang: str
    tz: str
    now: datetime
    person: Callable[[PersonId], str]  # looked up when shown; an erased person has no name
    service: Callable[[ServiceId, str], str]
    hail: str = ""
    buttons: frozenset[str] = frozenset()
    platform: Callable[[ConnectionId, str], str] = lambda connection, lang: connection
    heard_for: Callable[[ConnectionId], ConnectionId] = lambda connection: connection  # whose rooms are heard by a connection
    rotation: Callable[[RotationId, str], str] = lambda rotation, lang: rotation
    here: Callable[[Via], bool] = lambda via: True  # whether something was said on the chat that is told


def clean(words: str) -> str:
    """Make strangers' words one harmless line: no line ends, controls, direction overrides or private-use characters."""
    return PRIVATE.sub("", tame(words))


def tame(words: str) -> str:
    """Fold line ends and drop controls and direction overrides; private-use characters, in which tokens are written, stay."""
    return _HARMFUL.sub("", _LINES.sub(" ", words).replace("\t", " "))


def cut(words: str, limit: int) -> str:
    """Shorten words to at most `limit` characters, ending in … when something was left out."""
    return words if len(words) <= limit else words[: max(limit - 1, 0)].rstrip() + "…"


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # a chat may report any zone for a person
        return ZoneInfo("UTC")


def clock(at: datetime, show: Show, seconds: bool = False) -> str:
    """Give an instant in the reader's zone: `14:05`, and with the date when it is not today."""
    here, today = at.astimezone(_zone(show.tz)), show.now.astimezone(_zone(show.tz))
    time = here.strftime("%H:%M:%S" if seconds else "%H:%M")
    if here.date() == today.date():
        return time
    if show.lang == "en":
        year = "" if here.year == today.year else f" {here.year}"
        return f"{here.day} {_MONTHS[here.month - 1]}{year} {time}"
    year = "" if here.year == today.year else f"{here.year}年"
    return f"{year}{here.month}月{here.day}日 {time}"


def day(of: date, show: Show) -> str:
    """Give a day, with its year when that is not this one: `6月1日`, `1 Jun`."""
    this = of.year == show.now.astimezone(_zone(show.tz)).year
    if show.lang == "en":
        return f"{of.day} {_MONTHS[of.month - 1]}{'' if this else f' {of.year}'}"
    return f"{'' if this else f'{of.year}年'}{of.month}月{of.day}日"


def local_day(at: datetime, show: Show) -> date:
    """Give the day of an instant in the reader's zone."""
    return at.astimezone(_zone(show.tz)).date()


def local(at: datetime, show: Show) -> datetime:
    """Give an instant in the reader's zone."""
    return at.astimezone(_zone(show.tz))


def moment(at: datetime, show: Show, seconds: bool = False) -> Span:
    """Give an instant as a span that a chat may show in each reader's zone; its words are those of `clock`."""
    return Span(clock(at, show, seconds), "time", target=at.astimezone(UTC).isoformat(timespec="seconds"))


def span(length: timedelta | float, lang: str) -> str:
    """Give a duration: `0:40` under ten minutes, `37 min`, `2 h 05 min`, `3 d 4 h`; a negative one counts as none."""
    total = max(0, int(length.total_seconds() if isinstance(length, timedelta) else length))
    minutes, seconds = divmod(total, 60)
    hours, minutes = divmod(minutes, 60)
    if total < 600:
        return f"{minutes}:{seconds:02}"
    if not hours:
        return f"{minutes} min" if lang == "en" else f"{minutes} 分钟"
    if hours < 48:
        return f"{hours} h {minutes:02} min" if lang == "en" else f"{hours} 小时 {minutes:02} 分"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h" if lang == "en" else f"{days} 天 {hours} 小时"


def size_of(count: int) -> str:
    """Give a number of bytes: `812 B`, `34 KB`, `1.2 MB`."""
    if count < 1000:
        return f"{count} B"
    if count < 1_000_000:
        return f"{max(1, round(count / 1024))} KB"
    return f"{count / 1024 / 1024:.1f} MB"


def joined(text: Iterable[Span]) -> Text:
    """Join neighbours that are plain words and drop what is empty."""
    whole: list[Span] = []
    for piece in text:
        if piece.kind == "text" and whole and whole[-1].kind == "text":
            whole[-1] = Span(whole[-1].text + piece.text)
        elif piece.text:
            whole.append(piece)
    return tuple(whole)
