"""Times as people type them, in Chinese or English, read in the speaker's zone and given in UTC."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_DIGITS = {c: n for n, c in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_MONTHS = {m: n for n, m in enumerate(("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"), 1)}
_NUMBER = r"(?:\d{1,4}|[零〇一二两三四五六七八九十]{1,3})"
_UNIT = {
    "s": "秒|s|secs?|seconds?",
    "m": "分钟|分|m|mins?|minutes?",
    "h": "个?小时|个?钟头?|h|hrs?|hours?",
    "d": "天|d|days?",
}
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LENGTH = re.compile(
    "(?:"
    + "|".join(f"(?P<half{u}>半{'个?' if u in 'h' else ''}(?:{w})|half an? (?:{w}))" for u, w in _UNIT.items() if u in "hd")
    + rf"|(?P<one>an?) (?P<oneunit>{'|'.join(_UNIT.values())})"
    + rf"|(?P<andhalf>{_NUMBER})个半(?:小时|钟头)"
    + "|"
    + " ?".join(rf"(?:(?P<n{u}>{_NUMBER}) ?(?:{_UNIT[u]}))?" for u in "dhms")
    + ")"
)
_AGO = re.compile(r"(?P<length>.+?) ?(?:以前|之前|前|ago)")
_HINT = re.compile(r"\d|[点时前刚]|ago|just")  # every time has one of these
_JUST_NOW = frozenset({"刚才", "刚刚", "just now"})
_DAY = (
    r"(?P<named>今天|今日|今晚|今早|昨天|昨日|昨晚|昨夜|前天|前晚|明天|明早|today|yesterday|tomorrow)"
    r"|(?P<year>\d{4})(?:[-/.]|年)(?P<month>\d{1,2})(?:[-/.]|月)(?P<day>\d{1,2})日?t?"
    r"|(?P<month2>\d{1,2})(?:[-/]|月)(?P<day2>\d{1,2})[日号]?"
    rf"|(?P<day3>\d{{1,2}}) (?P<mon3>{'|'.join(_MONTHS)})[a-z]*|(?P<mon4>{'|'.join(_MONTHS)})[a-z]* (?P<day4>\d{{1,2}})"
)
_CLOCK = (
    r"(?P<part>凌晨|早上|清晨|上午|中午|下午|傍晚|晚上|夜里)? ?"
    r"(?:(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2}))?"
    r"|(?P<hour2>\d{1,2}|[一二两三四五六七八九十]{1,3})[点时](?:(?P<minute2>\d{1,2})分?|(?P<half>半)|(?P<quarter>[一三])刻|整)?"
    r"|(?P<hour3>\d{1,2})(?= ?[ap]m))"
    r"(?: ?(?P<ampm>am|pm))?"
)
_AT = re.compile(rf"(?:(?:at|since|from|by|before) |从|自|在)?(?:(?:{_DAY}) ?)?{_CLOCK} ?(?P<end>起|开始|左右|许|之前|前)?")
_CLOCK_ONLY = re.compile(_CLOCK)
_NOW = frozenset({"现在", "此刻", "now"})
_LATER = re.compile(r"(?P<zh>.+?) ?(?:以后|之后|后)|in (?P<en>.+)")
_AWAY = {
    "今天": 0, "今日": 0, "今晚": 0, "今夜": 0, "today": 0, "tonight": 0,
    "明天": 1, "明日": 1, "明早": 1, "明晚": 1, "tomorrow": 1, "后天": 2, "后晚": 2,
    "昨天": -1, "昨日": -1, "昨晚": -1, "昨夜": -1, "yesterday": -1, "前天": -2, "前晚": -2,
}  # fmt: skip
_WEEK = {c: n for n, c in enumerate("一二三四五六日")} | {"天": 6}
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_WHEN = re.compile(
    rf"(?:(?P<named>{'|'.join(_AWAY)})"
    r"|(?:(?P<next>下|next )|[这本])?(?:(?:周|星期|礼拜)(?P<week>[一二三四五六日天])"
    r"|(?P<weekday>mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?)"
    r"|(?P<weekend>周末|weekend)"
    r"|(?P<year>\d{4})(?:[-/.]|年)(?P<month>\d{1,2})(?:[-/.]|月)(?P<day>\d{1,2})日?"
    r"|(?P<month2>\d{1,2})(?:[-/]|月)(?P<day2>\d{1,2})[日号]?"
    rf"|(?P<day3>\d{{1,2}}) (?P<mon3>{'|'.join(_MONTHS)})[a-z]*|(?P<mon4>{'|'.join(_MONTHS)})[a-z]* (?P<day4>\d{{1,2}}))?"
    r"(?: ?(?P<at>(?<![\d]).*\d.*|.*[点时].*))?"
)
_DATED = frozenset({"named", "week", "weekday", "weekend", "year", "month2", "mon3", "mon4"})
_NEXT = re.compile(
    r"(?:下次|下一次)(?:进展|更新|同步)?(?:时间)? ?(?:在|于)? ?(?P<zh>.+)"
    r"|next(?: update)?(?: (?:by|at|in|before))? (?P<en>.+)"
)
_AFTER = re.compile(r"(?:in )?(?P<length>.+?) ?(?:以后|之后|后|之内|以内|内)?")
_AHEAD = timedelta(minutes=1)  # clocks differ a little: that far ahead still means today


class WrongSide(ValueError):
    """Say that a coming time was named which has gone by, or a past one which is still ahead."""

    def __init__(self, at: datetime) -> None:
        super().__init__(at.isoformat())
        self.at = at


def read_past(words: Sequence[str], now: datetime, zone: ZoneInfo) -> tuple[datetime, int] | None:
    """Read an instant that has happened from the first of some folded words; gives it in UTC and how many words it took.

    A clock time more than a minute ahead means yesterday's; a date without a year the latest such day. Raises `WrongSide`
    for a day that is still to come.
    """
    return _longest(words, 4, lambda phrase: _past(phrase, now, zone))


def read_next(words: Sequence[str], now: datetime, zone: ZoneInfo) -> tuple[datetime, int] | None:
    """Read `next 14:50` or `下次 20分钟` from the first of some folded words; raises `WrongSide`."""
    return _longest(words, 7, lambda phrase: _next(phrase, now, zone))


def read_when(words: Sequence[str], now: datetime, zone: ZoneInfo, after: datetime | None = None) -> tuple[datetime, int] | None:
    """Read an instant of any day, gone by or to come, from the first of some folded words.

    A clock time alone is the next such time, behind `after` where that is given. A day alone is its noon (an evening 21:00, a
    morning 9:00), today's is now; a weekday or a date without a year the next such day.
    """
    return _longest(words, 4, lambda phrase: _when(phrase, now, zone, after or now))


def length(phrase: str) -> timedelta | None:
    """Read a folded length of time such as `20m`, `半小时`, `1h30m`; None = it is not one, or is zero."""
    found = _LENGTH.fullmatch(phrase)
    if not phrase or found is None:
        return None
    if found["halfh"] or found["halfd"]:
        return timedelta(minutes=30) if found["halfh"] else timedelta(hours=12)
    if found["one"]:
        unit = next(u for u, names in _UNIT.items() if re.fullmatch(names, found["oneunit"]))
        return timedelta(seconds=_SECONDS[unit])
    if found["andhalf"]:
        return timedelta(hours=number(found["andhalf"]) + 0.5)
    total = sum(number(found[f"n{u}"]) * _SECONDS[u] for u in "dhms" if found[f"n{u}"])
    return timedelta(seconds=total) if total else None


def number(typed: str) -> int:
    """Read digits or a Chinese number below a hundred."""
    if typed.isdecimal():
        return int(typed)
    tens, ten, ones = typed.partition("十")
    if not ten:
        return _DIGITS.get(typed[-1], 0)
    return _DIGITS.get(tens, 1) * 10 + _DIGITS.get(ones, 0)


def _longest(words: Sequence[str], most: int, reads: Callable[[str], datetime | None]) -> tuple[datetime, int] | None:
    for count in range(min(most, len(words)), 0, -1):
        phrase = " ".join(words[:count])
        if all(words[:count]) and len(phrase) <= 40 and (at := reads(phrase)) is not None:
            return at, count
    return None


def _past(phrase: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    if not _HINT.search(phrase):
        return None
    if phrase in _JUST_NOW:
        return now
    ago = _AGO.fullmatch(phrase)
    if ago and (back := length(ago["length"])) is not None:
        return now - back
    found = _AT.fullmatch(phrase)
    if found is None or (found["end"] or "").endswith("前"):
        return None
    at, movable = _instant(found, now, zone) or (None, "")
    if at is None or at - now <= _AHEAD:
        return at
    if movable == "day":
        return _moved(at, zone, days=-1)
    if movable == "year":
        return _moved(at, zone, years=-1)
    raise WrongSide(at)


def _next(phrase: str, now: datetime, zone: ZoneInfo) -> datetime | None:
    found = _NEXT.fullmatch(phrase) if phrase.startswith(("下", "next")) else None
    if found is None:
        return None
    words = found["zh"] or found["en"]
    after = _AFTER.fullmatch(words)
    if after and (ahead := length(after["length"])) is not None:
        return now + ahead
    clock = _AT.fullmatch(words)
    at, movable = (_instant(clock, now, zone) if clock else None) or (None, "")
    if at is None or at > now:
        return at
    tomorrow = _moved(at, zone, days=1)
    if movable == "day" and tomorrow is not None and tomorrow - now <= timedelta(hours=12):
        return tomorrow
    raise WrongSide(at)


def _when(phrase: str, now: datetime, zone: ZoneInfo, after: datetime) -> datetime | None:
    if phrase in _NOW:
        return now
    ahead = _LATER.fullmatch(phrase)
    if ahead and (further := length(ahead["zh"] or ahead["en"])) is not None:
        return now + further
    ago = _AGO.fullmatch(phrase)
    if ago and (back := length(ago["length"])) is not None:
        return now - back
    found = _WHEN.fullmatch(phrase)
    day = _day_meant(found, now.astimezone(zone).date()) if found is not None else None
    if found is None or day is None:
        return None
    clock = _CLOCK_ONLY.fullmatch(found["at"] or "")
    named = found["named"] or ""
    if found["at"]:
        if clock is None or (read := _clock(clock)) is None:
            return None
        hour, minute, _ = read
        if named[-1:] in ("晚", "夜") or named == "tonight":
            day, hour = (day + timedelta(days=1), hour) if hour < 5 else (day, hour + 12 if hour < 12 else hour)
        if _DATED.intersection(k for k, v in found.groupdict().items() if v):
            return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        day = after.astimezone(zone).date()
        at = datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)
        return at if at > after else _moved(at, zone, days=1)
    if named in ("今天", "今日", "today"):
        return now
    hour = 21 if named[-1:] in ("晚", "夜") or named == "tonight" else 9 if named.endswith("早") else 12
    return datetime(day.year, day.month, day.day, hour, tzinfo=zone).astimezone(UTC)


def _day_meant(found: re.Match[str], today: date) -> date | None:
    """Give the day of a matched phrase, today's where it names none; None = there is no such day."""
    try:
        if found["named"]:
            return today + timedelta(days=_AWAY[found["named"]])
        if found["week"] or found["weekday"]:
            wanted = _WEEK[found["week"]] if found["week"] else _WEEKDAYS.index(found["weekday"][:3])
            if found["next"]:  # of next week, whatever today is
                return today + timedelta(days=7 - today.weekday() + wanted)
            return today + timedelta(days=(wanted - today.weekday()) % 7)
        if found["weekend"]:
            return today if today.weekday() >= 5 else today + timedelta(days=5 - today.weekday())
        if found["year"]:
            day = date(int(found["year"]), int(found["month"]), int(found["day"]))
            return day if 2000 <= day.year <= 2100 else None
        month = found["month2"] or _MONTHS.get(found["mon3"] or found["mon4"] or "")
        if month:
            day = date(today.year, int(month), int(found["day2"] or found["day3"] or found["day4"]))
            return day if day >= today else day.replace(year=today.year + 1)
    except ValueError:
        return None
    return today if found["at"] else None


