"""WeCom's self-built app: people speak to it directly, it opens rooms that it can only write to.

Set-up stands in README.md beside this file. A direct chat's address is `@<userid>`; any other is a room's own chatid.
"""

from __future__ import annotations

import base64
import binascii
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from bot.ports import Capability, Cell, ChatAdapter, Clock, Limits, Profile, Row

__all__ = ["CAPABILITIES", "Config", "capabilities", "connect", "limits", "profile"]

CAPABILITIES = capabilities = frozenset(
    {
        Capability.OPEN_ROOM, Capability.CLOSE_ROOM, Capability.REOPEN_ROOM, Capability.RENAME, Capability.PEOPLE,
        Capability.CARD, Capability.EDIT, Capability.DIRECT, Capability.FIND, Capability.MENTION, Capability.LOOK_UP,
        Capability.REPLACES, Capability.URGE_PHONE,
    }
)  # fmt: skip

profile = Profile("WeCom app", {
    Row.ROOM: Cell("appchat ● (root visibility, ≥ 2) / push only", frozenset({Capability.OPEN_ROOM})),
    Row.END: Cell("rename / ●", frozenset({Capability.CLOSE_ROOM, Capability.REOPEN_ROOM})),
    Row.HEARD: Cell("○"),
    Row.CARD: Cell("DM only / once per code", frozenset({Capability.CARD, Capability.EDIT})),
    Row.ANSWER: Cell("replaces (clicker)", frozenset({Capability.REPLACES})),
    Row.INPUT: Cell("● / ○ / ○ / ○ / link"),
    Row.PLACE: Cell("DM / ○ / ○"),
    Row.MENTION: Cell("●", frozenset({Capability.MENTION})),
    Row.URGE: Cell("– / ○ / ●✱", frozenset({Capability.URGE_PHONE})),
    Row.FIND: Cell("● / DM ● appchat ○", frozenset({Capability.FIND})),
}, ("企业微信", "WeCom"))  # fmt: skip

# 90236: one member gets 30 messages a minute and 1,000 an hour from an app, the rest is dropped and nobody is told. A quarter
# of a second's worth with a burst of a dozen stays under both.
LIMITS = limits = Limits(
    text_chars=2048, text_bytes=2048, name_chars=50, per_second=20.0, burst=20, chat_per_second=0.26, chat_burst=12,
    menus=True, hail="", rings=((480.0, 3), (86400.0, 8)),
)  # fmt: skip


def _bare(url: object) -> object:
    return url.rstrip("/") if isinstance(url, str) else url


def _key(secret: SecretStr) -> SecretStr:
    try:
        raw = base64.b64decode(secret.get_secret_value() + "=", validate=True)
    except (binascii.Error, ValueError):
        raw = b""
    if len(raw) != 32:
        raise ValueError("must be the 43 letters and digits that the console shows")
    return secret


class Config(BaseModel):
    """Configure a connection to one self-built app of one company."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    corp_id: str = Field(pattern=r"^[0-9A-Za-z_\-]{4,64}$", description="The company's id (企业ID), ww….")
    agent_id: int = Field(gt=0, description="The app's AgentId.")
    secret: SecretStr = Field(min_length=8, description="The app's Secret.")
    token: SecretStr = Field(min_length=3, description="接收消息 → Token.")
    aes_key: Annotated[SecretStr, AfterValidator(_key)] = Field(description="接收消息 → EncodingAESKey, 43 letters and digits.")
    company: tuple[str, ...] = Field(
        default=(), description="Accounts that join a room for which fewer than two people are known; WeCom opens none for one."
    )
    api_url: Annotated[str, BeforeValidator(_bare)] = Field(
        default="https://qyapi.weixin.qq.com", pattern=r"^https?://\S+$", description="Where the API is; another only for tests."
    )
    proxy: str | None = Field(default=None, description="An HTTP proxy for every call; none is taken from the environment.")
    timeout_seconds: float = Field(default=8.0, gt=0.5, le=14, description="Longest time that one call may take.")
    answer_seconds: float = Field(
        default=4.0, gt=0, le=4.7, description="How long a delivery may wait for its answer; WeCom waits 5 seconds, three times."
    )


def connect(name: str, settings: Config, clock: Clock) -> ChatAdapter:
    """Make the adapter of one app; opens no connection yet."""
    from adapters.chat.wecom.client import WecomChat

    return WecomChat(name, settings, clock)
