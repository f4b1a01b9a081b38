"""The plain chat: text in and out over signed HTTP, with no cards, keys, edits, ids or look-up.

It is the floor that every degradation rests on, and the bridge to any chat that has no adapter of its own; the protocol
stands in README.md beside this file.
"""

from __future__ import annotations

from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from adapters.chat.plain.client import CAPABILITIES as capabilities
from adapters.chat.plain.client import PlainChat
from adapters.chat.plain.render import LIMITS as limits
from adapters.http import Http
from bot.ports import Capability, Cell, ChatAdapter, Clock, Profile, Row

__all__ = ["Config", "capabilities", "connect", "limits", "profile"]

profile = Profile("plain", {
    Row.ROOM: Cell("● / ●", frozenset({Capability.OPEN_ROOM, Capability.BOT_INSIDE})),
    Row.END: Cell("● / ●", frozenset({Capability.CLOSE_ROOM, Capability.REOPEN_ROOM})),
    Row.HEARD: Cell("@bot"),
    Row.CARD: Cell("○"),
    Row.ANSWER: Cell("○"),
    Row.INPUT: Cell("○"),
    Row.PLACE: Cell("● / ○ / ○", frozenset({Capability.PRIVATE})),
    Row.MENTION: Cell("○"),
    Row.URGE: Cell("○"),
    Row.FIND: Cell("○"),
})  # fmt: skip


class Config(BaseModel):
    """Configure a plain connection."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    base_url: AnyHttpUrl = Field(description="Where the chat (or the bridge to it) takes the bot's calls.")
    secret: SecretStr = Field(min_length=16, description="Shared secret that signs every request, both ways.")
    timeout_seconds: float = Field(default=10.0, gt=0.5, le=60, description="Longest time that one call to the chat may take.")
    answer_seconds: float = Field(
        default=8.0, gt=0, le=60, description="How long a delivery may wait for its answer before it is put off with a 503."
    )


def connect(name: str, settings: Config, clock: Clock) -> ChatAdapter:
    """Make the adapter of one connection; opens no connection yet."""
    base_url, secret = str(settings.base_url).rstrip("/"), settings.secret.get_secret_value()
    http = Http(base_url, secrets=(secret,), timeout=settings.timeout_seconds)
    return PlainChat(name, http, base_url, secret, settings.answer_seconds, clock)
