"""WeCom's intelligent bot with its stand-in, connected."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator

from adapters.chat import wecom_bot
from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.cards import drawn
from adapters.sandbox.wecom.corp import BOT, Message
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from tests.contract.rig import Rig, SystemClock

CALLED = re.compile(r"<@([^<>\s]+)>")


def shown(message: Message) -> str:
    """Draw a message as its readers see it: mark-up undone, a fact as `label：value`."""
    if message.card is None:
        return re.sub(r"\*\*([^*\n]+)\*\*", r"\1", message.text)
    card = drawn(message.card, True)
    rows = [f"{row['keyname']}：{row['value']}" for row in card["rows"]]
    buttons = [f"[{button['text']}]" for button in card["buttons"]]
    return "\n".join([card["source"]["desc"], card["title"], card["desc"], card["sub_title_text"], *rows, *buttons])


def settings(standin: WeCom, url: str, **more: object) -> wecom_bot.Config:
    """Configure the adapter as the stand-in's administrator would."""
    bot = standin.bot
    keys = {"bot_id": bot.id, "secret": bot.secret, "name": bot.name, "url": url}
    return wecom_bot.Config.model_validate({**keys, **more})


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run the stand-in and connect the adapter to it."""
    standin = WeCom(company.users(), company.chats(), limited=False)
    standin.corp.spoke.add("zhang")
    async with WeComSandbox(standin) as sandbox:
        chat = wecom_bot.connect("wecom_bot", settings(standin, sandbox.ws_url, chat_per_minute=1000), SystemClock())
        corp = standin.corp
        group = next(g for g in corp.groups.values() if g.name == "incidents")

        async def deaf(inbound: object) -> object:
            raise AssertionError("nobody speaks here")

        listening = asyncio.ensure_future(chat.listen(deaf))  # type: ignore[arg-type]

        def said(where: str) -> list[Message]:
            ident = group.id if where == group.chatid else f"{BOT}:{where.removeprefix('@')}"
            return [m for m in corp.messages if m.chat == ident and m.author == BOT and m.kind != "note"]

        def pinged() -> set[str]:
            ours = [m for m in corp.messages if m.author == BOT]
            return {name for m in ours for name in CALLED.findall(m.text)}

        try:
            async with asyncio.timeout(40):
                while standin.hub.live is None:  # noqa: ASYNC110  (the stand-in tells nobody)
                    await asyncio.sleep(0.005)
            yield Rig(
                chat, group.chatid, "zhang", lambda where: [shown(m) for m in said(where)], lambda: len(standin.log.calls), pinged
            )
        finally:
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await chat.close()
