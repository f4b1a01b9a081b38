"""SMS by Aliyun (短信服务, Dysmsapi 2017-05-25, `SendSms`): an approved text and its variables.

The vendor knows no keys ("国内短信…均不支持幂等"): a repeat is a second message. `OutId` carries our key into its receipts,
`BizId` is its own. A variable has at most 35 characters of the kind "others", no link and no 【】 (通知短信模板规范).
"""

from __future__ import annotations

from datetime import timedelta

import msgspec
from pydantic import AnyHttpUrl, BaseModel, ConfigDict, Field, SecretStr

from adapters.aliyun import Aliyun, number_of, variables_of
from bot.ports import Clock, Medium, Notice, NotifyChannel, Rate, Rejected, Result

VERSION = "2017-05-25"
FORBIDDEN = "【】『』「」〖〗①★※→•#\u200d"
A_DAY = 50  # of one template to one number


class Config(BaseModel):
    """Configure the vendor's SMS."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    access_key_id: str = Field(min_length=4)
    access_key_secret: SecretStr = Field(min_length=8)
    sign_name: str = Field(min_length=1, max_length=30)
    templates: dict[str, str] = Field(min_length=1)
    variable_chars: int = Field(default=35, ge=4, le=500)
    per_second: int = Field(default=20, ge=1, le=1000)
    endpoint: AnyHttpUrl = AnyHttpUrl("https://dysmsapi.aliyuncs.com")
    timeout_seconds: float = Field(default=8.0, ge=0.5, le=14)
    proxy: str | None = None


def connect(name: str, settings: Config, clock: Clock) -> NotifyChannel:
    """Make the channel; opens no connection yet."""
    return AliyunSms(name, settings, clock)


class AliyunSms:
    """Send by one signature of one account."""

    medium = Medium.SMS

    def __init__(self, name: str, settings: Config, clock: Clock) -> None:
        self.rates: tuple[Rate, ...] = (
            Rate(settings.per_second, timedelta(seconds=1)), Rate(A_DAY, timedelta(days=1), each=True),
        )  # fmt: skip
        self._settings = settings
        self._aliyun = Aliyun(
            name, str(settings.endpoint), VERSION, settings.access_key_id, settings.access_key_secret.get_secret_value(), clock,
            settings.timeout_seconds, settings.proxy,
        )  # fmt: skip

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        """Send one message; a notice without a text that the vendor has approved cannot be sent."""
        of = self._settings
        template = of.templates.get(notice.template or "")
        if template is None:
            return Rejected("no_template", notice.template or "")
        variables = variables_of(notice.variables, FORBIDDEN)
        short = {name: value[: of.variable_chars] for name, value in variables.items()}
        params = {
            "PhoneNumbers": number_of(to), "SignName": of.sign_name, "TemplateCode": template,
            "TemplateParam": msgspec.json.encode(short).decode(), "OutId": key,
        }  # fmt: skip
        return await self._aliyun.call("SendSms", params, to, "BizId")

    async def close(self) -> None:
        """Close the connections."""
        await self._aliyun.close()
