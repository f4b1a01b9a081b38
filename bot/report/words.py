"""Word a report for one language and zone."""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from bot.model import event as ev
from bot.model.announcing import Post, Stage
from bot.model.event import Event, Mark
from bot.model.files import SHORT
from bot.model.postmortem import ANALYSIS, DEMANDED, LESSONS, OVERVIEW, ReviewState, Section
from bot.model.say import say
from bot.model.text import Text, flat
from bot.prose import Prose, Show
from bot.report.document import Document, Entry, Measure, Notice, Picture, Row, Silence, Target, Tick
from bot.report.gather import First, Goal, Moment, Report
from bot.show import clean, span

_LINES = re.compile(r"\r\n|[\n\r\v\f\x85\u2028\u2029]")
_NAMES_AT_MOST = 30
_NOTHING_TO_TYPE = frozenset({"reopen", "close", "command", "recover", "not_yet", "agree", "report", "join"})
_LABELS = (
    "overview", "timeline", "analysis", "measures", "lessons", "goals", "goal", "target", "took", "gap", "none_yet", "decision",
    "notices", "notice", "occasion", "audience", "sent", "reached", "noted", "first", "due", "told", "no_notices", "download",
)  # fmt: skip


def document(report: Report, prose: Prose, show: Show) -> Document:
    """Word a whole report."""
    return _Writer(report, prose, show).document()


def _bare(event: Event) -> Event:
    """Leave out of a fact what is advice for the moment in which it was told."""
    if isinstance(event.payload, ev.IncidentRecovered):
        return replace(event, payload=replace(event.payload, observe_until=None))
    return event


