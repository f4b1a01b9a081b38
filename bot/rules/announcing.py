"""Rules of announcements: worded when asked for, offered when it is time, approved, sent once to each, and followed up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import timedelta

from bot.announcing import worded
from bot.engine.addressing import direct_account
from bot.engine.announcement_notice import can_say, medium_of
from bot.model import event as ev
from bot.model.announcing import NOT_KNOWN, UNSAID, Audience, Occasion, Post, Stage, lacks_first, remind_at
from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.event import Event, Fact, Happened, Payload, Status
from bot.model.ids import ConnectionId, PersonId
from bot.model.incident import Incident
from bot.model.person import Actor, ActorKind
from bot.model.postmortem import Section
from bot.model.say import say
from bot.model.text import Text, flat
from bot.rules.notices import notify
from bot.rules.world import Wanted, World, fact, page
from bot.sections import texts_of

ANNOUNCER = Actor(ActorKind.OUTBOX, "announcing")
Offered = tuple[Occasion, Audience]
NEWS_PACE = timedelta(minutes=2)  # between two messages about one incident to somebody who follows it


def _ours(payload: Payload) -> Fact:
    """Keep what follows apart from what the person did who led to it."""
    return Happened(payload, by=ANNOUNCER)


# ---------------------------------------------------------------- words
def word_draft(event: Event, incident: Incident, world: World) -> Wanted:
    post = incident.announcing.post(fact(event, ev.AnnouncementDrafted).number)
    if post is not None:
        yield _ours(_wording(post, incident, world))


def fill_drafts(event: Event, incident: Incident, world: World) -> Wanted:
    """Word those drafts anew that lack a fact, as it may be known now; what is complete stays as it was shown."""
    for post in incident.announcing.posts:
        if post.stage is Stage.DRAFT and post.missing and not post.edited:
            wording = _wording(post, incident, world)
            if wording.text != post.text:
                yield _ours(wording)


def _wording(post: Post, incident: Incident, world: World) -> ev.AnnouncementWorded:
    house = world.house
    cause = texts_of(world.reads, incident).get(Section.CAUSE, ()) if post.occasion is Occasion.REVIEW else ()
    show = house.show(world.reads, _lang(post, world), world.now)
    found = worded(post, incident, house.prose, show, house.catalog, cause)
    return ev.AnnouncementWorded(number=post.number, text=found.text, missing=found.missing, findings=found.findings)


def _lang(post: Post, world: World) -> str:
    reach = world.house.policy.audiences.get(post.audience)
    return (reach.lang if reach is not None else None) or world.house.policy.lang


# ---------------------------------------------------------------- deadlines and offers
def set_first_due(event: Event, incident: Incident, world: World) -> Wanted:
    """Say until when people must have been told for the first time; a graver level may make that sooner, never later."""
    policy = world.house.policy
    within = policy.first_within.get(incident.severity)
    if within is None or incident.status is not Status.HANDLING or incident.drill or not lacks_first(incident, policy):
        return
    due = event.at + within
    if incident.announcing.due is None or due < incident.announcing.due or isinstance(event.payload, ev.IncidentReopened):
        yield _ours(ev.FirstAnnouncementDue(due=due, remind_at=remind_at(event.at, within)))


def offer_first(event: Event, incident: Incident, world: World) -> Wanted:
    """Offer the first announcements to whoever answers for them as soon as there is somebody."""
    yield from offers(incident, world, _first(incident, world))


def offer_level(event: Event, incident: Incident, world: World) -> Wanted:
    """Offer what a change of the level asks for: to tell those who know, and those who should by now."""
    p = fact(event, ev.SeverityChanged)
    wanted = _first(incident, world)
    if incident.status is Status.HANDLING and p.before is not p.after:
        occasion = Occasion.RAISED if p.after.worse_than(p.before) else Occasion.LOWERED
        wanted += [(occasion, audience) for audience in _told(incident)]
    yield from offers(incident, world, wanted, before=p.before.value)


def _first(incident: Incident, world: World) -> list[Offered]:
    policy = world.house.policy
    if incident.severity not in policy.first_within or incident.status is not Status.HANDLING or incident.drill:
        return []
    begun = {p.audience for p in incident.announcing.posts if p.occasion is Occasion.FIRST and p.stage is not Stage.DROPPED}
    return [(Occasion.FIRST, audience) for audience in lacks_first(incident, policy) if audience not in begun]


def offer_recovered(event: Event, incident: Incident, world: World) -> Wanted:
    """Offer to tell those who know that it is over; where nobody was told, that it was."""
    told = _told(incident)
    yield from offers(incident, world, [(Occasion.RECOVERED, audience) for audience in told] or _late(incident, world))


def offer_relapse(event: Event, incident: Incident, world: World) -> Wanted:
    heard = [post.audience for post in incident.announcing.sent(Occasion.RECOVERED)]
    yield from offers(incident, world, [(Occasion.RELAPSE, audience) for audience in heard])


def offer_cancelled(event: Event, incident: Incident, world: World) -> Wanted:
    """Offer to take back what was said of an incident that was none."""
    yield from offers(incident, world, [(Occasion.CANCELLED, audience) for audience in _told(incident)])


def offer_late(event: Event, incident: Incident, world: World) -> Wanted:
    """Offer to tell of a grave incident that ended with nobody told."""
    yield from offers(incident, world, _late(incident, world))


def _late(incident: Incident, world: World) -> list[Offered]:
    policy = world.house.policy
    if incident.severity not in policy.first_within or incident.drill or incident.announcing.sent():
        return []
    begun = {post.audience for post in incident.announcing.posts if post.occasion is Occasion.LATE}
    return [(Occasion.LATE, audience) for audience in lacks_first(incident, policy) if audience not in begun]


def _told(incident: Incident) -> list[Audience]:
    """List who heard of it and was not told since that it was nothing."""
    sent = [post for post in incident.announcing.sent() if post.stage is Stage.SENT]
    void = {post.audience for post in sent if post.occasion is Occasion.CANCELLED and post.about is None}
    return list(dict.fromkeys(post.audience for post in sent if post.audience not in void))


def offers(incident: Incident, world: World, wanted: Iterable[Offered], before: str = "") -> Iterator[Fact]:
    """Draft announcements for the comms lead, else the commander, who are shown what is offered at once in one message."""
    audiences = world.house.policy.audiences
    whom = incident.roles.get("comms") or incident.commander
    if whom is None:
        return
    number = incident.announcing.next
    for occasion, audience in dict.fromkeys(wanted):
        outside = audience in (Audience.ALL, Audience.EXTERNAL)
        if audience not in audiences or (occasion, audience) in UNSAID or (incident.private and outside):
            continue
        old = incident.announcing.draft(occasion, audience)
        yield _ours(ev.AnnouncementDrafted(
            number=old.number if old is not None else number, occasion=occasion, audience=audience, before=before,
            targets=audiences[audience].targets, offered_to=whom,
        ))  # fmt: skip
        number += old is None


def show_offer(event: Event, incident: Incident, world: World) -> Wanted:
    """Show what was drafted for somebody to them, directly; what is offered at once is one message."""
    p = fact(event, ev.AnnouncementDrafted)
    if p.offered_to is not None and event.actor == ANNOUNCER:
        text = say("announce_offer", incident=incident.id, occasion=p.occasion.value)
        yield from page(world, p.offered_to, text, f"offer/{incident.id}/{p.occasion}/{event.cause}/{p.offered_to}", incident.id)


def remind(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.FirstAnnouncementReminded)
    if p.to is not None:
        text = say("announce_remind", incident=incident.id, occasion=Occasion.FIRST.value)
        yield from page(world, p.to, text, f"remind/{incident.id}/{event.n}/{p.to}", incident.id)


# ---------------------------------------------------------------- approval
def ask_approval(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.ApprovalAsked)
    text = say("announce_approve", incident=incident.id, number=p.number, late=p.late)
    for person in p.of:
        yield from page(world, person, text, f"approve/{incident.id}/{p.number}/{event.n}/{person}", incident.id)


def tell_returned(event: Event, incident: Incident, world: World) -> Wanted:
    p = fact(event, ev.AnnouncementReturned)
    post = incident.announcing.post(p.number)
    if post is not None and post.by is not None and post.by != event.actor.person:
        by = event.actor.person
        text = say("announce_returned", incident=incident.id, number=p.number, by=by, reason=flat(p.reason))
        yield from page(world, post.by, text, f"returned/{incident.id}/{p.number}/{event.n}", incident.id)


# ---------------------------------------------------------------- sending
def send(event: Event, incident: Incident, world: World) -> Wanted:
    """Send an announcement to each recipient, once each and as often as somebody asked for it again."""
    p = event.payload
    assert isinstance(p, (ev.AnnouncementSent, ev.AnnouncementResent))
    post = incident.announcing.post(p.number)
    if post is None:
        return
    for target in p.targets:
        if target not in post.done:
            wanted = _sending(target, post, incident, world)
            if isinstance(wanted, Intent):
                yield wanted
            else:
                yield _ours(ev.AnnouncementDelivered(number=post.number, target=target, code=wanted))


def _sending(target: str, post: Post, incident: Incident, world: World) -> Intent | str:
    """Ask for one message, or give the code of what keeps it from being sent."""
    kind, _, rest = target.partition(":")
    key = f"announce/{incident.id}/{post.number}/{target}/{post.round}"
    data = {"announcement": post.number, "target": target}
    if kind == "chat":
        connection, _, chat = rest.partition(":")
        return Intent(
            EffectKind.SEND, f"chat:{connection}:{chat}", chat, ConnectionId(connection), incident.id, {**data, "chat": chat},
            Urgency.BULK, key,
        )  # fmt: skip
    if kind == "notify":
        channel, _, to = rest.partition(":")
        medium = medium_of(world, channel)
        if medium is None or not can_say(medium, post):
            return "unsupported"
        return notify(
            ConnectionId(channel), to, "announcement", incident.id, key, then="announcement", urgency=Urgency.BULK,
            lang=_lang(post, world), announcement=post.number, target=target,
        )  # fmt: skip
    reached = direct_account(PersonId(rest), world.house, world.reads)
    if reached is None:
        return "no_account"
    data |= {"account": reached.id, "person": rest}
    lane = f"person:{reached.connection}:{reached.id}"
    return Intent(EffectKind.SEND, lane, reached.id, reached.connection, incident.id, data, Urgency.BULK, key)


def settle(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell the writer once all are settled, and correct to whom it arrived after it was taken back."""
    p = fact(event, ev.AnnouncementDelivered)
    post = incident.announcing.post(p.number)
    if post is None:
        return
    if post.stage is Stage.WITHDRAWN and p.code in ("", NOT_KNOWN):
        follows = next((n for n in incident.announcing.posts if n.about == post.number and n.stage is Stage.SENT), None)
        if follows is None:
            yield from _void(post, incident, (p.target,))
        elif p.target not in follows.targets:
            yield _ours(ev.AnnouncementResent(number=follows.number, targets=(p.target,)))
    elif not post.waiting and post.by is not None:
        text = say("announce_receipt", incident=incident.id, number=post.number)
        yield from page(world, post.by, text, f"receipt/{incident.id}/{post.number}/{post.round}", incident.id)


