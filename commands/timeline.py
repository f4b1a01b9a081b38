"""The story of an incident, in the order in which it happened, and how its notes are put right."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.command import Answer, Ask, Context, Count, Entry, NoteSort, Where, Words, command, query
from bot.errors import refuse
from bot.model import event as ev
from bot.model.event import Event, Fact
from bot.model.incident import Incident
from bot.model.person import Standing
from bot.model.say import Say, say
from bot.model.text import Text
from bot.story import as_they_read
from commands.common import as_commander, calling, me, ref

ENTRIES, MOST_ENTRIES = 20, 100
_BATCH = 200
_END = (datetime.max.replace(tzinfo=UTC, microsecond=0), 1 << 62)
_UNSHOWN = (ev.NoteEdited, ev.NoteRecalled, ev.FileKept, ev.FileMissed)  # the note itself shows them


@query(
    en=("timeline",),
    zh=("时间线",),
    does=Words("看最近的记录", "see the latest entries"),
    usage=Words("时间线 [编号] [条数] [决策|行动|发现] [#12 之前]", "timeline [id] [how many] [decision|action|finding] [#12]"),
    example=Words("时间线 20", "timeline 20"),
    may=Standing.RESPONDER,
)
def timeline(
    ctx: Context, incident: Incident, sort: NoteSort | None = None, before: Entry | None = None, count: Count | None = None
) -> Say:
    """Show the last entries by when they happened, oldest first; what is internal stays with the admins."""
    wanted = min(max(count or ENTRIES, 1), MOST_ENTRIES)
    seen = _pages(ctx, incident, sort, before, wanted + 1)
    shown = list(reversed(seen[:wanted]))
    edited = any(isinstance(event.payload, ev.NoteAdded) and event.payload.revised for event in shown)
    return say(
        "timeline", incident=incident, events=shown, sort=sort, before=before, ref=ref(ctx, incident),
        edited=next((e.n for e in shown if isinstance(e.payload, ev.NoteAdded) and e.payload.revised), 0) if edited else 0,
        earlier=shown[0].n if len(seen) > wanted else 0, count=wanted,
    )  # fmt: skip


def _pages(ctx: Context, incident: Incident, sort: str | None, before: int | None, wanted: int) -> list[Event]:
    """Read back until enough is found, the latest first."""
    admin = ctx.standing is Standing.ADMIN
    at = _END
    if before is not None:
        at = _place(_entry(ctx, incident, before))
    kinds = (ev.NoteAdded.__name__,) if sort is not None else ()
    found: list[Event] = []
    while len(found) < wanted:
        batch = ctx.reads.story(incident.id, at, kinds, _BATCH if sort else wanted)
        for event in as_they_read(ctx.reads, incident, batch, admin):
            of_sort = sort is None or (isinstance(event.payload, ev.NoteAdded) and event.payload.sort == sort)
            if of_sort and (event.audience == "room" or admin) and not isinstance(event.payload, _UNSHOWN):
                found.append(event)
        if not batch:
            break
        at = _place(batch[-1])
    return found[:wanted]


def _place(event: Event) -> tuple[datetime, int]:
    return event.at, event.n


def _entry(ctx: Context, incident: Incident, n: int) -> Event:
    found = ctx.reads.timeline(incident.id, after=n - 1, limit=1) if n > 0 else []
    if not found or found[0].n != n:
        raise refuse("entry_none", field="entry", n=n, ref=ref(ctx, incident))
    return found[0]


@command(
    en=("note-edit", "note edit"),
    zh=("改记录",),
    does=Words("改一条记录的文字；不写文字则看改过的各版", "change a note's words; with none, see what it said before"),
    usage=Words("改记录 #12 [决策|行动|发现] <文字>", "note-edit #12 [decision|action|finding] <text>"),
    example=Words("改记录 12 回滚 2/4", "note edit 12 rolled back 2/4"),
    where=Where.ROOM | Where.ANYWHERE,
    form=(Ask("entry", required=True, line=True), Ask("text"), "sort"),
)
def note_edit(
    ctx: Context, incident: Incident, entry: Entry | None = None, sort: NoteSort | None = None, text: Text = ()
) -> Answer | list[Fact]:
    """Give a note other words or another sort; what it said stays in the log. A closed incident's notes can be put right, too."""
    if entry is None:
        raise refuse("note_edit_which", field="entry", ref=ref(ctx, incident))
    first = _entry(ctx, incident, entry)
    if not isinstance(first.payload, ev.NoteAdded):
        raise refuse("note_edit_none", field="entry", n=entry, kind=first.kind, ref=ref(ctx, incident))
    if entry in incident.story.recalled and (text or sort is not None or ctx.standing is not Standing.ADMIN):
        raise refuse("note_recalled", n=entry)
    if not text and sort is None:
        return Answer(say=say("note_versions", n=entry, versions=_versions(ctx, incident, first), ref=ref(ctx, incident)))
    now = as_they_read(ctx.reads, incident, [first])[0].payload
    assert isinstance(now, ev.NoteAdded)
    facts = _may_edit(ctx, incident, first, first.payload)
    words, kind = calling(ctx, text) or now.text, sort if sort is not None else now.sort
    if (words, kind) == (now.text, now.sort):
        raise refuse("note_edit_same", field="text", n=entry)
    return [*facts, ev.NoteEdited(n=entry, text=words, sort=kind)]


def _may_edit(ctx: Context, incident: Incident, first: Event, note: ev.NoteAdded) -> tuple[Fact, ...]:
    authors = {first.actor.person, note.quoted.author if note.quoted is not None else None} - {None}
    if me(ctx) in authors:
        return ()
    return as_commander(ctx, incident, "note-edit", "note_not_yours", n=first.n, by=first.actor)


def _versions(ctx: Context, incident: Incident, first: Event) -> list[Event]:
    """List what a note said, the first version first."""
    edits = ctx.reads.story(incident.id, _END, (ev.NoteEdited.__name__,), MOST_ENTRIES)
    return [first, *(e for e in reversed(edits) if isinstance(e.payload, ev.NoteEdited) and e.payload.n == first.n)]
