"""Announcements: what stakeholders outside the room are told, from a draft to its receipts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from bot.model.ids import ConnectionId, PersonId
from bot.model.text import Text

if TYPE_CHECKING:
    from bot.model.event import Event, Payload
    from bot.model.incident import Incident
    from bot.model.policy import Policy


class Occasion(StrEnum):
    """Name what an announcement is made for: 首报 进展 升级 降级 恢复 复发 取消 更正 补发 复盘."""

    FIRST = "first"
    UPDATE = "update"
    RAISED = "raised"
    LOWERED = "lowered"
    RECOVERED = "recovered"
    RELAPSE = "relapse"
    CANCELLED = "cancelled"
    CORRECTION = "correction"
    LATE = "late"
    REVIEW = "review"


class Audience(StrEnum):
    """Name to whom: 管理层 客服 全员 外部."""

    EXECS = "execs"
    SUPPORT = "support"
    ALL = "all"
    EXTERNAL = "external"


class Stage(StrEnum):
    """Follow an announcement."""

    DRAFT = "draft"
    ASKED = "asked"  # somebody is to approve it
    SENT = "sent"
    WITHDRAWN = "withdrawn"
    DROPPED = "dropped"


# What is not said to somebody on its own: it goes into their next update, or they were never told.
UNSAID = frozenset({
    (Occasion.RAISED, Audience.EXTERNAL), (Occasion.LOWERED, Audience.EXTERNAL), (Occasion.LATE, Audience.ALL),
    (Occasion.LATE, Audience.EXTERNAL),
})  # fmt: skip
URGENT_TO = (Audience.EXECS, Audience.SUPPORT)  # whose first announcement has a deadline and needs nobody's approval


NOT_KNOWN = "not_known"  # the code of what was sent with no answer: it may have arrived


@dataclass(frozen=True, slots=True)
class Reach:
    """Say how an audience is reached: groups of chats, people directly, and channels outside the chats by name."""

    chats: tuple[tuple[ConnectionId, str], ...] = ()
    people: tuple[PersonId, ...] = ()
    notify: tuple[tuple[str, str], ...] = ()  # (channel, person id or address)
    lang: str | None = None

    @property
    def targets(self) -> tuple[str, ...]:
        """List every recipient: `chat:<connection>:<id>`, `person:<id>` and `notify:<channel>:<to>`, each once."""
        found = [f"chat:{connection}:{chat}" for connection, chat in self.chats]
        found += [f"person:{person}" for person in self.people]
        found += [f"notify:{channel}:{to}" for channel, to in self.notify]
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True, slots=True)
class Finding:
    """Hold what must not be said outside: a person, service, host, cause or promise, and the words that say it."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Failure:
    """Say whom an announcement did not reach, and why."""

    target: str
    code: str


