"""What people do in Slack: type, call commands, press, choose, fill in, send; each only where they see it."""

from __future__ import annotations

import html
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.pages import Cannot
from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack import parcels
from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.blocks import pressed
from adapters.sandbox.slack.channels import archived
from adapters.sandbox.slack.choices import taken
from adapters.sandbox.slack.courier import Courier
from adapters.sandbox.slack.marks import EMOJI, pinned, reacted
from adapters.sandbox.slack.mentions import typed
from adapters.sandbox.slack.modals import Windows, elements
from adapters.sandbox.slack.parcels import Outcome, Parcel
from adapters.sandbox.slack.responses import Responses, Ticket
from adapters.sandbox.slack.workspace import Channel, File, Message, User, Workspace

_CARD = ("actions", "section", "input")


@dataclass(slots=True)
class Act:
    """Hold one thing that a person did; `state` is waiting, done or failed (with Slack's `error`)."""

    n: int
    person: str
    what: str
    channel: str | None
    state: str = "waiting"
    error: str = ""
    version: int = 0


class People:
    """Act for people. Every act raises `Cannot` when its person does not see what it needs."""

    def __init__(self, workspace: Workspace, windows: Windows, responses: Responses, courier: Courier) -> None:
        self.workspace = workspace
        self.windows = windows
        self.responses = responses
        self.courier = courier
        self.acts: list[Act] = []

    # ------------------------------------------------------------ what a person sees
    def user(self, person: str) -> User:
        """Find who acts."""
        user = self.workspace.users.get(person)
        if user is None or user.is_bot or user.deleted:
            raise Cannot(f"nobody plays {person!r}")
        return user

    def seen(self, person: str, ident: str, *, open_only: bool = True) -> Channel:
        """Find a channel in which a person is; the bot's user id stands for the direct messages with it."""
        user = self.user(person)
        if ident == self.workspace.app.bot_user:
            return self.workspace.direct(user.id)
        channel = self.workspace.channels.get(ident)
        if channel is None or person not in channel.members:
            raise Cannot(f"{person} is not in a channel {ident!r}")
        if channel.archived and open_only:
            raise Cannot(f"the channel {channel.name} is archived")
        return channel

    def message(self, person: str, ident: str, ts: str) -> Message:
        """Find a message that a person sees, as it is now."""
        channel = self.seen(person, ident)
        message = channel.messages.get(ts) or channel.ephemerals.get(ts)
        if message is None or message.deleted or message.only not in (None, person):
            raise Cannot(f"{person} sees no message {ts} there")
        return message

    # ------------------------------------------------------------ typing
    def type(self, person: str, ident: str, text: str, thread: str | None = None) -> str:
        """Send a message; gives its ts. A first word that is a command is not a message."""
        channel = self.seen(person, ident)
        if not text.strip():
            raise Cannot("there is nothing to send")
        if re.match(r"/[a-z]", text):
            raise Cannot("that is a slash command" if thread is None else "slash commands do not work in threads")
        if thread is not None:
            root = self.message(person, ident, thread)
            if root.only is not None:
                raise Cannot("there are no replies to what only one person sees")
            thread = root.thread_ts or root.ts
        said = Message(
            self.workspace.stamp(), channel.id, person, typed(self.workspace, text)[: at_most.TEXT_CHARS], thread_ts=thread
        )
        self.workspace.add(said)
        app = self.workspace.app
        if f"<@{app.bot_user}>" in said.text and not channel.im:
            event = {"type": "app_mention", "user": person, "text": said.text, "ts": said.ts, "team": self.workspace.team}
            self.workspace.tell("app_mention", channel, event | ({"thread_ts": thread} if thread else {}))
        return said.ts

    def share(
        self, person: str, ident: str, name: str, mimetype: str, body: bytes, text: str = "", link: str = ""
    ) -> str:  # fmt: skip
        """Send a message with a file, or with a `link` to one of another service; gives its ts."""
        channel = self.seen(person, ident)
        if not name or not (body or link) or len(body) > at_most.FILE_BYTES:
            raise Cannot("that is no file to send")
        file = File(
            self.workspace.fresh("F"), name, mimetype, person, int(self.workspace.clock()), body, link, [channel.id]
        )  # fmt: skip
        self.workspace.files[file.id] = file
        said = Message(self.workspace.stamp(), channel.id, person, typed(self.workspace, text)[: at_most.TEXT_CHARS])
        said.files = [file.id]
        return self.workspace.add(said).ts

    def unshare(self, person: str, ident: str, ts: str) -> None:
        """Delete the files of one's own message; it stays."""
        message = self.message(person, ident, ts)
        if message.user != person or not message.files:
            raise Cannot("only one's own files can be deleted")
        for one in message.files:
            self.workspace.files[one].deleted = True
        message.version = self.workspace.touch()

    def slash(self, person: str, ident: str, line: str, thread: str | None = None) -> Act:
        """Call a slash command in a channel."""
        user, channel = self.user(person), self.seen(person, ident)
        word, _, text = line.strip().partition(" ")
        if thread is not None:
            raise Cannot("slash commands do not work in threads")
        if word not in (known for known, _, _ in self.workspace.app.commands):
            raise Cannot(f"{word} is not a valid command")
        said = (
            typed(self.workspace, text.strip(), named=True)
            if self.workspace.app.should_escape
            else html.escape(text.strip(), quote=False)
        )
        act = self.act(person, line, channel.id)
        url = self.responses.issue(person, channel.id, act=act.n)
        parcel = parcels.command(self.workspace, user, channel, word, said, self.windows.trigger(person), url)

        async def done(outcome: Outcome) -> None:
            if not outcome.error and outcome.answer:
                ticket = Ticket(person, channel.id, 0.0, act=act.n)
                try:
                    self.responses.say(ticket, Args(outcome.answer))
                except No as no:
                    outcome = Outcome(error=no.error)
            if outcome.error:
                words = f"{word} failed with the error “{outcome.error}”"
                self.workspace.add(Message(self.workspace.stamp(), channel.id, "USLACKBOT", words, only=person, act=act.n))
            self.over(act, outcome.error)

        return self.carry(parcel, act, done)

    # ------------------------------------------------------------ messages
    def press(self, person: str, ident: str, ts: str, block: str, action: str, value: Any = None, confirmed: bool = False) -> Act:
        """Press a button or choose something on a message, on what it shows now."""
        user, message = self.user(person), self.message(person, ident, ts)
        shown = [*message.blocks, *(b for a in message.attachments for b in a.get("blocks", []))]
        element = find_element(shown, block, action)
        said = self.chosen(element, block, value, confirmed)
        if element["type"] != "button":
            message.state.setdefault(block, {})[action] = {k: said[k] for k in said if k == "type" or k.startswith("selected_")}
            message.version = self.workspace.touch()
        act = self.act(person, action, message.channel)
        url = self.responses.issue(person, message.channel, message, act.n)
        return self.carry(parcels.pressed(self.workspace, user, message, said, self.windows.trigger(person), url), act)

    def chosen(self, element: dict[str, Any], block: str, value: Any, confirmed: bool) -> dict[str, Any]:
        """Say what pressing or choosing means, as Slack sends it; a question must be answered first."""
        if element.get("confirm") and not confirmed:
            raise Cannot("it asks first", confirm=element["confirm"])
        kept: dict[str, Any] = {
            k: element[k] for k in ("type", "action_id", "text", "value", "style", "placeholder") if k in element
        }
        kept |= {k: v for k, v in element.items() if k.startswith("initial_")}
        return {**kept, "block_id": block} | ({} if element["type"] == "button" else taken(self.workspace, element, value))

    def shortcut(self, person: str, callback: str, ident: str | None = None, ts: str | None = None) -> Act:
        """Choose a shortcut of the app, on a message or anywhere."""
        user = self.user(person)
        kind = "message" if ts else "global"
        if (callback, kind) not in ((known, where) for known, where, _ in self.workspace.app.shortcuts):
            raise Cannot(f"there is no shortcut {callback!r} {'on a message' if ts else 'here'}")
        message = self.message(person, ident or "", ts) if ts else None
        if message is not None and message.only is not None:
            raise Cannot("there are no shortcuts on what only you see")
        act = self.act(person, callback, message.channel if message else None)
        url = self.responses.issue(person, message.channel, act=act.n) if message else ""
        return self.carry(parcels.shortcut(self.workspace, user, callback, self.windows.trigger(person), message, url), act)

    def react(self, person: str, ident: str, ts: str, name: str, now: bool = True) -> None:
        """Put a reaction on a message, or take it away."""
        message = self.message(person, ident, ts)
        if message.only is not None or not EMOJI.fullmatch(name):
            raise Cannot("that cannot be put there")
        if (person in message.reactions.get(name, [])) == now:
            raise Cannot("it is so already")
        reacted(self.workspace, message, person, name, now)

    def edit(self, person: str, ident: str, ts: str, text: str) -> None:
        """Change one's own message."""
        message = self.message(person, ident, ts)
        if message.user != person or message.only or message.subtype or not text.strip():
            raise Cannot("only one's own message can be changed")
        self.workspace.change(message, text=typed(self.workspace, text), edited={"user": person, "ts": self.workspace.stamp()})

    def delete(self, person: str, ident: str, ts: str) -> None:
        """Delete one's own message."""
        message = self.message(person, ident, ts)
        if message.user != person or message.only or message.subtype:
            raise Cannot("only one's own message can be deleted")
        self.workspace.change(message, deleted=True)
        self.workspace.channels[message.channel].pins.pop(ts, None)

    def pin(self, person: str, ident: str, ts: str) -> None:
        """Pin a message to its channel."""
        message = self.message(person, ident, ts)
        if message.only or message.subtype or ts in self.workspace.channels[message.channel].pins:
            raise Cannot("that cannot be pinned")
        pinned(self.workspace, message, person)

    # ------------------------------------------------------------ channels
    def join(self, person: str, ident: str) -> None:
        """Go into a public channel."""
        channel = self.workspace.channels.get(ident)
        user = self.user(person)
        if channel is None or channel.is_private or channel.im or channel.archived or user.restricted or user.ultra_restricted:
            raise Cannot(f"{person} cannot join {ident!r}")
        if person in channel.members:
            raise Cannot(f"{person} is there already")
        self.workspace.admit(channel, person)

    def leave(self, person: str, ident: str) -> None:
        """Leave a channel."""
        channel = self.seen(person, ident)
        if channel.im or channel.general:
            raise Cannot("nobody leaves that")
        self.workspace.expel(channel, person)

    def invite(self, person: str, ident: str, whom: str) -> None:
        """Bring somebody, or the bot, into a channel where one is."""
        channel = self.seen(person, ident)
        if channel.im or whom not in self.workspace.users or whom in channel.members:
            raise Cannot(f"{whom!r} cannot be brought there")
        self.workspace.admit(channel, whom, person)

    def archive(self, person: str, ident: str, now: bool = True) -> None:
        """Archive a channel or take it back, as a person may and a bot may not."""
        channel = self.seen(person, ident, open_only=False)
        if channel.im or channel.general or channel.archived == now:
            raise Cannot("that cannot be archived" if now else "that is not archived")
        archived(self.workspace, channel, person, now)

    # ------------------------------------------------------------ deliveries
    def act(self, person: str, what: str, channel: str | None) -> Act:
        """Note that somebody began to do something of which the app hears."""
        act = Act(len(self.acts) + 1, person, what, channel, version=self.workspace.touch())
        self.acts.append(act)
        return act

    def over(self, act: Act, error: str) -> None:
        """Note what became of it."""
        act.state, act.error = "failed" if error else "done", error
        act.version = self.workspace.touch()

    def carry(self, parcel: Parcel, act: Act, done: Callable[[Outcome], Awaitable[None]] | None = None) -> Act:
        """Deliver it; without `done` only the outcome is noted."""

        async def over(outcome: Outcome) -> None:
            self.over(act, outcome.error)

        self.courier.carry(parcel, done or over)
        return act


def find_element(blocks: list[dict[str, Any]], block: str, action: str) -> dict[str, Any]:
    """Find an element that is drawn."""
    for one in blocks:
        if one.get("block_id") == block and one["type"] in _CARD:
            for element in pressed(one):
                if element["action_id"] == action:
                    return element
    drawn = [(b["block_id"], e["action_id"]) for b, e in elements({"blocks": blocks})]
    raise Cannot(f"there is no {action!r} in {block!r}; there are {drawn}")
