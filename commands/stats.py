"""Numbers of a period."""

from __future__ import annotations

from datetime import timedelta

from bot.command import Context, ListFilter, Where, Words, query
from bot.engine.finding import zone_of
from bot.engine.reports import counted
from bot.errors import refuse
from bot.model.say import Say
from bot.model.stats import LONGEST

DAYS = 30


@query(
    en=("stats",),
    zh=("统计", "月报"),
    does=Words(
        "看一段时间的故障数、响应和恢复用时、达成率、改进措施",
        "see counts, times to respond and to recover, targets and action items of a period",
    ),
    usage=Words("统计 [30天] [服务]", "stats [30d] [service]"),
    example=Words("统计 30天 支付服务", "stats 30d payments"),
    where=Where.ROOM | Where.ANYWHERE | Where.DIRECT,
)
def stats(ctx: Context, only: ListFilter | None = None) -> Say:
    """Count the incidents of a period, as everybody may know them."""
    since = (only.since if only is not None else None) or ctx.now - timedelta(days=DAYS)
    if ctx.now - since > timedelta(days=LONGEST):
        raise refuse("stats_long", days=LONGEST)
    service = only.service if only is not None else None
    return counted(ctx.reads, since, ctx.now, ctx.now.astimezone(zone_of(ctx)).date(), service)