@dataclass(frozen=True, slots=True)
class Post:
    """Hold one announcement: its words, who is asked, and what became of it at each recipient."""

    number: int
    occasion: Occasion
    audience: Audience
    stage: Stage
    by: PersonId | None  # who writes it, or is offered it
    at: datetime
    text: Text = ()
    missing: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    edited: bool = False
    revision: int = 0
    about: int | None = None  # the announcement that it corrects or takes back
    reason: Text = ()  # what a correction says
    before: str = ""  # the level before, of one that says that it changed
    asked: tuple[PersonId, ...] = ()
    every: bool = False  # all who are asked must approve
    step: int = 0
    asked_at: datetime | None = None
    approved: tuple[PersonId, ...] = ()
    sent_at: datetime | None = None
    seal: str = ""
    targets: tuple[str, ...] = ()
    done: tuple[str, ...] = ()
    failed: tuple[Failure, ...] = ()
    read: tuple[str, ...] = ()  # who took note: person ids, or recipients that are nobody of ours
    round: int = 0

    @property
    def waiting(self) -> tuple[str, ...]:
        """List the recipients of whom nothing is known yet."""
        known = {*self.done, *(failure.target for failure in self.failed)}
        return tuple(target for target in self.targets if target not in known)

    @property
    def had(self) -> tuple[str, ...]:
        """List the recipients who have it, or may have it, as nobody knows what became of it there."""
        return (*self.done, *(failure.target for failure in self.failed if failure.code == NOT_KNOWN))

    @property
    def recipients(self) -> tuple[tuple[str, str, str], ...]:
        """List the recipients as (kind, connection or channel, id or address); of a person the way is open."""
        return tuple(recipient_of(target) for target in self.targets)

    @property
    def by_way(self) -> tuple[tuple[str, str, tuple[str, ...]], ...]:
        """List the recipients by way, as (kind, connection or channel, ids or addresses)."""
        ways: dict[tuple[str, str], list[str]] = {}
        for kind, name, to in self.recipients:
            ways.setdefault((kind, name), []).append(to)
        return tuple((*way, tuple(found)) for way, found in ways.items())

    @property
    def lost(self) -> tuple[tuple[str, str, str, str], ...]:
        """List whom it did not reach, as in `recipients`, each with the code that says why."""
        failed = {failure.target: failure.code for failure in self.failed}
        return tuple((*one, failed[t]) for t, one in zip(self.targets, self.recipients, strict=True) if t in failed)

    @property
    def ways(self) -> tuple[tuple[str, str, int, int], ...]:
        """Sum it up by way: (kind, name, recipients reached, recipients)."""
        sums: dict[tuple[str, str], tuple[int, int]] = {}
        for target in self.targets:
            spot = way_of(target)
            done, total = sums.get(spot, (0, 0))
            sums[spot] = (done + (target in self.done), total + 1)
        return tuple((kind, name, done, total) for (kind, name), (done, total) in sums.items())


def recipient_of(target: str) -> tuple[str, str, str]:
    """Give a recipient as (kind, connection or channel, id or address)."""
    kind, _, rest = target.partition(":")
    return (kind, "", rest) if kind == "person" else (kind, *rest.partition(":")[::2])


def way_of(target: str) -> tuple[str, str]:
    """Give the kind of a recipient, and the connection or channel by which it is reached."""
    return recipient_of(target)[:2]


@dataclass(frozen=True, slots=True)
class Announcing:
    """Hold an incident's announcements, and until when the first must be out."""

    posts: tuple[Post, ...] = ()
    due: datetime | None = None
    remind_at: datetime | None = None
    reminded: bool = False
    overdue: bool = False

    def post(self, number: int) -> Post | None:
        """Find an announcement by its number."""
        return next((post for post in self.posts if post.number == number), None)

    def draft(self, occasion: Occasion, audience: Audience) -> Post | None:
        """Find the one that is being written for an occasion and an audience."""
        drafts = (p for p in self.posts if p.stage is Stage.DRAFT and (p.occasion, p.audience) == (occasion, audience))
        return next(drafts, None)

    def sent(self, *occasions: Occasion, audience: Audience | None = None) -> tuple[Post, ...]:
        """List what went out, of these occasions (none named: of any)."""
        return tuple(
            post for post in self.posts
            if post.sent_at is not None and (not occasions or post.occasion in occasions) and audience in (None, post.audience)
        )  # fmt: skip

    @property
    def first_at(self) -> datetime | None:
        """Give when people were first told, for the report."""
        return min((post.sent_at for post in self.posts if post.sent_at is not None), default=None)

    @property
    def next(self) -> int:
        """Give the number of the next one."""
        return max((post.number for post in self.posts), default=0) + 1


NO_ANNOUNCEMENTS = Announcing()


def announced(announcing: Announcing, event: Event, p: Payload) -> Announcing:
    """Give an incident's announcements after one more fact about them."""
    from bot.model import event as ev

    match p:
        case ev.AnnouncementDrafted():
            by = p.offered_to or event.actor.person
            fresh = Post(p.number, p.occasion, p.audience, Stage.DRAFT, by, event.at, about=p.about, reason=p.reason,
                         before=p.before, targets=p.targets)  # fmt: skip
            old = announcing.post(p.number)
            if old is not None:
                fresh = replace(fresh, revision=old.revision)
                return replace(announcing, posts=tuple(fresh if post.number == p.number else post for post in announcing.posts))
            return replace(announcing, posts=(*announcing.posts, fresh))
        case ev.FirstAnnouncementDue():
            return replace(announcing, due=p.due, remind_at=p.remind_at, reminded=False)
        case ev.FirstAnnouncementReminded():
            return replace(announcing, reminded=True)
        case ev.FirstAnnouncementOverdue():
            return replace(announcing, overdue=True)
        case _:
            number = getattr(p, "number", 0)
            posts = tuple(_changed(post, event, p) if post.number == number else post for post in announcing.posts)
            return replace(announcing, posts=posts)