def _instant(found: re.Match[str], now: datetime, zone: ZoneInfo) -> tuple[datetime, str] | None:
    """Place a matched clock time; the word says what was not given and may move: day, year, or a full `date`."""
    here = now.astimezone(zone)
    clock = _clock(found)
    if clock is None:
        return None
    hour, minute, second = clock
    day, movable = here.date(), "day"
    try:
        if found["named"]:
            day, hour = _named(found["named"], day, hour)
            movable = "named"
        elif found["year"]:
            day, movable = date(int(found["year"]), int(found["month"]), int(found["day"])), "date"
        elif found["month2"]:
            day, movable = date(day.year, int(found["month2"]), int(found["day2"])), "year"
        elif found["mon3"] or found["mon4"]:
            month = _MONTHS[found["mon3"] or found["mon4"]]
            day, movable = date(day.year, month, int(found["day3"] or found["day4"])), "year"
        if not 2000 <= day.year <= 2100:
            return None
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone).astimezone(UTC), movable
    except ValueError:
        return None


def _clock(found: re.Match[str]) -> tuple[int, int, int] | None:
    hour = number(found["hour"] or found["hour2"] or found["hour3"])
    minute = int(found["minute"] or found["minute2"] or (30 if found["half"] else 0))
    if found["quarter"]:
        minute = 15 if found["quarter"] == "一" else 45
    late = found["part"] in ("下午", "傍晚", "晚上", "夜里") or found["ampm"] == "pm"
    if late and (5 if found["part"] == "夜里" else 1) <= hour < 12:
        hour += 12
    if hour == 12 and (found["ampm"] == "am" or found["part"] == "凌晨"):
        hour = 0
    return (hour, minute, int(found["second"] or 0)) if hour < 24 and minute < 60 else None


def _named(word: str, today: date, hour: int) -> tuple[date, int]:
    back = {"昨": 1, "前": 2, "y": 1}.get(word[0], -1 if word[0] == "明" or word == "tomorrow" else 0)
    if word[-1] in "晚夜":
        if hour < 5:  # the small hours of that night are the next day's
            return today - timedelta(days=back - 1), hour
        if hour < 12:
            hour += 12
    return today - timedelta(days=back), hour


def _moved(at: datetime, zone: ZoneInfo, days: int = 0, years: int = 0) -> datetime | None:
    local = at.astimezone(zone)
    try:
        return local.replace(year=local.year + years).astimezone(UTC) if years else (local + timedelta(days=days)).astimezone(UTC)
    except ValueError:
        return None
