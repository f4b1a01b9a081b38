"""Where an incident is run: groups that people bind by hand, and rooms on other chats."""

from __future__ import annotations

from bot.command import Answer, Context, Where, Word, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Via
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.room import LIVE, Room, RoomState, SpareState
from bot.model.say import say
from bot.model.text import Text, flat
from bot.ports import Place
from commands.common import as_commander, must_be_open, visible

_SPARE = frozenset({"spare", "备用", "备用群"})
_STOP = frozenset({"stop", "off", "停止", "停"})


@command(
    en=("bind",),
    zh=("绑定群",),
    does=Words(
        "把所在的群绑定为故障的应急群；管理员可登记备用群", "make this group a room of an incident; admins register spare rooms"
    ),
    usage=Words("绑定群 <编号> | 绑定群 备用", "bind <id> | bind spare"),
    example=Words("绑定群 0520-001", "bind 0520-001"),
    where=Where.ROOM | Where.ANYWHERE,
    presets={"备用群": {"what": "spare"}},
    alone=True,
)
def bind(ctx: Context, incident: Incident | None = None, what: Word | None = None) -> Answer:
    """Let a group that the bot was put into by hand be a room: a new one, or the ears of one that only shows things."""
    via = _group(ctx)
    if what is not None:
        if what.casefold() not in _SPARE:
            raise refuse("bind_which")
        return _prepared(ctx, via)
    if incident is None:
        raise refuse("bind_which")
    must_be_open(ctx, incident)
    _must_be_free(ctx, via, incident)
    over = as_commander(ctx, incident, "bind", "bind_private") if incident.private else ()
    room = _deaf(ctx, incident, via)
    bound = ev.RoomBound(connection=via.connection, chat=via.chat, room=room.id if room is not None else None)
    return Answer([*over, bound], say("bound", heard=room is not None))


def _group(ctx: Context) -> Via:
    """Give the group in which the command was typed."""
    if ctx.via is None or ctx.place is not Place.GROUP or not ctx.via.chat:
        raise refuse("bind_in_group")
    return ctx.via


def _prepared(ctx: Context, via: Via) -> Answer:
    """Register the group as a spare room."""
    if ctx.standing < Standing.ADMIN:
        raise refuse("spare_admin")
    _must_be_free(ctx, via, None)
    return Answer([ev.SpareRoomOffered(connection=via.connection, chat=via.chat)], say("spare_offered"))


def _must_be_free(ctx: Context, via: Via, incident: Incident | None) -> None:
    """Refuse a group that is something else: the room of an open incident, a channel of announcements, a spare room."""
    room = ctx.reads.room_at(via.connection, via.chat)
    here = incident is not None and room is not None and room.incident == incident.id
    if room is not None and room.state in LIVE and not (room.state is RoomState.NEEDS_BOT and here):
        if here:
            raise refuse("bind_already", id=room.incident)
        raise refuse("bind_taken", id=visible(ctx, room.incident))
    if (via.connection, via.chat) in ctx.policy.announce:
        raise refuse("bind_hall")
    spare = ctx.reads.spare(via.connection, via.chat)
    if spare is not None and spare.state in (SpareState.OFFERED, SpareState.READY):
        raise refuse("bind_spare")


def _deaf(ctx: Context, incident: Incident, via: Via) -> Room | None:
    """Find the room that only shows things and is this very group: by its address, or as the configuration says."""
    shows = [room for room in ctx.reads.rooms(incident.id) if room.state is RoomState.NEEDS_BOT]
    same = (room for room in shows if room.saw(via.connection, via.chat))
    half = (room for room in shows if room.connection == ctx.policy.hears_for.get(via.connection))
    return next(same, None) or next(half, None)


@command(
    en=("mirror",),
    zh=("同步到", "镜像"),
    does=Words("在另一个平台也建群，两边同步；或停止", "open a room on another chat as well, both told everything; or stop"),
    usage=Words("同步到 <平台> [停止]", "mirror <chat> [stop]"),
    example=Words("同步到 飞书", "mirror feishu"),
    where=Where.ROOM | Where.ANYWHERE,
)
def mirror(ctx: Context, incident: Incident, text: Text = ()) -> Answer:
    """Begin or end an incident's room on another chat."""
    words = flat(text).split()
    stops = bool(words) and words[-1].casefold() in _STOP
    name = " ".join(words[: len(words) - stops])
    found = ctx.policy.connections_called(name) if name else ()
    if len(found) != 1:
        raise refuse("mirror_which", word=name, chats=tuple(c for c in ctx.policy.titles if c not in ctx.policy.hears_for))
    (connection,) = found
    must_be_open(ctx, incident)
    over = as_commander(ctx, incident, "mirror", "mirror_needs")
    coming = [r for r in ctx.reads.rooms(incident.id) if (r.state in LIVE or r.state is RoomState.WANTED) and r.until is None]
    there = [room for room in coming if room.connection == connection]
    if not stops:
        if there:
            raise refuse("mirror_already", incident=incident, connection=connection)
        return Answer([*over, ev.MirrorStarted(connection=connection)], say("mirror_on", connection=connection))
    if not there:
        raise refuse("mirror_none", incident=incident, connection=connection)
    if len(there) == len(coming):
        raise refuse("mirror_last", incident=incident, connection=connection)
    stopped = [ev.MirrorStopped(connection=connection, room=room.id) for room in there]
    return Answer([*over, *stopped], say("mirror_off", connection=connection))
