"""SMS by Aliyun (短信服务, Dysmsapi 2017-05-25, `SendSms`): an approved text and its variables.

The vendor knows no keys ("国内短信…均不支持幂等"): a repeat is a second message. `OutId` carries our key into its receipts,
`BizId` is its own. A text has no 【】 (通知短信模板规范), a variable no link. How long a variable may be, the page that was
read does not say: 35 is the usual figure, `variable_chars` another one. [tenant]
"""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import msgspec
from pydantic import AfterValidator, AnyHttpUrl, Field

from adapters.aliyun import Account, Aliyun, number_of, of_texts, variables_of
from bot.ports import Approval, Clock, Medium, Notice, NotifyChannel, Rate, Rejected, Result

VERSION = "2017-05-25"
FORBIDDEN = "【】『』「」〖〗①★※→•#\u200d"
A_DAY = 50  # of one template to one number

# The house's words, as the vendor takes them: no variable beside another, none called `id`.
approval = Approval(
    "短信服务控制台 → 国内消息 → 模板管理 → 添加模板，类型 通知短信",
    {
        "declared": "${level}故障，编号${no}，标题${title}，从${time}起，状态${status}，指挥官${ic}，详情见应急群。",
        "recovered": "编号${no}的故障${title}已恢复，历时${mins}。",
    },
    ("变量属性都选「其他」；场景说明：公司内部故障通知，发给值班和负责的员工。", "另要一个通过审核的签名，写在 sign_name。"),
)


class Config(Account):
    """Configure the vendor's SMS."""

    sign_name: str = Field(min_length=1, max_length=30)
    templates: Annotated[dict[str, str], AfterValidator(of_texts(approval.texts))]
    variable_chars: int = Field(default=35, ge=4, le=500)
    per_second: int = Field(default=20, ge=1, le=1000)
    endpoint: AnyHttpUrl = AnyHttpUrl("https://dysmsapi.aliyuncs.com")


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
        self._aliyun = Aliyun(name, VERSION, settings, clock)

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
