"""Where an incident is run: groups that people bind by hand, and rooms on other chats."""

from __future__ import annotations

from bot.command import Answer, Context, Where, Word, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Via
from bot.model.incident import Incident
from bot.model.room import LIVE, Room, RoomState
from bot.model.say import say
from bot.ports import Place
from commands.common import as_commander, must_be_open, visible

_SPARE = frozenset({"spare", "备用", "备用群"})


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
        raise refuse("bind_which")
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


def _must_be_free(ctx: Context, via: Via, incident: Incident) -> None:
    """Refuse a group that is something else already: the room of an open incident, or a channel of announcements."""
    room = ctx.reads.room_at(via.connection, via.chat)
    if room is not None and room.state in LIVE and not (room.state is RoomState.NEEDS_BOT and room.incident == incident.id):
        if room.incident == incident.id:
            raise refuse("bind_already", id=incident.id)
        raise refuse("bind_taken", id=visible(ctx, room.incident))
    if (via.connection, via.chat) in ctx.policy.announce:
        raise refuse("bind_hall")


def _deaf(ctx: Context, incident: Incident, via: Via) -> Room | None:
    """Find the room that only shows things and is this very group: by its address, or as the configuration says."""
    shows = [room for room in ctx.reads.rooms(incident.id) if room.state is RoomState.NEEDS_BOT]
    same = (room for room in shows if room.saw(via.connection, via.chat))
    half = (room for room in shows if room.connection == ctx.policy.hears_for.get(via.connection))
    return next(same, None) or next(half, None)
