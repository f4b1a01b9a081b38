"""WeCom's self-built app with its stand-in; nothing here waits for a delivery, and so there is an address to knock at."""

from __future__ import annotations

import contextlib
import re
from collections.abc import AsyncIterator

from adapters.chat import wecom
from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.cards import drawn
from adapters.sandbox.wecom.corp import APP, Message
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from tests.contract.rig import Rig, SystemClock

CALLED = re.compile(r"<@([^<>\s]+)>")


def shown(message: Message) -> str:
    """Draw a message as its readers see it: mark-up undone, a fact as `label：value`."""
    if message.card is None:
        words = re.sub(r"</?font[^>]*>", "", message.text)
        return re.sub(r"\*\*([^*\n]+)\*\*", r"\1", words) if message.kind == "markdown" else words
    card = drawn(message.card, message.author != APP)
    rows = [f"{row['keyname']}：{row['value']}" for row in card["rows"]]
    buttons = [f"[{button['text']}]" for button in card["buttons"]]
    return "\n".join([card["source"]["desc"], card["title"], card["desc"], card["sub_title_text"], *rows, *buttons])


def settings(standin: WeCom, url: str, **more: object) -> wecom.Config:
    """Configure the adapter as the stand-in's administrator would."""
    app = standin.app
    keys = {
        "corp_id": app.corpid, "agent_id": app.agentid, "secret": app.secret, "token": app.token, "aes_key": app.aes_key,
        "api_url": url, "company": ["li"],
    }  # fmt: skip
    return wecom.Config.model_validate({**keys, **more})


@contextlib.asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Run the stand-in and connect the adapter to it."""
    standin = WeCom(company.users(), company.chats(), request_url="http://127.0.0.1:9/", limited=False)
    async with WeComSandbox(standin) as sandbox:
        chat = wecom.connect("wecom", settings(standin, sandbox.url), SystemClock())
        corp = standin.corp

        def said(where: str) -> list[Message]:
            group = corp.by_appchat(where)
            ident = group.id if group is not None else f"{APP}:{where.removeprefix('@')}"
            return [m for m in corp.messages if m.chat == ident and m.author == APP and m.kind != "note"]

        def pinged() -> set[str]:
            ours = [m for m in corp.messages if m.author == APP]
            return {name for m in ours for name in (*CALLED.findall(m.text), *m.mentions)}

        try:
            yield Rig(
                chat, "incidents", "zhang", lambda where: [shown(m) for m in said(where)], lambda: len(standin.log.calls),
                pinged, push_only=True,
            )  # fmt: skip
        finally:
            await chat.close()
