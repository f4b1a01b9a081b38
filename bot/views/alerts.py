"""The card of an alert group: what people need to judge it, and one line once they did."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from bot.model.alert import Alert, AlertGroup, GroupState
from bot.model.card import Button, Card, Field
from bot.model.ids import PersonId, group_word
from bot.model.incident import Incident
from bot.model.oncall import Shift
from bot.model.say import say
from bot.model.text import Text
from bot.show import Show
from bot.views.offers import Maker
from bot.views.titles import COLOURS, OFFERED, one_line, title_of

if TYPE_CHECKING:
    from bot.prose import Prose


DUTY = 3  # people on call who are named


def alert_card(
    group: AlertGroup,
    prose: Prose,
    show: Show,
    *,
    related: Incident | None = None,
    samples: Sequence[Alert] = (),
    link: str | None = None,
    called: Sequence[PersonId] = (),
    silences: bool = False,
    duty: Sequence[Shift] = (),
    offered: Collection[str] = OFFERED,
) -> Card:
    """Build the card of an alert group that people must judge; once judged it is one line with no buttons.

    `related` is the open incident on the same service, or the incident that the group belongs to; `link` leads into its
    room, `called` are the people whom a declaration would call, `silences` = the monitoring system can keep the group silent,
    `duty` are the shifts of those on call.
    """
    word = group_word(group.id)
    if group.state is not GroupState.PROPOSED:
        way = (Field(prose.label("field.links", show.lang), prose.say(say("card_join", url=link), show)),) if link else ()
        enters = group.state is GroupState.ATTACHED and related is not None and related.id == group.incident
        enters = enters and related is not None and related.open and not related.private
        judged = one_line(_judged(group, prose, show, related))
        return Card(judged, "grey", about=word, fields=way if enters else (), lang=show.lang)

    def value(key: str, **params: Any) -> Text:
        return prose.say(say(key, group=group, **params), show)

    joins = related is not None and related.open and not related.private
    fields = [
        ("what", value("alert_what", what=samples[0].summary if samples else group.title)),
        ("count", value("alert_count")),
        ("why", value("alert_why", facts=group.reason[:4])),
    ]
    if joins and related is not None:
        fields.append(("related", value("alert_related", related=related, title=title_of(related, prose, show))))
    if group.muted_until is not None and group.muted_until > show.now:
        fields.append(("silent", value("alert_silent")))
    if duty:
        fields.append(("on_duty", value("alert_duty", duty=duty[:DUTY])))
    if group.seen_by is not None and group.seen_at is not None:
        fields.append(("seen", value("alert_seen")))
    return Card(
        lang=show.lang,
        headline=one_line(value("alert_head")),
        colour=COLOURS[group.severity] if group.severity else "grey",
        about=word,
        fields=tuple(Field(prose.label(f"field.{name}", show.lang), said) for name, said in fields),
        buttons=tuple(
            b for b in _judging(group, related if joins else None, called, silences, prose, show) if b.command in offered
        ),
        footer=one_line(value("alert_foot")),
    )


def _judged(group: AlertGroup, prose: Prose, show: Show, related: Incident | None) -> Text:
    if group.state is GroupState.ATTACHED and group.incident is not None:
        own = related if related is not None and related.id == group.incident and not related.private else None
        title = title_of(own, prose, show) if own else ()
        return prose.say(say("alert_attached", group=group, title=title), show)
    known = {GroupState.DISMISSED: "alert_dismissed", GroupState.IGNORED: "alert_ignored"}
    return prose.say(say(known.get(group.state, "alert_over"), group=group), show)


def _judging(
    group: AlertGroup, related: Incident | None, called: Sequence[PersonId], silences: bool, prose: Prose, show: Show
) -> Iterator[Button]:
    word = group_word(group.id)
    consequence = one_line(prose.say(say("alert_confirm_declare", group=group, called=tuple(called)), show))

    def button(name: str, typed: str, command: str, shown: str = "", *, primary: bool = False, **args: str) -> Button:
        return Button(
            prose.label(f"button.{name}", show.lang).replace("#", shown).strip(), command,
            show.hail + prose.label(f"typed.{typed}", show.lang).replace("#", word),
            (("groups", word), *args.items()), (), primary,
            consequence if name == "declare" else None,
        )  # fmt: skip

    if related is not None:
        join = button("attach", "attach", "link", related.id, primary=True, incident=related.id)
        yield Button(join.label, join.command, f"{join.typed} {related.id}", join.args, (), True)
    level = {"severity": group.severity.value} if group.severity else {}
    yield button("declare", "declare", "declare", level.get("severity", ""), primary=related is None, **level)
    yield button("ack", "ack", "ack")
    yield Maker(prose, show).reasons(word)
    if silences and (group.muted_until is None or group.muted_until <= show.now):
        yield button("silence", "silence", "silence", text="1h")