class _Writer:
    def __init__(self, report: Report, prose: Prose, show: Show) -> None:
        self.report, self.prose, self.show = report, prose, replace(show, buttons=_NOTHING_TO_TYPE)
        self.incident, self.zone = report.incident, ZoneInfo(show.tz)
        self.missing = self.label("report.missing")
        self.comma, self.bar = (", ", " · ") if show.lang == "en" else ("、", "｜")

    # ------------------------------------------------------------ small words
    def label(self, key: str) -> str:
        return self.prose.label(key, self.show.lang)

    def day(self, at: datetime | None) -> str:
        return at.astimezone(self.zone).strftime("%Y-%m-%d %H:%M:%S") if at is not None else ""

    def moment(self, at: datetime) -> str:
        return at.astimezone(self.zone).strftime("%m-%d %H:%M")

    def span(self, length: timedelta) -> str:
        return span(length, self.show.lang)

    def person(self, ident: str) -> str:
        return clean(self.show.person(ident)) or self.label("person.deleted")  # type: ignore[arg-type]

    def names(self, people: Iterable[str]) -> str:
        known = [self.person(ident) for ident in people]
        more = self.label("person.more").replace("#", str(len(known))) if len(known) > _NAMES_AT_MOST else ""
        return self.comma.join(known[:_NAMES_AT_MOST]) + more

    def typed(self, text: Text) -> str:
        """Give what people typed, with its lines and with the addresses of its links."""
        told = ""
        for piece in text:
            words = "\n".join(clean(line) for line in _LINES.split(piece.text))
            if piece.kind == "person" and piece.person is not None:
                words = "@" + self.person(piece.person)
            address = clean(piece.target or "")
            shown = piece.kind == "link" and address and address != words
            told += f"{words} ({address})" if shown and words else address if shown else words
        return told.strip()

    def row(self, key: str, text: str) -> Row:
        return Row(_begun(self.label(key)), text or self.missing, not text)

    # ------------------------------------------------------------ the parts
    def document(self) -> Document:
        incident = self.incident
        title = self.typed(incident.title)
        if self.show.lang == "en" and incident.title_en:
            title = f"{clean(incident.title_en)} ({title})"
        state = self.label(f"review_state.{incident.review.state}")
        foot = self.label("report.foot").replace("#", self.day(self.show.now))
        ticks, silences = self.drawing()
        left = self.label("report.left_out").replace("#", str(self.report.left_out)) if self.report.left_out else ""
        words = {name: self.label(f"report.{name}") for name in _LABELS} | {"zone": self.show.tz, "drill": self.drill()}
        return Document(
            lang=self.show.lang, title=title, about=self.about(), state=state,
            overview=(*self.overview(), *self.written(OVERVIEW)), targets=tuple(map(self.target, self.report.goals)),
            firsts=tuple(map(self.first, self.report.firsts)), notices=tuple(map(self.notice, self.report.notices)),
            ticks=ticks, silences=silences, entries=tuple(map(self.entry, self.report.moments)), left_out=left,
            analysis=tuple(self.written(ANALYSIS)), measures=tuple(self.measures()), lessons=tuple(self.written(LESSONS)),
            foot=foot, words=words,
        )  # fmt: skip

    def about(self) -> str:
        return self.bar.join((self.incident.id, self.incident.severity, self.label(f"status.{self.incident.status}")))

    def drill(self) -> str:
        return self.label("drill") if self.incident.drill else ""

    def overview(self) -> Iterator[Row]:
        incident, report = self.incident, self.report
        marks = incident.marks
        yield self.row("report.level", self.level())
        yield self.row("report.why", self.basis())
        yield self.row("mark.occurred", self.day(marks.get(Mark.OCCURRED)))
        yield self.row("mark.detected", self.day(marks.get(Mark.DETECTED)))
        yield self.row("report.responded", self.day(report.responded))
        for mark in (Mark.LOCATED, Mark.MITIGATED, Mark.RECOVERED):
            yield self.row(f"mark.{mark}", self.day(marks.get(mark)))
        yield self.row("report.lasted", self.span(report.end - report.start) if report.end and report.end >= report.start else "")
        yield self.row("report.services", self.comma.join(clean(self.show.service(s, self.show.lang)) for s in incident.services))
        stated = [self.label(f"extent.{incident.extent}") if incident.extent != "unknown" else "",
                  f"{incident.percent}%" if incident.percent is not None else "", self.typed(incident.impact)]  # fmt: skip
        yield self.row("report.impact", self.bar.join(part for part in stated if part))
        if incident.complaints:
            yield self.row("report.complaints", str(incident.complaints))
        if incident.firing or incident.resolved:
            alerts = self.label("report.alerts_are").replace("#", str(incident.firing + incident.resolved))
            yield self.row("report.alerts", alerts)
        how = [self.label(f"method.{incident.method}") if incident.method else "", self.typed(incident.recovery)]
        yield self.row("report.method", self.bar.join(part for part in how if part))
        yield self.row("report.commander", self.person(incident.commander) if incident.commander else "")
        yield self.row("report.people", self.names(incident.involved))
        owner = incident.review.owner
        yield self.row("report.owner", self.person(owner) if owner else "")
        if incident.waiver:
            by = incident.waived_by.person if incident.waived_by is not None else None
            yield self.row("report.waived", clean(incident.waiver) + (f" — {self.person(by)}" if by else ""))

    def level(self) -> str:
        known = [self.report.first.severity.value + (self.label("provisional") if self.report.first.provisional else "")]
        for event in self.report.levels:
            p = event.payload
            after = p.after if isinstance(p, ev.SeverityChanged) else p.severity if isinstance(p, ev.IncidentConfirmed) else None
            if after is not None and after.value != known[-1]:
                known.append(after.value)
        return " → ".join(known)

    def basis(self) -> str:
        """Say by what the last level was set."""
        for event in reversed(self.report.levels):
            p = event.payload
            if isinstance(p, ev.SeverityChanged):
                arithmetic = flat(self.prose.say(say("level_reasons", reasons=p.why), self.show)) if p.why else ""
                who = self.person(event.actor.person) if event.actor.person else self.label(f"actor.{event.actor.kind}")
                return self.bar.join(part for part in (self.typed(p.reason), arithmetic, who) if part)
        why = self.report.first.why
        return flat(self.prose.say(say("level_reasons", reasons=why), self.show)) if why else ""

    def written(self, sections: Iterable[Section]) -> Iterator[Row]:
        for section in sections:
            pieces = self.report.sections.get(section, [])
            if not pieces and self.incident.review.state is ReviewState.PUBLISHED and section not in DEMANDED:
                continue  # what nobody had anything to say on is no part of what is read by everybody
            texts = [(event, self.typed(event.payload.text)) for event in pieces if isinstance(event.payload, ev.SectionWritten)]
            told = "\n\n".join(f"{text}{self.by(event)}" if len(texts) > 1 else text for event, text in texts)
            yield Row(self.label(f"section.{section}"), told or self.label("report.unwritten"), not told)

    def by(self, event: Event) -> str:
        """Name who wrote one of several texts of a section."""
        who = self.person(event.actor.person) if event.actor.person else self.label(f"actor.{event.actor.kind}")
        return f" — {who} {self.moment(event.at)}"

    def target(self, goal: Goal) -> Target:
        label, target = _begun(self.label(f"mark.{goal.mark}")), self.span(timedelta(minutes=goal.minutes))
        if goal.took is None:
            return Target(label, target, self.missing, "", "", None)
        over = goal.took - timedelta(minutes=goal.minutes)
        late = over > timedelta(0)
        gap = f"+{self.span(over)}" if late else f"−{self.span(-over)}"
        return Target(
            label,
            target,
            self.span(goal.took),
            gap,
            f"✗ {self.label('report.over')}" if late else f"✓ {self.label('report.kept')}",
            not late,
        )

    def first(self, first: First) -> Target:
        """Say by when an audience had to be told, when it was, and what lies between."""
        label, due = self.label(f"audience.{first.audience}"), self.day(first.due) or self.missing
        if first.due is None or first.told is None:
            return Target(label, due, self.day(first.told) or self.missing, "", "", None)
        over = first.told - first.due
        late = over > timedelta(0)
        gap, sign = (f"+{self.span(over)}", "report.over") if late else (f"−{self.span(-over)}", "report.kept")
        return Target(label, due, self.day(first.told), gap, f"{'✗' if late else '✓'} {self.label(sign)}", not late)

    def notice(self, post: Post) -> Notice:
        """Say what became of an announcement: in numbers, never whom it went to."""
        withdrawn = self.bar + self.label("announce_stage.withdrawn") if post.stage is Stage.WITHDRAWN else ""
        whole = len(post.targets)
        return Notice(
            str(post.number), self.label(f"occasion.{post.occasion}") + withdrawn, self.label(f"audience.{post.audience}"),
            self.day(post.sent_at), f"{len(post.done)}/{whole}", f"{len(post.read)}/{whole}",
        )  # fmt: skip

    def entry(self, moment: Moment) -> Entry:
        event = moment.event
        told = flat(self.prose.line(_bare(event), self.incident, self.show))
        silence = self.label("report.silence").replace("#", self.span(moment.silence)) if moment.silence is not None else ""
        return Entry(self.moment(event.at), clean(told), moment.decision, silence, tuple(self.pictures(event)))

    def pictures(self, event: Event) -> Iterator[Picture]:
        """Give the images of an entry that the report takes along."""
        for file in event.payload.files if isinstance(event.payload, ev.NoteAdded) else ():
            if (body := self.report.pictures.get(file.digest)) is not None:
                label = " ".join(part for part in (clean(file.name), file.digest[:SHORT]) if part)
                yield Picture(label, f"data:{body.type};base64,{b64encode(body.body).decode()}")

    # ------------------------------------------------------------ the drawing
    def drawing(self) -> tuple[tuple[Tick, ...], tuple[Silence, ...]]:
        report = self.report
        begin = min([report.start, *self.incident.marks.values()])
        end = max([report.end or report.start, *self.incident.marks.values()])
        if report.end is None and report.moments:
            end = max(end, report.moments[-1].event.at)
        whole = (end - begin) / timedelta(seconds=1)
        if whole <= 0:
            return (), ()

        def share(at: datetime) -> float:
            return round(min(1.0, max(0.0, (at - begin) / timedelta(seconds=1) / whole)), 4)

        in_order = sorted(self.incident.marks.items(), key=lambda marked: marked[1])
        marks = [Tick(share(at), _begun(self.label(f"mark.{mark}")), self.moment(at)) for mark, at in in_order]
        decided = [m.event.at for m in report.moments if m.decision and begin <= m.event.at <= end]
        stars = [Tick(share(at), "★", self.moment(at), True) for at in decided]
        silences = [
            Silence(share(m.event.at - m.silence), share(m.event.at), self.span(m.silence)) for m in report.moments
            if m.silence is not None and m.event.at - m.silence < end
        ]  # fmt: skip
        return (*marks, *stars), tuple(silences)

    # ------------------------------------------------------------ improvements
    def measures(self) -> Iterator[Measure]:
        for item in self.report.items:
            due = item.due.isoformat() if item.due is not None else ""
            parts = (
                ("state", self.label(f"item_state.{item.state}")), ("why", self.typed(item.why)),
                ("who", self.person(item.who) if item.who else ""), ("due", due), ("where", self.typed(item.where)),
                ("how", self.typed(item.how)), ("sort", self.label(f"item_sort.{item.sort}") if item.sort else ""),
                ("priority", self.label(f"priority.{item.priority}")), ("acceptance", self.typed(item.acceptance)),
                ("verifier", self.person(item.verifier) if item.verifier else ""),
            )  # fmt: skip
            demanded = ("who", "due", "acceptance")
            rows = tuple(self.row(f"report.item_{name}", text) for name, text in parts if text or name in demanded)
            yield Measure(f"T-{item.number}", self.typed(item.what), rows)


def _begun(label: str) -> str:
    """Begin a label that stands alone with a capital; in sentences it has none."""
    return label[:1].upper() + label[1:]
