"""What a company in WeCom holds: people, groups, messages, and who watches."""

from __future__ import annotations

import base64
import hashlib
import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from adapters.sandbox.watched import Watched
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.crypt import BLOCK

MEDIA = "/media/"
APP, BOT = "app", "bot"  # as author of a message, as member of a group, and as name of one's direct chat with it
Card = dict[str, Any]


@dataclass(slots=True)
class User:
    """Describe one member; `visible` = inside the app's visible range, `gone` = left the company."""

    id: str
    name: str
    mobile: str = ""
    email: str = ""
    duty: str = ""  # what a page may show beside the name
    lang: str = "zh"
    visible: bool = True
    gone: bool = False


@dataclass(slots=True)
class App:
    """Describe the self-built app as its administrator set it up.

    `root` = the root department is its visible range; `phone` = linked | unlinked | off | empty (紧急通知);
    `sensitive` = user/get gives mobile and e-mail; `passive_spends` = a card in the answer to a click uses up its code.
    """

    corpid: str = "wwsandbox0corp"
    agentid: int = 1000002
    secret: str = "sandbox-app-secret"
    token: str = "sandboxToken"
    aes_key: str = "c2FuZGJveC1zYW5kYm94LXNhbmRib3gtc2FuZGJveC0"
    name: str = "应急助手"
    root: bool = True
    phone: str = "linked"
    sensitive: bool = False
    passive_spends: bool = False


@dataclass(slots=True)
class Bot:
    """Describe the intelligent bot as its administrator set it up.

    `group_push` = False answers pushes to groups with 600039, as some tenants see it; `everybody` = an update without
    userids replaces the card for all who see it; `open_userids` = people are named by ciphertext; `throttled` = the code
    above the budget of a chat (846607 is seen in the field too).
    """

    id: str = "aibSandboxWarroom"
    secret: str = "sandbox-bot-secret"
    name: str = "应急机器人"
    group_push: bool = True
    everybody: bool = True
    open_userids: bool = False
    throttled: int = 45009


@dataclass(slots=True)
class Group:
    """Hold one group. `appchat` = its id for the app that made it, `chatid` = its id for the bot: two namespaces."""

    id: str
    name: str
    owner: str
    members: dict[str, int]  # person -> version at which they came in
    chatid: str
    appchat: str | None = None
    bot: bool = False  # the bot is inside, because somebody added it by hand
    active: bool = False  # somebody spoke to the bot here
    version: int = 0

    @property
    def push_only(self) -> bool:
        """Say whether nobody hears what is said here."""
        return self.appchat is not None and not self.bot


@dataclass(slots=True)
class Message:
    """Hold one message; `chat` is a group's id, or `app:<userid>` or `bot:<userid>`.

    `own` = what single people see instead of `card`; `chosen` = what they chose in it; `hidden` = to whom it was dropped.
    """

    n: int
    chat: str
    author: str
    kind: str
    text: str
    at: float
    card: Card | None = None
    msgid: str = ""
    mentions: tuple[str, ...] = ()
    own: dict[str, Card] = field(default_factory=dict)
    chosen: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    hidden: set[str] = field(default_factory=set)
    quote: int | None = None
    deleted: bool = False
    body: bytes = field(default=b"", repr=False)  # of a picture or file
    version: int = 0

    def card_of(self, person: str) -> Card | None:
        """Give the card as one person sees it."""
        return self.own.get(person, self.card)


class Corp(Watched):
    """Keep the state of a company and tell those who watch that something changed."""

    def __init__(
        self, users: Sequence[User], app: App | None = None, bot: Bot | None = None, *, clock: Callable[[], float] = time.time
    ) -> None:
        super().__init__()
        self.app, self.bot = app or App(), bot or Bot()
        self.clock = clock
        self.users = {user.id: user for user in users}
        self.groups: dict[str, Group] = {}
        self.messages: list[Message] = []
        self.base = ""  # under which the stand-in is reached
        self.media: dict[str, tuple[bytes, float]] = {}  # what is behind an address, until when
        self.spoke: set[str] = set()  # who ever wrote to the bot directly
        self._ids = itertools.count(1)

    # ------------------------------------------------------------ people
    def user(self, ident: object) -> User | None:
        """Find somebody who is in the company; userids know no case."""
        wanted = str(ident).lower()
        return next((u for u in self.users.values() if u.id.lower() == wanted and not u.gone), None)

    def open_id(self, person: str) -> str:
        """Give the ciphertext of a userid."""
        return "wo" + hashlib.sha256(f"{self.bot.id}/{person}".encode()).hexdigest()[:30]

    # ------------------------------------------------------------ groups
    def group(self, name: str, members: Sequence[str], *, appchat: str | None = None, owner: str | None = None) -> Group:
        """Make a group."""
        version = self.touch()
        ident = f"g{next(self._ids)}"
        chatid = "wr" + hashlib.sha256(f"{ident}/{name}".encode()).hexdigest()[:30]
        group = Group(ident, name, owner or members[0], dict.fromkeys(members, version), chatid, appchat, version=version)
        self.groups[ident] = group
        return group

    def by_appchat(self, chatid: object) -> Group | None:
        """Find a group by the app's id of it."""
        return next((g for g in self.groups.values() if g.appchat == chatid), None)

    def by_chatid(self, chatid: object) -> Group | None:
        """Find a group by the bot's id of it."""
        return next((g for g in self.groups.values() if g.chatid == chatid), None)

    # ------------------------------------------------------------ messages
    def say(self, chat: str, author: str, kind: str, text: str, **more: Any) -> Message:
        """Show a message."""
        message = Message(len(self.messages) + 1, chat, author, kind, text, self.clock(), **more)
        message.version = self.touch()
        self.messages.append(message)
        return message

    def change(self, message: Message) -> None:
        """Note that a message that is shown was changed."""
        message.version = self.touch()

    def media_of(self, message: Message) -> dict[str, str]:
        """Put the file of a message behind an address of its own, under a key of its own."""
        name, key = secrets.token_urlsafe(24), secrets.token_bytes(32)
        pad = BLOCK - len(message.body) % BLOCK
        cipher = Cipher(algorithms.AES(key), modes.CBC(key[:16])).encryptor()
        sealed = cipher.update(message.body + bytes([pad]) * pad) + cipher.finalize()
        self.media[name] = (sealed, self.clock() + at_most.MEDIA_SECONDS)
        return {"url": f"{self.base}{MEDIA}{message.n}?sign={name}", "aeskey": base64.b64encode(key).decode()}

    def given(self, name: str) -> tuple[int, bytes, dict[str, str]]:
        """Give the bytes of an address, as the storage behind WeCom does: to whoever has it, while it is good."""
        sealed, until = self.media.get(name, (b"", 0.0))
        if self.clock() > until:
            return 403, b"<Error><Code>AccessDenied</Code></Error>", {"content-type": "application/xml"}
        return 200, sealed, {"content-type": "application/octet-stream"}

    def fresh(self, length: int = 24) -> str:
        """Make an id that tells nothing."""
        return secrets.token_urlsafe(length)
