"""What a company on DingTalk holds: people, groups, messages, cards and DINGs, and who may use them."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.watched import Watched

FILES = "/downloads/"

Data = dict[str, Any]
SCOPES = (
    "qyapi_robot_sendmsg", "qyapi_chat_manage", "qyapi_chat_base_read", "Card.Instance.Write", "qyapi_get_member",
    "qyapi_get_member_by_mobile", "Premium.Ding.Write",
)  # fmt: skip
EVENTS = ("chat_disband", "chat_add_member", "chat_remove_member", "chat_quit", "chat_update_title", "chat_update_owner")


@dataclass(frozen=True, slots=True)
class App:
    """Describe the one app of the company, as its console would.

    `cards` = the card templates by id: `{"published": True, "variables": [...], ...}`, see README; `group_templates` = those of
    scene groups: `{"robot": True}`. `visible` = who is in the app's visible range, None = everybody. `bot_adds` = whether the
    undocumented call that puts the bot into a group is open to this company. `dings` = how many DINGs are left to send, by
    remindType (None = any number; SMS and phone are paid for apart).
    """

    client_id: str = "dingwarroom0000000001"
    client_secret: str = "stand-in-secret"
    robot_name: str = "应急助手"
    app_id: str = "8f1c2d3e-0000-4000-8000-000000000001"
    corp_id: str = "dingcorp00000000000001"
    robot_code: str = ""  # empty = the client id, as for apps made in these years
    scopes: tuple[str, ...] = SCOPES
    events: tuple[str, ...] = EVENTS
    cards: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    group_templates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    visible: tuple[str, ...] | None = None
    bot_adds: bool = False
    dings: Mapping[int, int | None] = field(default_factory=lambda: {1: None, 2: 100, 3: 100})

    @property
    def robot(self) -> str:
        """Give the bot's robotCode."""
        return self.robot_code or self.client_id


@dataclass(slots=True)
class User:
    """Hold one person; an `outsider` is in groups but not of the company: the bot learns no userId of theirs."""

    id: str
    name: str
    mobile: str = ""
    email: str = ""
    duty: str = ""
    locale: str = "zh-CN"
    admin: bool = False
    outsider: bool = False
    left: bool = False

    @property
    def union_id(self) -> str:
        """Give the id that holds across companies."""
        return f"{_short(self.id, 'union')}iE"

    @property
    def sender_id(self) -> str:
        """Give the encrypted id."""
        return f"$:LWCP_v1:${_short(self.id, 'sender')}=="


@dataclass(slots=True)
class Group:
    """Hold one group; `template` = that of a scene group, `by_api` = the server API made it; `members` with when they came."""

    cid: str
    chatid: str
    title: str
    owner: str
    members: dict[str, int]
    robots: dict[str, str] = field(default_factory=dict)
    template: str | None = None
    by_api: bool = False
    disbanded: bool = False
    options: Data = field(default_factory=dict)
    version: int = 0


@dataclass(slots=True)
class Message:
    """Hold one message; `place` is a group's cid, or a person's id for the chat between them and the bot."""

    id: str
    place: str
    user: str  # a person's id, the robotCode, or "" for a line of DingTalk's own
    kind: str  # text | markdown | link | actionCard | feedCard | image | card | notice
    content: Data
    at: list[str] = field(default_factory=list)
    key: str = ""  # the processQueryKey
    sent: float = 0.0
    track: str = ""  # the card's outTrackId
    act: int | None = None
    recalled: bool = False
    body: bytes = field(default=b"", repr=False)  # of a picture or file
    seq: int = 0
    version: int = 0


@dataclass(slots=True)
class Card:
    """Hold one card; `private` = the variables that one person sees otherwise, `filled` = what they filled in so far."""

    track: str
    template: str
    public: dict[str, str]
    private: dict[str, dict[str, str]] = field(default_factory=dict)
    callback: str = ""
    spaces: set[str] = field(default_factory=set)
    filled: dict[str, Data] = field(default_factory=dict)
    tops: dict[str, Data] = field(default_factory=dict)  # by place: who sees it there and until when
    alert: dict[str, str] = field(default_factory=dict)
    version: int = 0


@dataclass(slots=True)
class Ding:
    """Hold one DING; `kind` 1 = in the app, 2 = SMS, 3 = phone."""

    id: str
    kind: int
    receivers: list[str]
    content: str
    read: list[str] = field(default_factory=list)
    recalled: bool = False
    version: int = 0


