"""The sections of a postmortem as people name them, and the texts that stand in them."""

from __future__ import annotations

from collections.abc import Mapping

from bot.model import event as ev
from bot.model.event import Event
from bot.model.incident import Incident
from bot.model.postmortem import Section
from bot.model.text import Span, Text
from bot.ports import Reads

_WORDS: Mapping[Section, str] = {
    Section.PHENOMENON: "现象 phenomenon symptom",
    Section.SCOPE: "影响面 影响 scope impact",
    Section.LOSS: "资损 loss",
    Section.LOSS_BACK: "追回 recovered-loss",
    Section.LOSS_BASIS: "资损口径 口径 loss-basis",
    Section.LOSS_UNTIL: "评估截止 loss-until",
    Section.FOUND_BY: "发现方式 found-by found_by",
    Section.NOT_FOUND: "为何没先发现 监控为何没先发现 not-found",
    Section.FAULT: "故障类型 fault-type",
    Section.INTRODUCED: "引入方式 introduced",
    Section.CHANGES: "关联变更 变更 changes",
    Section.CAUSE: "根因 问题根因 原因 cause root-cause",
    Section.TRIGGER: "触发条件 触发 trigger",
    Section.WHYS: "5why 五问 whys",
    Section.FOUND_LATE: "为何未更早发现 found-late",
    Section.SLOW: "为何未更快恢复 slow",
    Section.SPREAD: "影响为何扩大 spread",
    Section.EVIDENCE: "证据 evidence",
    Section.GOOD: "做得好 好 good",
    Section.BAD: "做得不好 不好 bad",
    Section.LUCK: "侥幸 luck",
    Section.ADVICE: "提醒 advice",
}
SECTION_WORDS: Mapping[str, Section] = {word: section for section, words in _WORDS.items() for word in words.split()}
_NAMES = frozenset(section.value for section in Section)
_BETWEEN = Span("\n\n")


def pieces_of(reads: Reads, incident: Incident) -> Mapping[Section, list[Event]]:
    """Give the facts that hold the text of each section, those of one section in the order in which they were written."""
    found: dict[Section, list[Event]] = {}
    for name, numbers in incident.review.written.items():
        for n in numbers:
            events = reads.timeline(incident.id, after=n - 1, limit=1)
            if events and isinstance(events[0].payload, ev.SectionWritten) and name in _NAMES:
                found.setdefault(Section(name), []).append(events[0])
    return found


def joined_text(pieces: list[Event]) -> Text:
    """Give the text of a section: what several wrote at the same time stands one below the other."""
    told: list[Span] = []
    for event in pieces:
        assert isinstance(event.payload, ev.SectionWritten)
        told += [*([_BETWEEN] if told else []), *event.payload.text]
    return tuple(told)


def texts_of(reads: Reads, incident: Incident) -> Mapping[Section, Text]:
    """Give the text of each section that has one."""
    return {section: joined_text(pieces) for section, pieces in pieces_of(reads, incident).items()}


def bases_of(incident: Incident) -> str:
    """Write which texts stand in a form, as the form carries them: `cause=12+15,scope=9`."""
    return ",".join(f"{name}={'+'.join(map(str, ns))}" for name, ns in incident.review.written.items())
