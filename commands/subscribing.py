"""Follow incidents without taking part in them: what is new of them comes directly."""

from __future__ import annotations

from bot.command import Answer, Context, Where, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.ids import IncidentId, ServiceId
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.say import say
from bot.model.severity import Severity
from bot.model.subscription import key_for
from bot.model.text import Text, flat
from commands.common import me

_ANYWHERE = Where.ROOM | Where.ANYWHERE | Where.DIRECT
_ALL = frozenset({"全部", "all"})
MOST = 20  # of one person


@command(
    en=("subscribe",),
    zh=("订阅",),
    does=Words("订阅故障的进展和恢复，私信你", "be told directly how incidents go"),
    usage=Words("订阅 [服务] [P1] [编号]", "subscribe [service] [P1] [id]"),
    example=Words("订阅 支付服务 P1", "subscribe P1"),
    may=Standing.MEMBER,
    where=_ANYWHERE,
)
def subscribe(
    ctx: Context,
    services: tuple[ServiceId, ...] = (),
    severity: Severity | None = None,
    incident: Incident | None = None,
) -> Answer:
    """Follow a service, a level, both, or one incident; with nothing said, list what one follows."""
    mine = ctx.reads.subscriptions(me(ctx))
    wanted = _named(services, severity, incident)
    if not wanted:
        return Answer((), say("subscriptions", mine=tuple(mine)))
    known = {subscription.key for subscription in mine}
    new = [one for one in wanted if key_for(*one) not in known]
    if not new:
        raise refuse("subscribed_already", mine=tuple(mine))
    if len(mine) + len(new) > MOST:
        raise refuse("subscribed_most", most=MOST, mine=tuple(mine))
    facts = [ev.Subscribed(person=me(ctx), service=s, severity=level, about=about) for s, level, about in new]
    return Answer(facts, say("subscribed", new=tuple(new)))


@command(
    en=("unsubscribe",),
    zh=("取消订阅", "退订"),
    does=Words("取消订阅", "stop being told"),
    usage=Words("取消订阅 [服务] [P1] [编号]，取消订阅 全部", "unsubscribe [service] [P1] [id], unsubscribe all"),
    example=Words("取消订阅 支付服务 P1", "unsubscribe P1"),
    may=Standing.MEMBER,
    where=_ANYWHERE,
)
def unsubscribe(
    ctx: Context,
    services: tuple[ServiceId, ...] = (),
    severity: Severity | None = None,
    incident: Incident | None = None,
    text: Text = (),
) -> Answer:
    """Stop following what is named, or everything."""
    mine = ctx.reads.subscriptions(me(ctx))
    wanted = {key_for(*one) for one in _named(services, severity, incident)}
    everything = flat(text).strip().casefold() in _ALL
    gone = [one for one in mine if everything or one.key in wanted]
    if not gone:
        raise refuse("subscribed_not", mine=tuple(mine))
    facts = [ev.Unsubscribed(person=one.person, service=one.service, severity=one.severity, about=one.about) for one in gone]
    return Answer(facts, say("unsubscribed", gone=tuple((one.service, one.severity, one.about) for one in gone)))


def _named(
    services: tuple[ServiceId, ...], severity: Severity | None, incident: Incident | None
) -> list[tuple[ServiceId | None, Severity | None, IncidentId | None]]:
    """List what a line names; an incident stands by itself, and one's own room is named by nobody."""
    if services or severity is not None:
        return [(service, severity, None) for service in (services or (None,))]
    return [(None, None, incident.id)] if incident is not None else []
