"""Calls by Aliyun (语音服务, Dyvmsapi 2017-05-25, `SingleCallByTts`): an approved text is read to whoever picks up.

Of one number the vendor takes 1 call a minute, 5 an hour, 20 a day (help.aliyun.com/document_detail/114036). A text has none of
`# / : - % ¥ 【 】`, its variables no link and no IP address; without a number of one's own (公共模式) it may have two
(语音模板规范, 414170). That values keep to the same characters, and to less than 250 in all, is the careful reading. [tenant]
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated

import msgspec
from pydantic import AfterValidator, AnyHttpUrl, Field

from adapters.aliyun import Account, Aliyun, number_of, of_texts, variables_of
from bot.ports import Approval, Clock, Medium, Notice, NotifyChannel, Rate, Rejected, Result

VERSION = "2017-05-25"
FORBIDDEN = "#/:-%¥￥【】[]{}$：—–"
CHARS_IN_ALL = 249
OUT_ID_CHARS = 15
A_MINUTE, AN_HOUR, A_DAY = 1, 5, 20  # calls of one number

approval = Approval(
    "语音服务控制台 → 语音模板 → 文本转语音模板，类型 语音通知",
    {"call": "${level}故障，标题${title}，请立即进入应急群签到。"},
    ("公共模式最多两个变量；用专属号码时把号码写在 show_number。",),
)


class Config(Account):
    """Configure the vendor's calls."""

    templates: Annotated[dict[str, str], AfterValidator(of_texts(approval.texts))]
    show_number: str | None = None
    play_times: int = Field(default=2, ge=1, le=3)
    per_second: int = Field(default=10, ge=1, le=1000)
    endpoint: AnyHttpUrl = AnyHttpUrl("https://dyvmsapi.aliyuncs.com")


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
        self._aliyun = Aliyun(name, VERSION, settings, clock)

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
