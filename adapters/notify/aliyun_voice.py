"""Calls by Aliyun (语音服务, Dyvmsapi 2017-05-25, `SingleCallByTts`): an approved text is read to whoever picks up.

Of one number the vendor takes 1 call a minute, 5 an hour, 20 a day. The variables have less than 250 characters in all, no
link, no IP address and none of `# / : - % ¥ 【 】` (语音模板规范); without a number of one's own (公共模式) a text may have two.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import msgspec
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from adapters.aliyun import Aliyun, number_of, variables_of
from bot.ports import Clock, Medium, Notice, NotifyChannel, Rate, Rejected, Result

VERSION = "2017-05-25"
FORBIDDEN = "#/:-%¥￥【】[]{}$：—–"
CHARS_IN_ALL = 249
OUT_ID_CHARS = 15
A_MINUTE, AN_HOUR, A_DAY = 1, 5, 20  # calls of one number


class Config(BaseModel):
    """Configure the vendor's calls."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_key_id: str = Field(min_length=4)
    access_key_secret: SecretStr = Field(min_length=8)
    templates: dict[str, str] = Field(min_length=1)
    show_number: str | None = None
    play_times: int = Field(default=2, ge=1, le=3)
    per_second: int = Field(default=10, ge=1, le=1000)
    endpoint: AnyHttpUrl = AnyHttpUrl("https://dyvmsapi.aliyuncs.com")
    timeout_seconds: float = Field(default=8.0, ge=0.5, le=14)
    proxy: str | None = None


def connect(name: str, settings: Config, clock: Clock) -> NotifyChannel:
    """Make the channel; opens no connection yet."""
    return AliyunVoice(name, settings, clock)


class AliyunVoice:
    """Call by one account."""

    medium = Medium.VOICE

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.rates: tuple[Rate, ...] = (
            Rate(settings.per_second, timedelta(seconds=1)),
            Rate(A_MINUTE, timedelta(minutes=1), each=True),
            Rate(AN_HOUR, timedelta(hours=1), each=True),
            Rate(A_DAY, timedelta(days=1), each=True),
        )
        self._settings = settings
        self._aliyun = Aliyun(
            name, str(settings.endpoint), VERSION, settings.access_key_id, settings.access_key_secret.get_secret_value(), clock,
            settings.timeout_seconds, settings.proxy,
        )  # fmt: skip

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        """Call one number; a notice without a text that the vendor has approved cannot be read out."""
        of = self._settings
        template = of.templates.get(notice.template or "")
        if template is None:
            return Rejected("no_template", notice.template or "")
        params = {
            "CalledNumber": number_of(to), "TtsCode": template, "PlayTimes": str(of.play_times), "OutId": key[:OUT_ID_CHARS],
            "TtsParam": msgspec.json.encode(shortened(variables_of(notice.variables, FORBIDDEN))).decode(),
        }  # fmt: skip
        if of.show_number is not None:
            params["CalledShowNumber"] = of.show_number
        return await self._aliyun.call("SingleCallByTts", params, to, "CallId")

    async def close(self) -> None:
        """Close the connections."""
        await self._aliyun.close()


def shortened(variables: Mapping[str, str]) -> dict[str, str]:
    """Cut the longest variable until all together are short enough to be read out."""
    short = dict(variables)
    while (over := sum(map(len, short.values())) - CHARS_IN_ALL) > 0:
        name = max(short, key=lambda name: len(short[name]))
        others = max((len(value) for other, value in short.items() if other != name), default=0)
        keep = max(len(short[name]) - over, others, 1)
        short[name] = short[name][: keep if keep < len(short[name]) else len(short[name]) - 1]
    return short
