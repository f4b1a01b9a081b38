"""Narrowing a list by typed words: open, mine, P1, a service, 7d."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from bot.command import Context
from bot.engine import recognise
from bot.engine.finding import services_called, zone_of
from bot.errors import refuse
from bot.ports import Filter

_LONGEST = timedelta(days=3650)


def narrowed(ctx: Context, words: Sequence[str]) -> tuple[Filter, list[str]]:
    """Read folded words to a filter, and give those that say nothing about a list."""
    only = Filter()
    unread: list[str] = []
    chosen = dated = False
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if word in recognise.OPEN_WORDS:
            only, chosen = replace(only, open=True), True
        elif word in recognise.CLOSED_WORDS:
            only, chosen = replace(only, open=False), True
        elif word in recognise.ALL_WORDS:
            only, chosen = replace(only, open=None), True
        elif word in recognise.MINE_WORDS and ctx.person is not None:
            only = replace(only, involved=ctx.person.id)
        elif word in recognise.STATUSES:
            only, chosen = replace(only, open=None, statuses=(*only.statuses, *recognise.STATUSES[word])), True
        elif word in recognise.NO_DRILL_WORDS:
            only = replace(only, drills=False)
        elif word in recognise.TODAY_WORDS:
            midnight = ctx.now.astimezone(zone_of(ctx)).replace(hour=0, minute=0, second=0, microsecond=0)
            only, dated = replace(only, since=midnight.astimezone(ctx.now.tzinfo)), True
        elif (known := recognise.level(word)) is not None:
            only = replace(only, severity=known[0])
        elif (span := _span(words[at - 1 : at + 2])) is not None:
            only, dated = replace(only, since=ctx.now - min(timedelta(days=span[0]), _LONGEST)), True
            at += span[1] - 1
        elif services := services_called(ctx, word):
            if len(services) > 1:
                raise refuse("service_which", word=word, services=services)
            only = replace(only, service=services[0])
        elif word not in recognise.FILLERS:
            unread.append(word)
    return (replace(only, open=None) if dated and not chosen else only), unread


def _span(words: Sequence[str]) -> tuple[float, int] | None:
    for count in range(len(words), 0, -1):
        found = recognise.days(" ".join(words[:count]))
        if found is not None:
            return found, count
    return None
