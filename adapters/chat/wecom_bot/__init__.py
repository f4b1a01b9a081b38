"""WeCom's intelligent bot (智能机器人) over its long connection: heard in groups by @mention and directly; opens no rooms.

Set-up stands in README.md beside this file. A direct chat's address is `@<userid>`; any other is a group's chatid, which is not
the id that the company's app has for the same group.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from bot.ports import Capability, Cell, ChatAdapter, Clock, Limits, Profile, Row

__all__ = ["CAPABILITIES", "Config", "capabilities", "connect", "limits", "profile"]

CAPABILITIES = capabilities = frozenset(
    {Capability.CARD, Capability.DIRECT, Capability.MENTION, Capability.REPLACES, Capability.FILE}
)

profile = Profile("WeCom aibot", {
    Row.ROOM: Cell("○ bound by hand"),
    Row.END: Cell("–"),
    Row.HEARD: Cell("@bot"),
    Row.CARD: Cell("● / ≤ 5 s after a click", frozenset({Capability.CARD})),
    Row.ANSWER: Cell("replaces", frozenset({Capability.REPLACES})),
    Row.INPUT: Cell("● / ○ / ○ / ○ / link"),
    Row.PLACE: Cell("○"),
    Row.MENTION: Cell("●", frozenset({Capability.MENTION})),
    Row.URGE: Cell("○"),
    Row.FIND: Cell("– / ○"),
}, ("企业微信机器人", "WeCom bot"))  # fmt: skip

# 101463: 30 messages a minute and 1,000 an hour to one chat, answers and pushes together; a quarter of a second's worth with a
# burst of a dozen stays under both.
LIMITS = limits = Limits(
    text_chars=4000, text_bytes=12_000, name_chars=50, per_second=20.0, burst=20, chat_per_second=0.26, chat_burst=12,
    menus=True, hail="@bot ",
)  # fmt: skip


class Config(BaseModel):
    """Configure a connection as one intelligent bot."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    bot_id: str = Field(min_length=3, max_length=128, description="The bot's BotID (API 模式 → 长连接).")
    secret: SecretStr = Field(min_length=8, description="The bot's long-connection Secret.")
    name: str = Field(default="", max_length=64, description="The bot's name as people see it; it is taken off what mentions it.")
    url: str = Field(
        default="wss://openws.work.weixin.qq.com",
        pattern=r"^wss?://\S+$",
        description="Where to connect; another for tests.",
    )
    proxy: str | None = Field(default=None, description="An HTTP proxy; none is taken from the environment.")
    timeout_seconds: float = Field(default=5.0, gt=0.2, le=14, description="Longest time that one frame may take.")
    answer_seconds: float = Field(
        default=4.0, gt=0, le=4.7, description="How long a person waits for an answer before they are told that it takes longer."
    )
    ping_seconds: float = Field(default=30.0, ge=0.1, le=60, description="How often the connection is proven alive.")
    kicked_seconds: float = Field(
        default=300.0, ge=0.1, le=3600, description="How long to stay away when another process took the connection; doubles."
    )
    chat_per_minute: int = Field(default=28, ge=1, le=1000, description="Messages to one chat in a minute; WeCom takes 30.")


def connect(name: str, settings: Config, clock: Clock) -> ChatAdapter:
    """Make the adapter of one bot; opens no connection yet."""
    from adapters.chat.wecom_bot.client import WecomBotChat

    return WecomBotChat(name, settings, clock)
