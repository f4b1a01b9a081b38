"""Takes the calls of the Web API: who calls, how often, with which rights, and then what."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.slack import channels, files, listings, marks, membership, messages, people
from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.modals import Windows
from adapters.sandbox.slack.rates import Rates
from adapters.sandbox.slack.tokens import Token, Tokens
from adapters.sandbox.slack.workspace import Workspace

Answer = dict[str, Any]
SPECIAL = 300


@dataclass(frozen=True, slots=True)
class Method:
    """Describe one method: what it does, calls a minute, scopes of which one is needed, kinds of token."""

    act: Callable[[Desk, Args], Answer]
    a_minute: int
    scopes: tuple[str, ...] = ()
    kinds: tuple[str, ...] = ("bot",)


@dataclass(frozen=True, slots=True)
class Said:
    """Hold the answer to a call."""

    status: int
    body: Answer
    headers: dict[str, str]


T1, T2, T3, T4 = (at_most.TIERS[n] for n in (1, 2, 3, 4))
READ = ("channels:read", "groups:read", "im:read")
HISTORY = ("channels:history", "groups:history", "im:history")
WRITE = ("channels:manage", "groups:write")
TOPIC = ("channels:manage", "groups:write", "channels:write.topic", "groups:write.topic")
INVITE = ("channels:manage", "groups:write", "channels:write.invites", "groups:write.invites")
METHODS: dict[str, Method] = {
    "api.test": Method(people.test, SPECIAL, kinds=()),
    "auth.test": Method(people.who, SPECIAL, kinds=("bot", "app")),
    "apps.connections.open": Method(people.connect, at_most.OPENINGS, ("connections:write",), ("app",)),
    "conversations.create": Method(channels.create, T2, WRITE),
    "conversations.info": Method(channels.info, T3, READ),
    "conversations.list": Method(listings.listed, T2, READ),
    "users.conversations": Method(listings.own, T3, READ),
    "conversations.members": Method(listings.members, T4, READ),
    "conversations.history": Method(listings.history, T3, HISTORY),
    "conversations.replies": Method(listings.replies, T3, HISTORY),
    "conversations.invite": Method(membership.invite, T3, INVITE),
    "conversations.kick": Method(membership.kick, T3, WRITE),
    "conversations.join": Method(membership.join, T3, ("channels:join",)),
    "conversations.leave": Method(membership.leave, T3, WRITE),
    "conversations.open": Method(channels.direct, T3, ("im:write",)),
    "conversations.archive": Method(channels.archive, T2, WRITE),
    "conversations.unarchive": Method(channels.unarchive, T2, WRITE),
    "conversations.rename": Method(channels.rename, T2, WRITE),
    "conversations.setTopic": Method(channels.set_topic, T2, TOPIC),
    "conversations.setPurpose": Method(channels.set_purpose, T2, TOPIC),
    "chat.postMessage": Method(messages.post, SPECIAL, ("chat:write",)),
    "chat.update": Method(messages.update, T3, ("chat:write",)),
    "chat.delete": Method(messages.delete, T3, ("chat:write",)),
    "chat.postEphemeral": Method(messages.whisper, T4, ("chat:write",)),
    "chat.getPermalink": Method(messages.permalink, SPECIAL),
    "pins.add": Method(marks.pin, T2, ("pins:write",)),
    "pins.remove": Method(marks.unpin, T2, ("pins:write",)),
    "pins.list": Method(marks.pins, T2, ("pins:read",)),
    "reactions.add": Method(marks.react, T3, ("reactions:write",)),
    "reactions.remove": Method(marks.unreact, T2, ("reactions:write",)),
    "reactions.get": Method(marks.reactions, T3, ("reactions:read",)),
    "bookmarks.add": Method(marks.bookmark, T2, ("bookmarks:write",)),
    "bookmarks.list": Method(marks.bookmarks, T3, ("bookmarks:read",)),
    "bookmarks.remove": Method(marks.unbookmark, T2, ("bookmarks:write",)),
    "files.info": Method(files.info, T4, ("files:read",)),
    "views.open": Method(people.view_open, T4),
    "views.push": Method(people.view_push, T4),
    "views.update": Method(people.view_update, T4),
    "users.info": Method(people.info, T4, ("users:read",)),
    "users.list": Method(people.listed, T2, ("users:read",)),
    "users.lookupByEmail": Method(people.by_email, T3, ("users:read.email",)),
}


class Desk:
    """Take calls one at a time: each is done at once and wholly, or not at all."""

    def __init__(self, workspace: Workspace, windows: Windows, ticket: Callable[[], str], *, limited: bool, scale: float) -> None:
        self.workspace = workspace
        self.windows = windows
        self.ticket = ticket
        self.tokens = Tokens(workspace.app)
        self.rates = Rates(limited, scale)
        self.token = Token("", ())
        self.bot = workspace.app.bot_user

    @property
    def now(self) -> float:
        """Give the workspace's time in seconds."""
        return self.workspace.clock()

    def needs(self, scope: str) -> None:
        """Refuse where the token of this call lacks a scope."""
        if scope not in self.token.scopes:
            raise No("missing_scope", needed=scope, provided=",".join(self.token.scopes))

    def take(self, name: str, given: Mapping[str, Any] | No, headers: Mapping[str, str]) -> Said:
        """Handle one call; `given` = its arguments, or what was wrong with them."""
        extra: dict[str, str] = {}
        try:
            method = METHODS.get(name)
            if method is None:
                raise No("unknown_method", req_method=name)
            said = "" if isinstance(given, No) else str(given.get("token", ""))
            if method.kinds:
                self.token = self.tokens.check(headers, said, method.kinds, method.scopes)
                extra["x-oauth-scopes"] = ",".join(self.token.scopes)
                extra["x-accepted-oauth-scopes"] = ",".join(method.scopes)
            self.rates.spend(name, method.a_minute, self.now)
            if isinstance(given, No):
                raise given
            return Said(200, {"ok": True, **method.act(self, Args(given))}, extra)
        except No as no:
            return Said(no.status, {"ok": False, "error": no.error, **no.more}, {**extra, **no.headers})