def correct_withdrawn(event: Event, incident: Incident, world: World) -> Wanted:
    """Say to those who have it already, or may have it, that an announcement is void."""
    p = fact(event, ev.AnnouncementWithdrawn)
    post = incident.announcing.post(p.number)
    if post is not None:
        if post.had:
            yield from _void(post, incident, post.had, p.reason, event.actor.person)
        for target in post.waiting:  # one that is on its way all the same is corrected when it has arrived
            yield _ours(ev.AnnouncementDelivered(number=post.number, target=target, code="withdrawn"))


def _void(
    post: Post, incident: Incident, targets: tuple[str, ...], reason: Text = (), by: PersonId | None = None
) -> Iterator[Fact]:
    number, audience = incident.announcing.next, post.audience
    drafted = ev.AnnouncementDrafted(
        number=number, occasion=Occasion.CANCELLED, audience=audience, about=post.number, reason=reason, targets=targets
    )
    yield _ours(drafted)
    yield _ours(ev.AnnouncementSent(number=number, targets=targets, seal=post.seal, by=by))


# ---------------------------------------------------------------- those who follow
NEWS = (
    ev.IncidentConfirmed, ev.IncidentDismissed, ev.IncidentRecovered, ev.IncidentReopened, ev.IncidentClosed, ev.SeverityChanged,
    ev.UpdatePosted, ev.IncidentDeclared,
)  # fmt: skip


