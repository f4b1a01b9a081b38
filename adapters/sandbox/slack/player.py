"""Plays people of a Slack workspace over the stand-in's page routes: a player sees and does only what is drawn."""

from __future__ import annotations

import html
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

from adapters.sandbox.players import WAIT, ChatPlayer, ChatSight, ChatStage, NotSeen, Raw
from adapters.sandbox.slack.drawn import Seen, blocks_of, called, drawn, fields, seen


@dataclass(slots=True)
class Sight(ChatSight):
    """Hold everything that one player sees so far."""

    messages: dict[tuple[str, str], Seen] = field(default_factory=dict)
    modal: Raw | None = None


class Player(ChatPlayer[Seen]):
    """Be one person. A channel is given by name or id, None = the direct messages with the bot."""

    sight: Sight
    titled = ("name", "topic")
    alone = "im"

    def __init__(self, stage: Stage, ident: str) -> None:
        super().__init__(stage, ident)
        self.sight = Sight()

    # ------------------------------------------------------------ typing
    async def says(self, text: str, channel: str | None = None, *, thread: str | None = None) -> str:
        """Type a message; gives its ts."""
        done = await self._do("type", channel=await self.channel(channel), text=text, thread_ts=thread)
        self._stage.note(self.id, channel, text)
        return str(done["ts"])

    async def share(
        self, name: str, kind: str, body: bytes, channel: str | None = None, *, text: str = "", link: str = ""
    ) -> str:  # fmt: skip
        """Send a message with a file; gives its ts."""
        given = {"name": name, "type": kind, "body": b64encode(body).decode(), "text": text, "link": link}
        done = await self._do("share", channel=await self.channel(channel), **given)
        self._stage.note(self.id, channel, f"{text} [{name}]".strip())
        return str(done["ts"])

    async def unshare(self, channel: str | None, ts: str) -> None:
        """Delete the files of one's own message."""
        await self._do("unshare", channel=await self.channel(channel), ts=ts)

    async def slash(self, line: str, channel: str | None = None, *, deadline: float = WAIT) -> str:
        """Call a slash command and give what its acknowledgement showed; raises NotSeen if Slack showed an error."""
        done = await self._do("slash", channel=await self.channel(channel), text=line)
        self._stage.note(self.id, channel, line)
        act = await self._taken(done, deadline, line)
        answers = [m for m in self.sight.messages.values() if m.act == act["n"]]
        for answer in answers:
            self._stage.show(answer, self.id)
        return "\n".join(m.shown for m in sorted(answers, key=lambda m: m.ts))

    # ------------------------------------------------------------ pressing
    async def click(
        self, label: str, channel: str | None = None, *, on: Seen | None = None, confirm: bool = True, deadline: float = WAIT
    ) -> Seen:
        """Press a button on the newest message that draws it (or on this one), waiting for it; gives that message.

        A question that Slack asks first is answered with yes, or with `confirm` False with no: then NotSeen is raised.
        """
        return await self._press(label, channel, None, on, confirm, deadline)

    async def choose(
        self, select: str, value: Any, channel: str | None = None, *, on: Seen | None = None, deadline: float = WAIT
    ) -> Seen:
        """Choose in a select, person or date picker, named by its placeholder or action_id."""
        return await self._press(select, channel, value, on, True, deadline)

    async def _press(
        self, label: str, channel: str | None, value: Any, on: Seen | None, confirm: bool, deadline: float
    ) -> Seen:  # fmt: skip
        ident = on.channel if on is not None else await self.channel(channel)

        def found() -> tuple[Seen, Raw, Raw] | None:
            for message in self.heard(ident, newest_first=True):
                if on is None or message.ts == on.ts:
                    for block, element in drawn(blocks_of(message.raw)):
                        if called(element, label) and (element["type"] == "button") == (value is None):
                            return message, block, element
            return None

        message, block, element = await self._until(found, deadline, f"{label!r} to press in {channel or 'the direct messages'}")
        if element.get("confirm") and not confirm:
            raise NotSeen(f"it asks: {element['confirm']['title']['text']}")
        place = {"channel": message.channel, "ts": message.ts, "block_id": block["block_id"], "action_id": element["action_id"]}
        done = await self._do("press", **place, value=value, confirmed="confirm" in element)
        self._stage.note(self.id, channel, f"▷ {label}" + (f" = {value}" if value is not None else ""))
        await self._taken(done, max(deadline, WAIT), label)
        return message

    async def shortcut(self, callback: str, on: Seen | None = None, *, deadline: float = WAIT) -> None:
        """Choose a shortcut of the app, on a message or anywhere."""
        place = {"channel": on.channel, "ts": on.ts} if on is not None else {}
        done = await self._do("shortcut", callback_id=callback, **place)
        self._stage.note(self.id, None, f"▷ {callback}")
        await self._taken(done, deadline, callback)

    async def react(self, on: Seen, name: str, now: bool = True) -> None:
        """Put a reaction on a message, or take it away."""
        await self._do("react", channel=on.channel, ts=on.ts, name=name, now=now)

    async def pin(self, channel: str | None, ts: str) -> None:
        """Pin a message."""
        await self._do("pin", channel=await self.channel(channel), ts=ts)

    async def edit(self, channel: str | None, ts: str, text: str) -> None:
        """Change one's own message."""
        await self._do("edit", channel=await self.channel(channel), ts=ts, text=text)

    async def delete(self, channel: str | None, ts: str) -> None:
        """Delete one's own message."""
        await self._do("delete", channel=await self.channel(channel), ts=ts)

    async def join(self, channel: str) -> None:
        """Go into a public channel."""
        await self._do("join", channel=await self.channel(channel))

    # ------------------------------------------------------------ modals
    async def form(self, pattern: str = "", *, deadline: float = WAIT) -> Raw:
        """Wait for a modal whose title matches and give it."""

        def found() -> Raw | None:
            modal = self.sight.modal
            return modal if modal is not None and re.search(pattern, modal["view"]["title"]["text"]) else None

        return await self._until(found, deadline, f"a form {pattern!r}")

    async def fill(self, label: str, value: Any) -> None:
        """Fill in a field of the open modal, named by its label or action_id."""
        modal = await self.form()
        for block, element in drawn(modal["view"]["blocks"]):
            if called(element, label) or block.get("label", {}).get("text") == label:
                place = {"view_id": modal["id"], "block_id": block["block_id"], "action_id": element["action_id"]}
                done = await self._do("fill", **place, value=value, confirmed="confirm" in element)
                self._stage.note(self.id, None, f"{label}: {value}")
                if "act" in done:
                    await self._over(done, WAIT, label)
                await self.look()
                return
        raise NotSeen(f"there is no field {label!r} in {modal['view']['title']['text']!r}: {fields(modal)}")

    async def submit(self, *, deadline: float = WAIT) -> dict[str, str]:
        """Send the open modal; gives what was wrong by block, empty if it was taken."""
        modal = await self.form()
        done = await self._do("submit", view_id=modal["id"])
        self._stage.note(self.id, None, f"▷ {modal['view']['submit']['text']}")
        if "act" not in done:
            await self.look()
        else:
            await self._taken(done, deadline, "the form")
        same = self.sight.modal is not None and self.sight.modal["id"] == modal["id"]
        return dict(self.sight.modal["errors"]) if same and self.sight.modal is not None else {}

    async def dismiss(self) -> None:
        """Close the open modal."""
        await self._do("close", view_id=(await self.form())["id"])

    # ------------------------------------------------------------ seeing
    def _is_card(self, message: Seen) -> Any:
        return blocks_of(message.raw)

    def _take(self, page: Raw) -> None:
        sight = self.sight
        sight.modal, sight.bot = page["modal"], page.get("bot", sight.bot)
        sight.channels |= {channel["id"]: channel for channel in page["channels"]}
        for said in page["messages"]:
            if said["deleted"]:
                sight.messages.pop((said["channel"], said["ts"]), None)
            else:
                sight.messages[said["channel"], said["ts"]] = seen(said)
        super()._take(page)

    def _recent(self) -> str:
        return f"{super()._recent()}\n  {f'form: {fields(self.sight.modal)}' if self.sight.modal else 'no form'}"


class Stage(ChatStage[Player]):
    """Open a stand-in for any number of players; `write` is told the transcript, line by line."""

    called: ClassVar = "real_name"

    def _enter(self, ident: str) -> Player:
        return Player(self, ident)

    def learn(self, channels: Mapping[str, Raw]) -> None:
        """Know channels by name in the transcript; an incident's room by its number."""
        for ident, channel in channels.items():
            found = re.match(r"(drill-)?f-\d{8}-\d{3}", channel["name"])
            self._places[ident] = "" if channel["im"] else f"#{found[0] if found else channel['name']}"
            self._places[channel["name"]] = self._places[ident]

    def _legible(self, text: str) -> str:
        """Undo mark-up: a label stands before its value, an instant is its fallback, an account its name."""
        text = re.sub(r"(?m)^\*([^*\n]+)\*\n", r"\1  ", text)
        text = re.sub(r"<!date\^[^|>]*\|([^>]*)>", r"\1", text)
        text = re.sub(r"<@(\w+)[^>]*>", lambda found: "@" + self.names.get(found[1], found[1]), text)
        return html.unescape(re.sub(r"<[^|>]*\|([^>]*)>", r"\1", text))