class World(Watched):
    """Hold everything, with a version that grows with each change."""

    def __init__(self, users: Sequence[User], app: App | None = None, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.app = app or App()
        self.users = {user.id: user for user in users}
        self.clock = clock
        self.groups: dict[str, Group] = {}
        self.messages: dict[str, Message] = {}
        self.cards: dict[str, Card] = {}
        self.dings: dict[str, Ding] = {}
        self.uuids: dict[str, str] = {}  # of scene groups, by the key they were made with
        self.base = ""  # under which files are downloaded
        self.codes: dict[str, tuple[Message, str, float]] = {}  # of files, each for one robot, until when
        self.addresses: dict[str, tuple[Message, float]] = {}
        self.dings_left = dict(self.app.dings)
        self.heard: Callable[[str, Group, Data], None] = lambda kind, group, more: None
        self.version = 1

    # ------------------------------------------------------------ change
    def fresh(self, kind: str = "msg") -> str:
        """Make an id as DingTalk makes them."""
        raw = base64.b64encode(secrets.token_bytes(16)).decode()
        return f"{kind}{raw}"

    # ------------------------------------------------------------ files
    def code_for(self, message: Message, robot: str) -> str:
        """Make a code by which a robot gets the file of a message."""
        code = secrets.token_urlsafe(48)
        self.codes[code] = (message, robot, self.clock() + at_most.CODE_SECONDS)
        return code

    def address_of(self, message: Message) -> str:
        """Make an address under which the file of a message is for a while."""
        name = secrets.token_urlsafe(24)
        self.addresses[name] = (message, self.clock() + at_most.ADDRESS_SECONDS)
        return f"{self.base}{FILES}{name}"

    # ------------------------------------------------------------ groups
    def open(
        self,
        title: str,
        owner: str,
        members: Sequence[str],
        *,
        bot: bool = False,
        template: str | None = None,
        by_api: bool = False,
        options: Data | None = None,
    ) -> Group:
        """Open a group; the owner is in it."""
        now = self.touch()
        inside = dict.fromkeys(dict.fromkeys((owner, *members)), now)
        group = Group(
            self.fresh("cid"), f"chat{secrets.token_hex(16)}", title, owner, inside, template=template, by_api=by_api,
            options=dict(options or {}), version=now,
        )  # fmt: skip
        if bot:
            group.robots[self.app.robot] = self.app.robot_name
        self.groups[group.cid] = group
        return group

    def admit(self, group: Group, people: Sequence[str], operator: str) -> None:
        """Let people in."""
        new = [person for person in dict.fromkeys(people) if person not in group.members]
        if not new:
            return
        group.version = self.touch()
        group.members |= dict.fromkeys(new, group.version)
        self.notice(group, f"{self.named(operator)} 邀请 {'、'.join(map(self.named, new))} 加入群聊")
        self.heard("chat_add_member", group, {"operator": operator, "userId": new})

    def expel(self, group: Group, people: Sequence[str], operator: str) -> None:
        """Put people out; who goes alone quits."""
        gone = [person for person in dict.fromkeys(people) if group.members.pop(person, None) is not None]
        if not gone:
            return
        group.version = self.touch()
        kind = "chat_quit" if gone == [operator] else "chat_remove_member"
        self.heard(kind, group, {"operator": operator, "userId": gone})

    def rename(self, group: Group, title: str, operator: str) -> None:
        """Give a group another title."""
        if title != group.title:
            group.title, group.version = title, self.touch()
            self.notice(group, f"{self.named(operator)} 修改群名为“{title}”")
            self.heard("chat_update_title", group, {"operator": operator, "title": title})

    def hand_over(self, group: Group, owner: str, operator: str) -> None:
        """Give a group another owner."""
        if owner != group.owner:
            group.owner, group.version = owner, self.touch()
            self.heard("chat_update_owner", group, {"operator": operator, "owner": owner})

    def disband(self, group: Group, operator: str) -> None:
        """End a group."""
        group.disbanded, group.version = True, self.touch()
        self.heard("chat_disband", group, {"operator": operator})

    def bring_bot(self, group: Group) -> None:
        """Put the bot into a group."""
        group.robots[self.app.robot] = self.app.robot_name
        group.version = self.touch()

    def named(self, ident: str) -> str:
        """Give a person's or the bot's name."""
        user = self.users.get(ident)
        return user.name if user else self.app.robot_name

    # ------------------------------------------------------------ messages
    def say(self, message: Message) -> Message:
        """Put a message into its place."""
        message.sent, message.version, message.seq = self.clock(), self.touch(), len(self.messages) + 1
        self.messages[message.id] = message
        return message

    def notice(self, group: Group, text: str) -> None:
        """Show a line of DingTalk's own."""
        self.say(Message(self.fresh(), group.cid, "", "notice", {"content": text}))

    def redraw(self, card: Card) -> None:
        """Say that a card looks otherwise now, wherever it is."""
        card.version = self.touch()
        for message in self.messages.values():
            if message.track == card.track:
                message.version = card.version

    # ------------------------------------------------------------ look-ups
    def staff(self, ident: str) -> User | None:
        """Find a person of the company."""
        user = self.users.get(ident)
        return user if user is not None and not user.outsider and not user.left else None

    def visible(self, ident: str) -> bool:
        """Say whether a person is in the app's visible range."""
        return self.app.visible is None or ident in self.app.visible

    def by_union(self, union: str) -> User | None:
        """Find a person by the id that holds across companies."""
        return next((u for u in self.users.values() if u.union_id == union and not u.left), None)

    def by_chatid(self, chatid: str) -> Group | None:
        """Find a group by its other id."""
        return next((group for group in self.groups.values() if group.chatid == chatid), None)


def _short(*parts: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256("|".join(parts).encode()).digest()[:12]).decode()


def as_json(value: Any) -> str:
    """Write JSON as DingTalk puts it into strings."""
    return json.dumps(value, ensure_ascii=False)
