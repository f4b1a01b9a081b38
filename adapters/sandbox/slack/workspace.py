"""What a Slack workspace holds: people, channels and direct messages, and who watches it."""

from __future__ import annotations

import itertools
import secrets
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from adapters.sandbox.watched import Watched

BOT_EVENTS = (
    "app_mention", "message.channels", "message.groups", "message.im", "member_joined_channel", "member_left_channel",
    "channel_created", "channel_archive", "channel_unarchive", "channel_rename", "reaction_added", "reaction_removed",
    "pin_added", "pin_removed",
)  # fmt: skip
SCOPES = (
    "commands", "chat:write", "chat:write.public", "app_mentions:read", "channels:manage", "channels:read",
    "channels:history", "channels:join", "channels:write.invites", "channels:write.topic", "groups:write", "groups:read",
    "groups:history", "groups:write.invites", "groups:write.topic", "im:write", "im:read", "im:history", "users:read",
    "users:read.email", "pins:write", "pins:read", "bookmarks:write", "bookmarks:read", "reactions:write", "reactions:read",
    "files:read",
)  # fmt: skip


@dataclass(slots=True)
class User:
    """Describe one member of the workspace; `restricted` = a guest, `duty` = what a page may show beside the name."""

    id: str
    name: str
    real_name: str
    email: str | None = None
    locale: str = "en-US"
    tz: str = "Etc/UTC"
    is_bot: bool = False
    deleted: bool = False
    restricted: bool = False
    ultra_restricted: bool = False
    duty: str = ""


@dataclass(slots=True)
class Message:
    """Hold one message; `only` = the one person who sees it (an ephemeral), `version` = of its newest change."""

    ts: str
    channel: str
    user: str
    text: str
    thread_ts: str | None = None
    subtype: str | None = None
    bot_id: str | None = None
    blocks: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[dict[str, Any]] = field(default_factory=list)
    metadata: dict[str, Any] | None = None
    edited: dict[str, str] | None = None
    reactions: dict[str, list[str]] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)  # ids of what came with it
    only: str | None = None
    act: int | None = None
    broadcast: bool = False
    deleted: bool = False
    version: int = 0
    state: dict[str, dict[str, Any]] = field(default_factory=dict)  # what people chose in it, by block and action


@dataclass(slots=True)
class Channel:
    """Hold one conversation; a direct one is between the bot and `im`."""

    id: str
    name: str
    creator: str
    created: int
    is_private: bool = False
    im: str | None = None
    members: dict[str, int] = field(default_factory=dict)  # person -> version at which they came in
    archived: bool = False
    topic: dict[str, Any] = field(default_factory=lambda: {"value": "", "creator": "", "last_set": 0})
    purpose: dict[str, Any] = field(default_factory=lambda: {"value": "", "creator": "", "last_set": 0})
    pins: dict[str, tuple[str, int]] = field(default_factory=dict)  # ts -> who, when
    bookmarks: dict[str, dict[str, Any]] = field(default_factory=dict)
    previous_names: list[str] = field(default_factory=list)
    messages: dict[str, Message] = field(default_factory=dict)
    threads: dict[str, list[Message]] = field(default_factory=dict)  # root's ts -> replies
    ephemerals: dict[str, Message] = field(default_factory=dict)
    general: bool = False
    version: int = 0


@dataclass(frozen=True, slots=True)
class App:
    """Name the app that is installed: its ids, secrets, what it was granted and what it listens to."""

    id: str = "A0WARROOM"
    bot_user: str = "U0BOT"
    bot_id: str = "B0BOT"
    bot_name: str = "warroom"
    bot_token: str = "xoxb-0-0-sandbox"
    app_token: str = "xapp-1-A0WARROOM-0-sandbox"
    signing_secret: str = "sandbox-signing-secret"
    verification: str = "sandbox-verification"
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = BOT_EVENTS
    commands: tuple[tuple[str, str, str], ...] = (
        ("/incident", "declare | status | help", "Manage incidents"),
        ("/inc", "declare | status | help", "Manage incidents"),
    )  # word, usage hint, description
    shortcuts: tuple[tuple[str, str, str], ...] = (("declare", "message", "Declare from this message"),)  # callback, kind, name
    should_escape: bool = True


