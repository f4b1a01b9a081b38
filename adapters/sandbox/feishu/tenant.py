"""What a Feishu tenant holds: people, groups, messages and the app, and who watches it."""

from __future__ import annotations

import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.watched import Watched

SCOPES = (
    "im:message", "im:message:send_as_bot", "im:message:update", "im:message:recall", "im:message:readonly",
    "im:message.group_at_msg:readonly", "im:message.group_msg", "im:message.p2p_msg:readonly", "im:message.pins:read",
    "im:message.pins:write_only", "im:message.reactions:read", "im:message.reactions:write_only", "im:message.urgent",
    "im:message.urgent:sms", "im:message.urgent:phone", "im:chat", "im:chat:create", "im:chat:read", "im:chat:update",
    "im:chat:delete", "im:chat.members:read", "im:chat.members:write_only", "im:chat.managers:write_only",
    "im:chat.tabs:read", "im:chat.tabs:write_only", "im:chat.top_notice:write_only", "im:chat.moderation:read",
    "im:chat:moderation:write_only", "im:resource", "contact:user.id:readonly", "contact:user.base:readonly",
    "contact:user.email:readonly", "contact:user.employee_id:readonly", "application:app_slash_command:read",
    "application:app_slash_command:write",
)  # fmt: skip
EVENTS = (
    "im.message.receive_v1", "application.bot.menu_v6", "im.chat.disbanded_v1", "im.chat.updated_v1",
    "im.chat.member.bot.added_v1", "im.chat.member.bot.deleted_v1", "im.chat.member.user.added_v1",
    "im.chat.member.user.withdrawn_v1", "im.chat.member.user.deleted_v1", "im.message.reaction.created_v1",
    "im.message.reaction.deleted_v1", "im.message.recalled_v1", "im.chat.access_event.bot_p2p_chat_entered_v1",
)  # fmt: skip


@dataclass(slots=True)
class User:
    """Describe one person.

    `available` = the app's availability covers them, `visible` = the contact scope does; `resigned` people stay known.
    """

    id: str  # open_id
    name: str
    email: str | None = None
    mobile: str | None = None
    en_name: str = ""
    locale: str = "zh-CN"
    available: bool = True
    visible: bool = True
    resigned: bool = False
    online: bool = True
    duty: str = ""

    @property
    def user_id(self) -> str:
        """Give the id in the tenant."""
        return "e" + self.id.removeprefix("ou_")

    @property
    def union_id(self) -> str:
        """Give the id that the developer's apps share."""
        return "on_" + self.id.removeprefix("ou_")


@dataclass(slots=True)
class Message:
    """Hold one message; `only` = the one person who sees it (an ephemeral card), `version` = of its newest change."""

    id: str
    chat: str
    sender: str  # an open_id, or the app's id
    kind: str
    content: str
    created: float  # seconds of the tenant's clock
    root: str = ""
    parent: str = ""
    thread: str = ""
    updated: float = 0.0
    recalled: bool = False
    edits: int = 0
    only: str | None = None
    mentions: list[dict[str, Any]] = field(default_factory=list)
    reactions: dict[str, tuple[str, str, float]] = field(default_factory=dict)  # id -> emoji, who, when
    urgent: dict[str, list[str]] = field(default_factory=dict)  # app | sms | phone -> people
    drafts: dict[str, dict[str, Any]] = field(default_factory=dict)  # person -> what they typed and chose in the card
    card: dict[str, Any] | None = None
    drawn: int = 0  # how often the card was drawn anew
    version: int = 0