def tell_followers(event: Event, incident: Incident, world: World) -> Wanted:
    """Tell those who follow it, at most one message per person in two minutes, which then says how things stand."""
    if isinstance(event.payload, NEWS) and incident.status is not Status.PENDING and not incident.drill:
        present = {event.actor.person, *incident.involved}  # who is in it sees it in the room
        people = dict.fromkeys(s.person for s in world.reads.subscriptions_to(incident.id) if s.covers(incident))
        for person in people:
            if person not in present and not incident.private:
                yield from news(person, incident, world)


def news(person: PersonId, incident: Incident, world: World) -> Iterator[Intent]:
    """Tell one follower how things stand, not before the pace allows."""
    slot = news_slot(person, incident)
    last = world.reads.shown(slot)
    generation = last.generation + 1 if last is not None else 1
    text = say("news", incident=incident.id)
    for intent in page(world, person, text, f"news/{incident.id}/{person}/{generation}", incident.id):
        wait = max(last.at + NEWS_PACE - world.now, timedelta(0)) if last is not None else timedelta(0)
        yield replace(intent, data={**intent.data, "news": slot}, urgency=Urgency.BULK, delay=wait)


def news_slot(person: PersonId, incident: Incident) -> str:
    """Name where it is kept when a follower was told last."""
    return f"news:{incident.id}:{person}"