def _changed(post: Post, event: Event, p: Payload) -> Post:
    from bot.model import event as ev

    match p:
        case ev.AnnouncementWorded():
            writer = event.actor.person if p.edited and event.actor.person is not None else post.by
            return replace(
                post, stage=Stage.DRAFT, text=p.text, missing=p.missing, findings=p.findings, edited=p.edited, by=writer,
                revision=post.revision + 1, approved=(), asked=(),
            )  # fmt: skip
        case ev.ApprovalAsked():
            return replace(post, stage=Stage.ASKED, asked=p.of, every=p.every, step=p.step, asked_at=event.at, by=p.by or post.by)
        case ev.AnnouncementApproved():
            return replace(post, approved=(*post.approved, p.by))
        case ev.AnnouncementReturned():
            return replace(post, stage=Stage.DRAFT, asked=(), approved=())
        case ev.AnnouncementDropped():
            return replace(post, stage=Stage.DROPPED)
        case ev.AnnouncementSent():
            stage = Stage.SENT if post.stage is not Stage.WITHDRAWN else post.stage
            return replace(post, stage=stage, sent_at=event.at, targets=p.targets, seal=p.seal, by=p.by or post.by)
        case ev.AnnouncementResent():
            failed = tuple(failure for failure in post.failed if failure.target not in p.targets)
            return replace(post, targets=tuple(dict.fromkeys((*post.targets, *p.targets))), failed=failed, round=post.round + 1)
        case ev.AnnouncementDelivered():
            failed = tuple(failure for failure in post.failed if failure.target != p.target)
            if p.code:
                return replace(post, failed=(*failed, Failure(p.target, p.code)))
            return replace(post, done=tuple(dict.fromkeys((*post.done, p.target))), failed=failed)
        case ev.AnnouncementRead():
            return replace(post, read=tuple(dict.fromkeys((*post.read, p.reader))))
        case ev.AnnouncementWithdrawn():
            return replace(post, stage=Stage.WITHDRAWN)
        case _:
            return post


# ---------------------------------------------------------------- the first one's deadline
def lacks_first(incident: Incident, policy: Policy) -> tuple[Audience, ...]:
    """List who should be told first and was not told yet."""
    wanted = tuple(audience for audience in URGENT_TO if audience in policy.audiences)
    return tuple(audience for audience in wanted if not incident.announcing.sent(audience=audience))


def announcing_due(incident: Incident, policy: Policy) -> dict[tuple[str, str], datetime]:
    """Give the timers of an incident's announcements."""
    from bot.model.event import Status

    found: dict[tuple[str, str], datetime] = {}
    state = incident.announcing
    if incident.status is Status.HANDLING and incident.severity in policy.first_within and lacks_first(incident, policy):
        if state.remind_at is not None and not state.reminded:
            found["remind_announcement", ""] = state.remind_at
        if state.due is not None and not state.overdue:
            found["announcement_overdue", ""] = state.due
    for post in state.posts:
        if post.stage is Stage.ASKED and post.asked_at is not None and has_point(post, incident):
            found["pass_approval", f"{post.number}.{post.step}"] = post.asked_at + policy.approve_within
    return found


# ---------------------------------------------------------------- approval
LAST_STEP = 2
# What is said of an incident that goes on: once it is closed nobody is asked to approve that any more.
_OF_OPEN = frozenset({Occasion.FIRST, Occasion.UPDATE, Occasion.RAISED, Occasion.LOWERED, Occasion.RELAPSE})


def has_point(post: Post, incident: Incident) -> bool:
    """Say whether what an announcement says may still be said of its incident."""
    return incident.open or post.occasion not in _OF_OPEN


