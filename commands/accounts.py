"""Who somebody is on several chats, and the language that they are spoken to in."""

from __future__ import annotations

from datetime import timedelta

from bot.command import Answer, Context, Where, Word, Words, command
from bot.errors import refuse
from bot.model import event as ev
from bot.model.incident import Incident
from bot.model.person import Standing, code_digest, met
from bot.model.say import say
from bot.model.text import Text, flat
from bot.ports import Place
from commands.common import as_commander, me

CODE_LASTS = timedelta(minutes=10)
_ROOM = frozenset({"room", "本群", "群", "群里"})
_LANGS = {
    **dict.fromkeys(("zh", "中文", "汉语", "简体中文", "chinese"), "zh"),
    **dict.fromkeys(("en", "英文", "英语", "english"), "en"),
}


@command(
    en=("bind-account",),
    zh=("绑定账号",),
    does=Words(
        "把另一个平台上的你也认成你：一边要码，另一边输入", "be known as one person on several chats: a code here, typed there"
    ),
    usage=Words("绑定账号 [码]", "bind-account [code]"),
    example=Words("绑定账号", "bind-account"),
    may=Standing.MEMBER,
    where=Where.DIRECT,
)
def bind_account(ctx: Context, code: Word | None = None) -> Answer:
    """Give a one-time code, or become one with the person to whom it was given."""
    if ctx.place is not Place.DIRECT or ctx.via is None:
        raise refuse("link_direct")
    if code is None:
        asked = ev.LinkAsked(
            digest=code_digest(ctx.fresh), person=me(ctx), connection=ctx.via.connection, until=ctx.now + CODE_LASTS
        )
        minutes = int(CODE_LASTS.total_seconds() // 60)
        return Answer([asked], say("link_code", code=ctx.fresh, minutes=minutes), instead=say("link_code_shown"))
    digest = code_digest(code)
    known = ctx.reads.link_code(digest)
    owner = ctx.reads.person(known.person) if known is not None and known.until >= ctx.now else None
    own = ctx.reads.person(me(ctx))
    if owner is None or own is None:
        raise refuse("link_unknown")
    if owner.id == own.id:
        raise refuse("link_self")
    keep, gone = (owner, own) if met(own) else (own, owner)
    if not met(gone):
        raise refuse("link_both", people=(owner.id, own.id))
    return Answer([ev.PeopleMerged(person=keep.id, other=gone.id, digest=digest)], say("linked", person=keep.id))


@command(
    en=("lang",),
    zh=("语言",),
    does=Words("换回答你用的语言；加“本群”换群里用的", "choose the language of my answers to you; with room: of this room"),
    usage=Words("语言 中文|English [本群]", "lang zh|en [room]"),
    example=Words("语言 English", "lang en"),
    may=Standing.MEMBER,
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def lang(ctx: Context, incident: Incident | None = None, text: Text = ()) -> Answer:
    """Set one's own language, or the room's."""
    words = [word.casefold() for word in flat(text).split()]
    chosen = [_LANGS[word] for word in words if word in _LANGS]
    for_room = any(word in _ROOM for word in words)
    if len(chosen) != 1 or len(words) != 1 + for_room:
        raise refuse("lang_which")
    if not for_room:
        return Answer([ev.LanguageChosen(person=me(ctx), lang=chosen[0])], say("lang_own", chosen=chosen[0]))
    if ctx.room is None or incident is None:
        raise refuse("lang_where")
    over = as_commander(ctx, incident, "lang", "lang_needs")
    return Answer([*over, ev.RoomLanguageSet(room=ctx.room.id, lang=chosen[0])], say("lang_room", chosen=chosen[0]))
