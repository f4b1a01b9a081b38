"""An incident that plays itself, on chats with cards, buttons and forms: who does what, and what is then seen."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """Let somebody do one thing in the room: press a button (and fill in its form), or type something to the bot.

    `told` = what the room is told then, `card` = what the status card says after it, `answer` = what only they are told.
    """

    who: str
    press: str = ""
    form: Mapping[str, str] | None = None
    type: str = ""
    told: str = ""
    card: str = ""
    answer: str = ""
    directly: bool = False


@dataclass(frozen=True, slots=True)
class Script:
    """Hold the words of one language."""

    called: str
    pending: str
    life: tuple[Step, ...]
    quiet: str
    end: tuple[Step, ...]
    over: str


CHINESE = Script(
    "支付成功率 61%",
    "待确认",
    (
        Step("zhang", press="确认故障", told="P1 故障（张三）", card="处理中"),
        Step("li", press="我来指挥", told="指挥官：李四", card="李四"),
        Step("zhang", type="影响 支付服务 华东用户付不了款", card="华东用户付不了款"),
        Step("wang", type="记录 决策 暂停大促，先回滚支付网关"),
        Step(
            "li", press="发进展", form={"现状": "成功率 83%", "动作": "回滚 2/4 集群"},
            told="进展 1（李四）.*成功率 83%.*回滚 2/4 集群", card="成功率 83%",
        ),
        Step("zhang", press="已定位", card="定位 ✅"),
        Step("chen", type="现状 支付", answer="(?s)P1.*处理中.*李四.*华东用户付不了款.*成功率 83%", directly=True),
    ),
    "告警已全部恢复",
    (
        Step("li", press="已恢复", form={"一句话结论": "回滚支付网关"}, told="已恢复", card="已恢复"),
        Step("li", type='关闭 --no-postmortem "沙盒演示，不复盘"', told="已关闭（李四）.*沙盒演示，不复盘", card="已关闭"),
    ),
    "（已关闭）",
)  # fmt: skip
ENGLISH = Script(
    "Payment success rate 61 %",
    "To be confirmed",
    (
        Step("zhang", press="Confirm", told=r"P1 incident \(Zhang San\)", card="Handling"),
        Step("li", press="Take command", told="Commander: Li Si", card="Li Si"),
        Step("zhang", type="impact payments users in East China cannot pay", card="East China cannot pay"),
        Step("wang", type="note decision stop the sale and roll back the payment gateway"),
        Step(
            "li", press="Update", form={"How it stands": "success rate 83%", "Done": "rolled back 2 of 4 clusters"},
            told=r"Update 1 \(Li Si\).*success rate 83%.*rolled back 2 of 4", card="success rate 83%",
        ),
        Step("zhang", press="Located", card="located ✅"),
        Step(
            "chen", type="brief payments", directly=True,
            answer="(?s)P1.*handling.*Li Si.*East China cannot pay.*success rate 83%",
        ),
    ),
    "alerts have resolved",
    (
        Step(
            "li", press="Recovered", form={"In one sentence": "rolled back the payment gateway"}, told="(?i)recovered",
            card="Recovered",
        ),
        Step(
            "li", type='close --no-postmortem "sandbox demo, no review"', told="(?i)closed.*sandbox demo, no review",
            card="Closed",
        ),
    ),
    r"(?i)\(closed\)",
)  # fmt: skip
