"""Fixed words and shapes that stand for something: levels, marks, roles, flags, numbers of alerts and incidents."""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.engine.fold import fold
from bot.engine.parameters import Want
from bot.model.event import Mark, Status
from bot.model.severity import Extent, Severity

_LEVEL = re.compile(r"(?:p|s|sev-?)([0-4])级?|([1-4一二三四])级")
_GROUP = re.compile(r"a(-?)(\d{1,9})")
_INCIDENT = re.compile(r"f-?(?:\d{4})?\d{4}-\d{3,6}|\d{4}-\d{3,6}|\d{3,6}")
_ITEM = re.compile(r"(?:t-?|#)?(\d{1,6})")
_PERCENT = re.compile(r"(?:受影响|affected) ?(\d{1,3})(?:\.\d{1,2})?%")
_DELTA = re.compile(r"([+-]?)(\d{1,6})")
_DAYS = re.compile(r"(?:最近|近|last)? ?(\d{1,3}) ?(?:(d|天|日|days?)|(w|周|weeks?)|(h|小时|hours?))")

MARKS: Mapping[str, Mark] = {
    "发生": Mark.OCCURRED, "occurred": Mark.OCCURRED, "started": Mark.OCCURRED,
    "发现": Mark.DETECTED, "detected": Mark.DETECTED, "found": Mark.DETECTED,
    "定位": Mark.LOCATED, "已定位": Mark.LOCATED, "located": Mark.LOCATED,
    "止血": Mark.MITIGATED, "已止血": Mark.MITIGATED, "mitigated": Mark.MITIGATED,
}  # fmt: skip
SORTS: Mapping[str, str] = {
    "决策": "decision", "决定": "decision", "decision": "decision",
    "行动": "action", "动作": "action", "action": "action",
    "发现": "finding", "finding": "finding",
}  # fmt: skip
EXTENTS: Mapping[str, Extent] = {
    "全部": Extent.FULL, "全量": Extent.FULL, "full": Extent.FULL, "total": Extent.FULL,
    "大面积": Extent.MAJOR, "大范围": Extent.MAJOR, "major": Extent.MAJOR,
    "部分": Extent.PARTIAL, "partial": Extent.PARTIAL,
    "少量": Extent.MINOR, "个别": Extent.MINOR, "minor": Extent.MINOR,
}  # fmt: skip
ROLES: Mapping[str, str] = {
    "记录": "scribe", "记录员": "scribe", "scribe": "scribe",
    "通讯": "comms", "通信": "comms", "沟通": "comms", "对外": "comms", "comms": "comms", "communications": "comms",
    "副指挥": "deputy", "副指挥官": "deputy", "deputy": "deputy",
}  # fmt: skip
FLAG_WORDS: Mapping[str, Want] = {
    "演练": Want.DRILL, "drill": Want.DRILL,
    "保密": Want.PRIVATE, "private": Want.PRIVATE,
    "新建": Want.NEW, "new": Want.NEW,
    "免复盘": Want.WAIVER, "no-postmortem": Want.WAIVER,
}  # fmt: skip
BRACKETED_DRILL = frozenset({"【演练】", "[演练]", "[drill]"})
FORCE = frozenset({"代行", "force"})
FILLERS = frozenset(
    {"into", "to", "with", "in", "of", "for", "by", "on", "the", "and", "到", "至", "进", "和", "与", "给", "为", "是"}
)
STATUSES: Mapping[str, tuple[Status, ...]] = {
    "待确认": (Status.PENDING,), "处理中": (Status.HANDLING,), "已恢复": (Status.RECOVERED,), "待复盘": (Status.REVIEWING,),
    **{status.value: (status,) for status in Status if status is not Status.CLOSED},
}  # fmt: skip
OPEN_WORDS = frozenset({"open", "进行中", "未关闭", "打开"})
CLOSED_WORDS = frozenset({"closed", "已关闭", "关闭"})
ALL_WORDS = frozenset({"all", "全部", "所有"})
MINE_WORDS = frozenset({"mine", "me", "我的", "我"})
TODAY_WORDS = frozenset({"today", "今天", "今日"})
NO_DRILL_WORDS = frozenset({"real", "非演练", "不含演练"})


def level(word: str) -> tuple[Severity, bool] | None:
    """Read a folded level word; the flag says that the level 0 was taken for P1."""
    found = _LEVEL.fullmatch(word)
    if found is None:
        return None
    rank = found[1] or str("零一二三四".find(found[2]) if found[2] in "一二三四" else found[2])
    return (Severity.P1, True) if rank == "0" else (Severity(f"P{rank}"), False)


def group_number(word: str, dashed: bool) -> int | None:
    """Read a folded `a-1029`; without `dashed` also `a1029`."""
    found = _GROUP.fullmatch(word)
    return int(found[2]) if found and (found[1] or not dashed) else None


def incident_word(word: str) -> str | None:
    """Give the canonical spelling of `f-20240520-001`, `f-0520-001`, `0520-001` or `001`; None = it is none of them."""
    if not _INCIDENT.fullmatch(word):
        return None
    if not word.startswith("f"):
        return word
    digits = word.removeprefix("f").removeprefix("-")
    return f"F-{digits}" if len(digits.partition("-")[0]) == 8 else digits


def item_number(word: str) -> int | None:
    """Read a folded `t-87`, `t87`, `#87` or `87`."""
    found = _ITEM.fullmatch(word)
    return int(found[1]) if found is not None else None


def flag(word: str) -> str | None:
    """Give the name of a folded flag token, `--drill` or `-drill`; None = it is not spelled as a flag."""
    name = word.lstrip("-")
    return name if name != word and name else None


def percent(phrase: str) -> int | None:
    """Read a folded `受影响35%` or `affected 35%`, at most 100; None = it is not that."""
    found = _PERCENT.fullmatch(phrase)
    return int(found[1]) if found is not None and int(found[1]) <= 100 else None


def delta(word: str) -> int | None:
    """Read a folded `+12`, `12` or `-3`."""
    found = _DELTA.fullmatch(word)
    return int(found[2]) * (-1 if found[1] == "-" else 1) if found is not None else None


def days(phrase: str) -> float | None:
    """Read a folded span back from now, `7d` or `最近7天`, in days."""
    found = _DAYS.fullmatch(phrase)
    if found is None:
        return None
    return int(found[1]) * (7 if found[3] else 1 / 24 if found[4] else 1)


def role(typed: str) -> str:
    """Give the name of a role: the known ones in one spelling, any other as typed."""
    return ROLES.get(fold(typed), typed.strip())