def asked_at_step(
    step: int, incident: Incident, audience: Audience, writer: PersonId | None, policy: Policy
) -> tuple[PersonId, ...]:
    """List who is to approve at a step: the commander (outside: the comms lead, too), the deputy, the duty managers."""
    if step == 0:
        both = [incident.commander, incident.roles.get("comms") if audience is Audience.EXTERNAL else None]
    elif step == 1:
        both = [incident.roles.get("deputy")]
    else:
        both = list(policy.duty_managers)
    return tuple(dict.fromkeys(person for person in both if person is not None and person != writer))


def next_to_ask(
    first: int, incident: Incident, audience: Audience, writer: PersonId | None, policy: Policy
) -> tuple[int, tuple[PersonId, ...]] | None:
    """Find the next step at which there is somebody to ask; None = nobody is left."""
    for step in range(first, LAST_STEP + 1):
        people = asked_at_step(step, incident, audience, writer, policy)
        if people:
            return step, people
    return None


# ---------------------------------------------------------------- what is not said outside
_HOST = re.compile(
    r"https?://\S+|\b\d{1,3}(?:\.\d{1,3}){3}\b|\b(?:[a-z0-9-]+\.)+(?:com|cn|net|org|io|local|internal|svc|cluster)\b"
    r"|\b[a-z]+(?:-[a-z0-9]+)*-\d+\b",
    re.IGNORECASE,
)
_CAUSE = re.compile(
    r"因为|由于|原因|导致|根因|发布|变更|配置|数据库|缓存|网关|机房|宕机|代码|回滚|黑客|攻击|bug"
    r"|\b(?:because|caused?|due to|root cause|deploy\w*|roll(?:ed)? ?back|database|config\w*|outage of|attack\w*)\b",
    re.IGNORECASE,
)
_PROMISE = re.compile(
    r"保证|承诺|一定会?|赔付?|赔偿|补偿|退款|[¥￥$]\s*\d|\d+\s*元|预计[^，。]*(?:恢复|修复|解决)|\d+\s*(?:分钟|小时|天)内[^，。]*(?:恢复|修复|解决)"
    r"|\b(?:guarantee\w*|promise\w*|compensat\w*|refund\w*|within \d+ \w+|will be (?:fixed|back|resolved) (?:by|in|within))\b",
    re.IGNORECASE,
)


def findings(words: str, people: Iterable[str], services: Iterable[str]) -> tuple[Finding, ...]:
    """List what in a text for the outside must not be said: names, ids of services, hosts, causes, promises."""
    found = [Finding("person", name) for name in people if len(name) > 1 and name.casefold() in words.casefold()]
    found += [Finding("service", s) for s in services if re.search(rf"(?<![\w-]){re.escape(s)}(?![\w-])", words, re.IGNORECASE)]
    for kind, pattern in (("host", _HOST), ("cause", _CAUSE), ("promise", _PROMISE)):
        found += [Finding(kind, match.group()) for match in pattern.finditer(words)]
    return tuple(dict.fromkeys(found))


_OCCASIONS: Mapping[Occasion, str] = {
    Occasion.FIRST: "首报 初报 first declared",
    Occasion.UPDATE: "进展 续报 update",
    Occasion.RAISED: "升级 raised",
    Occasion.LOWERED: "降级 lowered",
    Occasion.RECOVERED: "恢复 已恢复 recovered recovery",
    Occasion.RELAPSE: "复发 relapse",
    Occasion.CANCELLED: "取消 cancel cancelled",
    Occasion.CORRECTION: "更正 correct correction",
    Occasion.LATE: "补发 late",
    Occasion.REVIEW: "复盘 review",
}
_AUDIENCES: Mapping[Audience, str] = {
    Audience.EXECS: "管理层 高管 execs management",
    Audience.SUPPORT: "客服 support",
    Audience.ALL: "全员 内部 all everyone",
    Audience.EXTERNAL: "外部 客户 external customers",
}
OCCASION_WORDS: Mapping[str, Occasion] = {word: occ for occ, words in _OCCASIONS.items() for word in (*words.split(), occ.value)}
AUDIENCE_WORDS: Mapping[str, Audience] = {word: a for a, words in _AUDIENCES.items() for word in (*words.split(), a.value)}
REMIND_AFTER = 0.6  # of the time until the first must be out


def remind_at(start: datetime, within: timedelta) -> datetime:
    """Give when somebody is reminded of the first announcement."""
    return start + within * REMIND_AFTER
