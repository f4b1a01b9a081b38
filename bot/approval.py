"""The texts that SMS and voice vendors must approve before anybody is reached, and where their codes go."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from bot.engine.page_notice import TEXTS
from bot.model.say import say
from bot.model.text import flat
from bot.plugins import available, plugin
from bot.ports import Approval
from bot.prose import Prose, Show


def house_texts(lang: str) -> dict[str, str]:
    """Give the texts as a vendor without rules of its own may take them, by name, with `${variable}`."""
    prose = Prose()
    show = Show(lang, ZoneInfo("UTC").key, datetime.fromtimestamp(0, UTC), lambda person: "", lambda service, _: service)
    return {
        name: flat(prose.say(say(f"page_{name}", **{variable: f"${{{variable}}}" for variable in variables}), show))
        for name, variables in TEXTS.items()
    }


def sheet(lang: str) -> Iterator[str]:
    """Give line by line what to submit to each vendor, and the lines of the configuration that take the codes."""
    for adapter in available("adapters.notify"):
        module = plugin("adapters.notify", adapter)
        approval: Approval | None = getattr(module, "approval", None)
        if approval is None and getattr(module, "any_text", False):
            approval = Approval("any other vendor of SMS or calls", house_texts(lang))
        if approval is not None:
            yield from _texts(adapter, approval)
            yield from _configured(adapter, tuple(approval.texts))


def _texts(adapter: str, approval: Approval) -> Iterator[str]:
    yield f"{adapter}: {approval.where}"
    for name, text in approval.texts.items():
        yield f"  {name:<10} {text}"
    for note in approval.notes:
        yield f"  * {note}"


def _configured(adapter: str, names: tuple[str, ...]) -> Iterator[str]:
    yield "  When they are approved, their codes go into the configuration:"
    yield "    channels:"
    yield f"      {'voice' if names == ('call',) else 'sms'}:"
    yield f"        adapter: {adapter}"
    yield f"        templates: {{{', '.join(f'{name}: …' for name in names)}}}"
    yield ""
