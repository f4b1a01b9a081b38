"""Feishu and Lark: rooms are groups, cards are JSON 2.0, forms are cards; over a long connection or a webhook.

Set-up stands in README.md beside this file. The long connection is our own: `lark_oapi` adds 138 MB and a thread, and its
client acknowledges from a synchronous handler and never notices a half-open socket.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from adapters.chat.feishu.render import LIMITS as limits
from bot.ports import Capability, Cell, ChatAdapter, Clock, Profile, Row

__all__ = ["CAPABILITIES", "Config", "Domain", "Mode", "capabilities", "connect", "limits", "profile"]

CAPABILITIES = capabilities = frozenset(Capability) - {Capability.REPLACES}
profile = Profile("Feishu", {
    Row.ROOM: Cell("● / ●", frozenset({Capability.OPEN_ROOM, Capability.BOT_INSIDE})),
    Row.END: Cell("rename + mute / ●", frozenset({Capability.CLOSE_ROOM, Capability.REOPEN_ROOM})),
    Row.HEARD: Cell("@bot (all✱)"),
    Row.CARD: Cell("● / 14 d", frozenset({Capability.CARD, Capability.EDIT})),
    Row.ANSWER: Cell("shows", frozenset({Capability.SHOWS})),
    Row.INPUT: Cell("● in card", frozenset({Capability.FORM})),
    Row.PLACE: Cell("● (not editable) / ● / ●", frozenset({Capability.PRIVATE, Capability.PIN})),
    Row.MENTION: Cell("●", frozenset({Capability.MENTION})),
    Row.URGE: Cell("●✱ all", frozenset({Capability.URGE_APP, Capability.URGE_SMS, Capability.URGE_PHONE})),
    Row.FIND: Cell("10 h / 1 h", frozenset({Capability.FIND, Capability.KEYS})),
}, ("飞书", "Feishu"))  # fmt: skip

CAPTURE: dict[str, Literal["note", "update"]] = {"Pin": "note", "Loudspeaker": "update"}


class Mode(StrEnum):
    """Say how Feishu reaches us."""

    SOCKET = "socket"
    HTTP = "http"


class Domain(StrEnum):
    """Say which of the two the app belongs to."""

    FEISHU = "feishu"
    LARK = "lark"


# Where each has its interface, and where a link to a chat leads.
ADDRESSES = {
    Domain.FEISHU: ("https://open.feishu.cn", "https://applink.feishu.cn"),
    Domain.LARK: ("https://open.larksuite.com", "https://applink.larksuite.com"),
}


class Config(BaseModel):
    """Configure a connection of one self-built app."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    app_id: str = Field(pattern=r"^cli_\S+$", description="The app's id, cli_….")
    app_secret: SecretStr = Field(min_length=4, description="The app's secret.")
    domain: Domain = Field(default=Domain.FEISHU, description="feishu or lark.")
    mode: Mode | None = Field(
        default=None, description="socket (a long connection) or http (a webhook); left out: http when its keys are given."
    )
    encrypt_key: SecretStr | None = Field(
        default=None, min_length=4, description="HTTP mode: what Feishu encrypts and signs deliveries with."
    )
    verification_token: SecretStr | None = Field(
        default=None, min_length=4, description="HTTP mode: the token that every delivery carries."
    )
    api_url: str | None = Field(
        default=None, pattern=r"^https?://[^/\s]+/?$", description="Where the interface is; another only for tests."
    )
    proxy: str | None = Field(default=None, description="An HTTP proxy for every call; none is taken from the environment.")
    timeout_seconds: float = Field(default=8.0, gt=0.5, le=14, description="Longest time that one call may take.")
    answer_seconds: float = Field(
        default=2.5, gt=0, le=2.9, description="How long a person waits for an answer before they are told that it takes longer."
    )

    capture: dict[Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")], Literal["note", "update"]] = Field(
        default_factory=lambda: dict(CAPTURE),
        description="What a reaction on a message in an incident's room makes of it: note or update; {} = nothing.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Config:
        if self.over_http and (self.encrypt_key is None or self.verification_token is None):
            raise ValueError("HTTP mode needs encrypt_key and verification_token")
        return self

    @property
    def over_http(self) -> bool:
        """Say whether Feishu reaches us over HTTP."""
        if self.mode is None:
            return self.encrypt_key is not None or self.verification_token is not None
        return self.mode is Mode.HTTP

    @property
    def base_url(self) -> str:
        """Give the origin of the interface."""
        return (self.api_url or ADDRESSES[self.domain][0]).rstrip("/")

    @property
    def link_url(self) -> str:
        """Give the origin of links into the client."""
        return ADDRESSES[self.domain][1]

    @property
    def secrets(self) -> list[str]:
        """List what must never be seen."""
        given = (self.app_secret, self.encrypt_key, self.verification_token)
        return [one.get_secret_value() for one in given if one is not None]


def connect(name: str, settings: Config, clock: Clock) -> ChatAdapter:
    """Make the adapter of one app; opens no connection yet."""
    from adapters.chat.feishu.client import FeishuChat

    return FeishuChat(name, settings, clock)
