"""Slack: rooms are channels, cards are Block Kit, forms are modals; over a socket or signed HTTP.

Set-up stands in README.md beside this file. slack_sdk and slack_bolt are imported only by `connect`.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator

from adapters.chat.slack.render import LIMITS as limits
from bot.ports import Capability, Cell, ChatAdapter, Clock, Profile, Row

__all__ = ["CAPABILITIES", "Config", "Mode", "capabilities", "connect", "limits", "profile"]

CAPABILITIES = capabilities = frozenset(Capability) - {
    Capability.REOPEN_ROOM, Capability.KEYS, Capability.RENAME, Capability.TAB, Capability.SHOWS, Capability.REPLACES,
    Capability.URGE_APP, Capability.URGE_SMS, Capability.URGE_PHONE,
}  # fmt: skip
profile = Profile("Slack", {
    Row.ROOM: Cell("● / ●", frozenset({Capability.OPEN_ROOM, Capability.BOT_INSIDE})),
    Row.END: Cell("archive / new room (bot token)", frozenset({Capability.CLOSE_ROOM})),
    Row.HEARD: Cell("all it is in"),
    Row.CARD: Cell("● / ●", frozenset({Capability.CARD, Capability.EDIT})),
    Row.ANSWER: Cell("○"),
    Row.INPUT: Cell("● modal", frozenset({Capability.FORM})),
    Row.PLACE: Cell("● / ● / ●", frozenset({Capability.PRIVATE, Capability.PIN})),
    Row.MENTION: Cell("●", frozenset({Capability.MENTION})),
    Row.URGE: Cell("○"),
    Row.FIND: Cell("● / ● member", frozenset({Capability.FIND})),
}, ("Slack", "Slack"))  # fmt: skip

CAPTURE: dict[str, Literal["note", "update"]] = {"pin": "note", "pushpin": "note", "memo": "note", "mega": "update"}


class Mode(StrEnum):
    """Say how Slack reaches us."""

    SOCKET = "socket"
    HTTP = "http"


def _slash(url: object) -> object:
    return url if not isinstance(url, str) or url.endswith("/") else url + "/"


class Config(BaseModel):
    """Configure a connection to one workspace."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bot_token: SecretStr = Field(min_length=8, description="The bot's token of this workspace, xoxb-….")
    app_token: SecretStr | None = Field(default=None, min_length=8, description="Socket mode: the app-level token, xapp-….")
    signing_secret: SecretStr | None = Field(
        default=None, min_length=8, description="HTTP mode: what Slack signs its requests with."
    )
    mode: Mode | None = Field(default=None, description="socket or http; left out: whichever the keys are for.")
    api_url: Annotated[str, BeforeValidator(_slash)] = Field(
        default="https://slack.com/api/",
        pattern=r"^https?://\S+$",
        description="Where the Web API is; another only for tests.",
    )
    proxy: str | None = Field(default=None, description="An HTTP proxy for every call; none is taken from the environment.")
    timeout_seconds: float = Field(default=8.0, gt=0.5, le=14, description="Longest time that one call may take.")
    answer_seconds: float = Field(
        default=2.5, gt=0, le=2.9, description="How long a person waits for an answer before they are told that it takes longer."
    )
    ping_seconds: float = Field(default=5.0, ge=0.2, le=60, description="Socket mode: how often the connection is proven alive.")

    capture: dict[Annotated[str, Field(pattern=r"^[a-z0-9_+'-]{1,100}$")], Literal["note", "update"]] = Field(
        default_factory=lambda: dict(CAPTURE),
        description="What a reaction on a message in an incident's room, or a pin, makes of it: note or update; {} = nothing.",
    )

    @model_validator(mode="after")
    def _one_way_in(self) -> Config:
        if self.mode is None and (self.app_token is None) == (self.signing_secret is None):
            raise ValueError("give either app_token (socket mode) or signing_secret (HTTP mode), or say which with mode")
        if self.mode is Mode.SOCKET and self.app_token is None:
            raise ValueError("socket mode needs app_token")
        if self.mode is Mode.HTTP and self.signing_secret is None:
            raise ValueError("HTTP mode needs signing_secret")
        return self

    @property
    def over_http(self) -> bool:
        """Say whether Slack reaches us over HTTP."""
        return self.mode is Mode.HTTP or (self.mode is None and self.app_token is None)


def connect(name: str, settings: Config, clock: Clock) -> ChatAdapter:
    """Make the adapter of one workspace; opens no connection yet."""
    from adapters.chat.slack.client import SlackChat

    return SlackChat(name, settings, clock)