@dataclass(slots=True)
class File:
    """Hold what somebody uploaded, or with `link` what they shared of another service; `channels` = where it was shared."""

    id: str
    name: str
    mimetype: str
    user: str
    created: int
    body: bytes = field(default=b"", repr=False)
    link: str = ""
    channels: list[str] = field(default_factory=list)
    deleted: bool = False


class Workspace(Watched):
    """Keep the state of a workspace and tell those who watch that something changed."""

    def __init__(
        self,
        users: Sequence[User],
        app: App | None = None,
        *,
        team: str = "T0TEAM",
        domain: str = "acme",
        name: str = "Acme",
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__()
        self.app = app or App()
        self.team, self.domain, self.name = team, domain, name
        self.clock = clock
        self.users = {user.id: user for user in users}
        self.users[self.app.bot_user] = User(self.app.bot_user, self.app.bot_name, self.app.bot_name, is_bot=True)
        self.channels: dict[str, Channel] = {}
        self.files: dict[str, File] = {}
        self.base = ""  # under which files are downloaded
        self.heard: Callable[[dict[str, Any]], None] = lambda event: None
        self._ids = itertools.count(1)
        self._last = 0

    # ------------------------------------------------------------ making
    def fresh(self, letter: str) -> str:
        """Make an id that starts with a letter."""
        return f"{letter}{next(self._ids):05d}{secrets.token_hex(2).upper()}"

    def stamp(self) -> str:
        """Make a message's ts, later than every other."""
        self._last = max(self._last + 100, int(self.clock() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"

    def open(self, name: str, creator: str, *, is_private: bool = False, members: Sequence[str] = ()) -> Channel:
        """Open a channel in which its creator is."""
        channel = Channel(self.fresh("C"), name, creator, int(self.clock()), is_private)
        self.channels[channel.id] = channel
        for person in (creator, *members):
            channel.members.setdefault(person, 0)
        channel.version = self.touch()
        return channel

    def direct(self, person: str) -> Channel:
        """Find or open the direct messages between the bot and a person."""
        found = next((c for c in self.channels.values() if c.im == person), None)
        if found is None:
            found = Channel(self.fresh("D"), "", self.app.bot_user, int(self.clock()), im=person)
            found.members = {self.app.bot_user: 0, person: 0}
            self.channels[found.id] = found
            found.version = self.touch()
        return found

    def add(self, message: Message) -> Message:
        """Show a message, in the history or, where it is for one person, outside of it."""
        channel = self.channels[message.channel]
        (channel.ephemerals if message.only else channel.messages)[message.ts] = message
        message.version = self.touch()
        if message.only is None and message.thread_ts:
            channel.threads.setdefault(message.thread_ts, []).append(message)
        if message.only is None:
            shared = {"subtype": "file_share"} if message.files and not message.subtype else {}
            self.tell("message", channel, told(self, message) | shared)
        return message

    def note(self, channel: Channel, user: str, subtype: str, text: str, **more: Any) -> None:
        """Put one of Slack's own lines into a channel's history."""
        message = Message(self.stamp(), channel.id, user, text, subtype=subtype)
        channel.messages[message.ts] = message
        message.version = channel.version = self.touch()
        self.tell("message", channel, told(self, message) | more)

    def change(self, message: Message, **what: Any) -> None:
        """Change a message that is shown."""
        before = told(self, message)
        if "blocks" in what or "attachments" in what:
            message.state = {}
        for name, value in what.items():
            setattr(message, name, value)
        message.version = self.touch()
        channel = self.channels[message.channel]
        if message.only is None and "reactions" not in what:
            word = "message_deleted" if message.deleted else "message_changed"
            event: dict[str, Any] = {
                "type": "message",
                "subtype": word,
                "ts": self.stamp(),
                "hidden": True,
                "previous_message": before,
            }
            event |= {"deleted_ts": message.ts} if message.deleted else {"message": told(self, message)}
            self.tell("message", channel, event)

    def admit(self, channel: Channel, person: str, inviter: str | None = None) -> None:
        """Let a person into a channel."""
        channel.members[person] = self.touch()
        self.note(
            channel, person, "channel_join", f"<@{person}> has joined the channel", **({"inviter": inviter} if inviter else {})
        )
        told_of = {
            "type": "member_joined_channel",
            "user": person,
            "channel_type": "G" if channel.is_private else "C",
            "team": self.team,
        }
        self.tell("member_joined_channel", channel, told_of | ({"inviter": inviter} if inviter else {}))

    def expel(self, channel: Channel, person: str) -> None:
        """Take a person out of a channel."""
        self.note(channel, person, "channel_leave", f"<@{person}> has left the channel")
        heard = {
            "type": "member_left_channel",
            "user": person,
            "channel_type": "G" if channel.is_private else "C",
            "team": self.team,
        }
        self.tell("member_left_channel", channel, heard)
        del channel.members[person]
        channel.version = self.touch()

    def tell(self, kind: str, channel: Channel, event: dict[str, Any]) -> None:
        """Tell the app of an event in a channel where its bot is, if it subscribed to it."""
        if kind == "message":
            surface = "im" if channel.im else "groups" if channel.is_private else "channels"
            event["channel_type"] = {"im": "im", "groups": "group", "channels": "channel"}[surface]
            kind = f"message.{surface}"
        if self.app.bot_user not in channel.members or kind not in self.app.events:
            return
        self.heard({"channel": channel.id, "event_ts": event.get("ts") or self.stamp(), **event})


def told(workspace: Workspace, message: Message, metadata: bool = True) -> dict[str, Any]:
    """Give a message as Slack gives it."""
    said: dict[str, Any] = {
        "type": "message",
        "user": message.user,
        "text": message.text,
        "ts": message.ts,
        "team": workspace.team,
    }
    if message.subtype:
        said["subtype"] = message.subtype
    elif not message.bot_id:
        said["client_msg_id"] = str(uuid.uuid5(uuid.NAMESPACE_URL, f"{message.channel}/{message.ts}"))
    if message.bot_id:
        app = workspace.app
        said |= {
            "bot_id": message.bot_id,
            "app_id": app.id,
            "bot_profile": {"id": app.bot_id, "app_id": app.id, "name": app.bot_name},
        }
    if message.thread_ts:
        said["thread_ts"] = message.thread_ts
    replies = workspace.channels[message.channel].threads.get(message.ts)
    if replies:
        said |= {
            "thread_ts": message.ts, "reply_count": len(replies), "latest_reply": replies[-1].ts,
            "reply_users": sorted({m.user for m in replies}), "reply_users_count": len({m.user for m in replies}),
        }  # fmt: skip
    for name in ("blocks", "attachments", "edited"):
        if getattr(message, name):
            said[name] = getattr(message, name)
    if message.files:
        said |= {"files": [file_told(workspace, workspace.files[ident]) for ident in message.files], "upload": False}
    if metadata and message.metadata:
        said["metadata"] = message.metadata
    if message.reactions:
        said["reactions"] = [{"name": name, "users": who, "count": len(who)} for name, who in message.reactions.items()]
    return said


def file_told(workspace: Workspace, file: File) -> dict[str, Any]:
    """Give a file as Slack gives it: a deleted one is a tombstone."""
    if file.deleted:
        return {"id": file.id, "mode": "tombstone"}
    where = file.link or f"{workspace.base}/files-pri/{workspace.team}-{file.id}/{quote(file.name)}"
    download = "" if file.link else f"{workspace.base}/files-pri/{workspace.team}-{file.id}/download/{quote(file.name)}"
    return {
        "id": file.id, "created": file.created, "timestamp": file.created, "name": file.name, "title": file.name,
        "mimetype": file.mimetype, "filetype": file.name.rpartition(".")[2], "user": file.user, "size": len(file.body),
        "mode": "external" if file.link else "hosted", "is_external": bool(file.link), "is_public": False,
        "public_url_shared": False, "url_private": where, "channels": list(file.channels), "file_access": "visible",
    } | ({"url_private_download": download} if download else {})  # fmt: skip
