"""DingTalk: rooms are groups, cards are a template of the card platform, deliveries come over Stream; set-up in README.md.

What a connection can do depends on what is configured: cards, edits, forms and answers in cards need `card_template`, rooms
with the bot inside need `scene_template`. `CAPABILITIES` and `limits` are those with both. dingtalk_stream is imported only
by `connect`.
"""

from __future__ import annotations

from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from adapters.chat.dingtalk.limits import LIMITS as limits
from bot.ports import Capability, Cell, ChatAdapter, Clock, Profile, Row

__all__ = ["CAPABILITIES", "Config", "capabilities", "connect", "limits", "profile"]

# Neither a topic nor reactions are there; nor does a repeated text count once.
CAPABILITIES = capabilities = frozenset(Capability) - {
    Capability.TOPIC, Capability.TAB, Capability.REACTION, Capability.KEYS, Capability.SHOWS,
}  # fmt: skip

profile = Profile("DingTalk", {
    Row.ROOM: Cell("scene ● / ●✱, plain ● / ○", frozenset({Capability.OPEN_ROOM, Capability.BOT_INSIDE})),
    Row.END: Cell("disband✱ or rename / ● until disbanded", frozenset({Capability.CLOSE_ROOM, Capability.REOPEN_ROOM})),
    Row.HEARD: Cell("@bot"),
    Row.CARD: Cell("●✱ / ● metered", frozenset({Capability.CARD, Capability.EDIT})),
    Row.ANSWER: Cell("replaces", frozenset({Capability.REPLACES})),
    Row.INPUT: Cell("●✱ / ●✱ / ○ / ●✱ / ●✱", frozenset({Capability.FORM})),
    Row.PLACE: Cell("private data / ○ / top box✱", frozenset({Capability.PRIVATE, Capability.PIN})),
    Row.MENTION: Cell("card or session reply only", frozenset({Capability.MENTION})),
    Row.URGE: Cell("●✱ all", frozenset({Capability.URGE_APP, Capability.URGE_SMS, Capability.URGE_PHONE})),
    Row.FIND: Cell("scene ● plain ○ / card ● text ○", frozenset({Capability.FIND})),
}, ("钉钉", "DingTalk"))  # fmt: skip


def _bare(url: object) -> object:
    return url.rstrip("/") if isinstance(url, str) else url


class Config(BaseModel):
    """Configure a connection to one organisation by one internal app."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    client_id: str = Field(min_length=4, description="The app's Client ID (AppKey), ding….")
    client_secret: SecretStr = Field(min_length=8, description="The app's Client Secret (AppSecret).")
    robot_code: str | None = Field(
        default=None, description="The robot's code; left out: the Client ID, as it is for every app made since 2023."
    )
    card_template: str | None = Field(
        default=None, min_length=8, description="The id of the imported card template, ….schema; left out: text with numbers."
    )
    scene_template: str | None = Field(
        default=None,
        min_length=4,
        description="The id of the scene-group template with the robot in it; left out: plain groups, which need it put in.",
    )
    owner: str | None = Field(
        default=None, description="Who owns a room when nobody involved can (a user id); a group needs a human owner."
    )
    disband: bool = Field(
        default=False,
        description="Whether a closed incident's scene group is disbanded; false: it is renamed and can be reopened.",
    )
    monthly_calls: int = Field(
        default=5000,
        ge=100,
        description="Calls a month that your edition of DingTalk allows; near their end edits that change only details wait.",
    )
    edit_seconds: float = Field(
        default=limits.edit_pace, ge=0, le=60, description="Seconds between two edits of one card, at least; each edit is a call."
    )
    api_url: Annotated[str, BeforeValidator(_bare)] = Field(
        default="https://api.dingtalk.com", pattern=r"^https?://\S+$", description="Where the API is; another only for tests."
    )
    oapi_url: Annotated[str, BeforeValidator(_bare)] = Field(
        default="https://oapi.dingtalk.com",
        pattern=r"^https?://\S+$",
        description="Where the older API is; another only for tests.",
    )
    session_hosts: tuple[str, ...] = Field(
        default=("oapi.dingtalk.com",),
        description="Hosts at which an answer may be posted back, as a delivery names them; another only for tests.",
    )
    timezone: str = Field(default="Asia/Shanghai", description="The zone of the dates that people choose in forms.")
    proxy: str | None = Field(default=None, description="An HTTP proxy for every call; none is taken from the environment.")
    timeout_seconds: float = Field(default=8.0, gt=0.5, le=14, description="Longest time that one call may take.")
    answer_seconds: float = Field(
        default=1.5, gt=0, le=1.9, description="How long a person waits for an answer before they are told that it takes longer."
    )
    silence_seconds: float = Field(
        default=90.0, ge=0.5, le=600, description="After this long without anything from DingTalk the connection is made anew."
    )

    @field_validator("timezone")
    @classmethod
    def _known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            raise ValueError("is no time zone, such as Asia/Shanghai") from None
        return name


def capable(settings: Config) -> frozenset[Capability]:
    """Say what a connection can do with what is configured."""
    found = CAPABILITIES
    if settings.card_template is None:
        found -= {
            Capability.CARD, Capability.EDIT, Capability.PIN, Capability.FORM, Capability.REPLACES, Capability.MENTION,
        }  # fmt: skip
    if settings.scene_template is None:
        found -= {Capability.BOT_INSIDE}
    if settings.card_template is None and settings.scene_template is None:
        found -= {Capability.FIND}  # there is nothing that a key or a look-up could tell
    return found


def connect(name: str, settings: Config, clock: Clock) -> ChatAdapter:
    """Make the adapter of one app; opens no connection yet."""
    from adapters.chat.dingtalk.client import DingTalkChat

    return DingTalkChat(name, settings, clock)