@dataclass(slots=True)
class Chat:
    """Hold one group, or the direct chat of the bot with `p2p`."""

    id: str
    name: str
    owner: str
    created: float
    creator: str = ""  # stays who it was when the owner changes
    description: str = ""
    kind: str = "private"  # or public
    p2p: str | None = None
    topics: bool = False
    members: dict[str, int] = field(default_factory=dict)  # person -> version at which they came in
    bot: bool = True
    managers: set[str] = field(default_factory=set)
    moderation: str = "all_members"
    moderators: set[str] = field(default_factory=set)
    pins: dict[str, tuple[str, float]] = field(default_factory=dict)  # message -> who, when
    tabs: dict[str, dict[str, Any]] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)
    settings: dict[str, Any] = field(default_factory=dict)
    messages: dict[str, Message] = field(default_factory=dict)
    disbanded: bool = False
    version: int = 0


@dataclass(frozen=True, slots=True)
class App:
    """Name the app that is installed: its ids, secrets, what it was granted and what it listens to."""

    id: str = "cli_warroom"
    secret: str = "sandbox-app-secret"
    bot: str = "ou_bot"
    name: str = "warroom"
    encrypt_key: str = ""
    verification: str = "sandbox-verification"
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = EVENTS
    callbacks: bool = True  # card.action.trigger is switched on
    menu: tuple[tuple[str, str], ...] = (("declare", "声明故障"),)  # event_key, what is drawn


class Tenant(Watched):
    """Keep the state of a tenant and tell those who watch that something changed."""

    def __init__(
        self, users: Sequence[User], app: App | None = None, *, key: str = "t_acme", clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self.app = app or App()
        self.key = key
        self.ahead = 0.0  # seconds by which the clock was moved
        self.users = {user.id: user for user in users}
        self.chats: dict[str, Chat] = {}
        self.messages: dict[str, Message] = {}
        self.images: dict[str, bytes] = {}
        self.files: dict[str, bytes] = {}
        self.commands: dict[str, dict[str, Any]] = {}
        self.heard: Callable[[str, dict[str, Any]], None] = lambda kind, event: None
        self._clock = clock
        self._ids = itertools.count(1)
        self._last = 0.0

    @property
    def now(self) -> float:
        """Give the tenant's time in seconds."""
        return self._clock() + self.ahead

    # ------------------------------------------------------------ making
    def fresh(self, prefix: str) -> str:
        """Make an id; later ones sort after earlier ones."""
        return f"{prefix}{next(self._ids):06d}{secrets.token_hex(8)}"

    def stamp(self) -> float:
        """Make a time for a message, later than every other."""
        self._last = max(self._last + 0.001, self.now)
        return self._last

    def open(self, name: str, owner: str, members: Sequence[str] = (), *, bot: bool = True, **more: Any) -> Chat:
        """Open a group."""
        chat = Chat(self.fresh("oc_"), name, owner, self.now, bot=bot, **{"creator": owner, **more})
        self.chats[chat.id] = chat
        chat.members = dict.fromkeys(members, 0)
        if owner in self.users:
            chat.members.setdefault(owner, 0)
        chat.version = self.touch()
        return chat

    def direct(self, person: str) -> Chat:
        """Find or open the direct chat of the bot with a person."""
        found = next((c for c in self.chats.values() if c.p2p == person), None)
        if found is None:
            found = Chat(self.fresh("oc_"), "", self.app.id, self.now, p2p=person, members={person: 0})
            self.chats[found.id] = found
            found.version = self.touch()
        return found

    def add(self, message: Message) -> Message:
        """Show a message."""
        chat = self.chats[message.chat]
        chat.messages[message.id] = self.messages[message.id] = message
        message.version = self.touch()
        return message

    def change(self, message: Message, **what: Any) -> None:
        """Change a message that is shown."""
        for name, value in what.items():
            setattr(message, name, value)
        message.version = self.touch()

    def tell(self, kind: str, event: dict[str, Any], chat: Chat | None = None) -> None:
        """Tell the app of an event, if it subscribed to it and its bot is there."""
        if kind in self.app.events and (chat is None or chat.bot):
            self.heard(kind, event)


def ids(user: User) -> dict[str, str]:
    """Give the three ids of a person as events carry them."""
    return {"open_id": user.id, "user_id": user.user_id, "union_id": user.union_id}
