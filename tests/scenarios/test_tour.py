"""The tour of the product: one incident in Chinese, from the first alert to the closed loop, over three weeks."""

from __future__ import annotations

import difflib
import os
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.conftest import GROUNDS
from tests.scenarios.house import incident
from tests.scenarios.tour import Tour, touring

DOCS = Path(__file__).parents[2] / "docs"
RUN = "pytest -m '' tests/scenarios/test_tour.py"
SHORT_HEAD = """# 一次故障的全程：{title}

[主页面](../tour.zh.md)的剧本，演在{chat}上；同样由测试写下并核对。怎么读，见主页面。

"""
HEAD = """# 一次故障的全程

2024 年 5 月 20 日下午，电商核心下单接口大面积超时。这一页跟着它走：告警、建群、首报、处理、升级、换指挥、恢复、复发、
复盘、改进措施，直到两周后闭环。每一行都是产品真的说出来的：测试在{chat}的替身上演完这个剧本，写下这一页，并在每次改动后核对。

| 谁 | 做什么 |
|---|---|
| 李四 | 订单服务的运维，第一位指挥官 |
| 王五 | 订单服务的研发负责人，复盘负责人 |
| 张三 | 订单服务本周值班 |
| 老周 | 值班经理，第二位指挥官 |
| 小陈、钱总 | 客服，管理层：不进应急群，看通告 |

怎么读：`[应急群]` 是大家都看见的；`[私聊·李四]` 只有李四看见；方括号里是卡片上的按钮，〔点「…」〕是有人点了它；`@bot` 是
机器人，行尾的 ✓ 是它在消息上打的勾。卡片原地更新，这里不重复。

同一个剧本在其他聊天上：

| 聊天 | 不同之处 |
|---|---|
| [Slack](tour/slack.zh.md) | 只给一个人的话就在群里、只有他看见 |
| [钉钉](tour/dingtalk.zh.md) | 没有表情回应：打勾是一条短消息，记下别人的话靠引用 |
| [钉钉，没有导入卡片模板](tour/dingtalk-text.zh.md) | 没有按钮，用编号和打字 |
| [企业微信，自建应用和智能机器人](tour/wecom.zh.md) | 群里的消息不能改，按钮在私聊里；只给一个人的话走私聊 |
| [纯文字](tour/plain.zh.md) | 没有卡片、没有按钮，全靠打字 |

"""
HOUSE: dict[str, Any] = {
    "rotations": {"orders": {"name": "订单值班", "people": ["zhang"], "start": "2024-05-20", "every": 7, "handover": "10:00"}},
    "services": {"orders": {"on_call": ["orders"]}},
    "announcements": {"audiences": {"execs": {"people": ["qian"]}, "support": {"people": ["chen"]}}},
    "policy": {"duty_managers": ["zhou"], "founders": ["zhang", "li"]},
}


@pytest.fixture
def tour_of(ground: str, store_url: str) -> Any:
    return lambda: touring(GROUNDS[ground][0], store_url, HOUSE)


async def played(tour: Tour) -> None:
    await judged(tour)
    await gathered(tour)
    await announced(tour)
    await handled(tour)
    await raised(tour)
    await handed_over(tour)
    await recovered(tour)
    await reviewed(tour)
    await improved(tour)


async def judged(tour: Tour) -> None:
    tour.chapter("一、告警来了", "监控发来一条告警。规则只认它值得看一眼：频道里出现一张待判断的卡片，由人来定是不是故障。")
    await tour.until("14:02")
    await tour.fires("下单接口 P99 3.2 秒（阈值 1 秒）", severity="warning")
    await tour.until("14:03")
    await tour.presses("zhang", "我在看", place="alerts", otherwise="认领 A-1")
    await tour.until("14:04")
    await tour.types("li", "声明 P2 订单服务 A-1 电商核心下单接口大面积超时 14:01", directly=True)
    await tour.enters("zhang")


async def gathered(tour: Tour) -> None:
    tour.chapter(
        "二、建群、叫人、定指挥", "应急群已经建好，该来的人都被叫到，每人知道为什么叫他。来不了就转给别人；没有回应的，逐级加急。"
    )
    await tour.until("14:05")
    await tour.types("li", "指挥")
    await tour.until("14:06")
    await tour.types("wang", "转给 @老周", directly=True)
    await tour.until("14:07")
    await tour.types("zhou", "到", directly=True)
    await tour.until("14:13")
    await tour.types("zhang", "到", directly=True)
    await tour.card("已呼叫|已到")


async def announced(tour: Tour) -> None:
    about = incident(tour.room)
    tour.chapter("三、首报", "通告先给发的人看，缺什么写明什么，补齐了才能发；发出去以后看得到谁收到、谁已知悉。")
    await tour.until("14:14")
    await tour.types("li", f"通告 {about} 发送 1", directly=True)
    await tour.types("li", "影响 订单服务 下单成功率 98%→61%（华东）")
    await tour.until("14:15")
    await tour.types("li", f"通告 {about} 首报 管理层", directly=True)
    await tour.types("li", f"通告 {about} 发送 1", directly=True)
    await tour.types("li", f"通告 {about} 发送 2", directly=True)
    await tour.until("14:16")
    await tour.presses("qian", "已知悉", place=None, otherwise=f"已知悉 {about} 1")
    await tour.until("14:17")
    await tour.types("chen", f"客诉 {about} +3 下单一直转圈", directly=True)


async def handled(tour: Tour) -> None:
    tour.chapter("四、边处理边记", "进展、决策、发现都用一句话留下；到点没有进展会先私下提醒指挥官，一个词就能答复。")
    await tour.until("14:19")
    await tour.types("zhou", "记录 14:12 发现 订单库连接池打满，来自 14:00 的发布")
    await tour.types("li", "定位 14:12 订单库连接池打满")
    await tour.until("14:20")
    message = await tour.talks("zhang", "我看到连接数从 14:00 发布后一路涨，先把发布回滚一半看看")
    await tour.captures("li", message)
    await tour.until("14:21")
    await tour.types("li", "记录 决策 先回滚订单服务，不等扩容")
    await tour.until("14:22")
    await tour.fills(
        "li", "发进展", place=tour.room, otherwise=("进展 已定位到 14:00 的发布，正在回滚 1/4",),
        现状="已定位到 14:00 的发布", 动作="正在回滚 1/4", 下一步="14:40 前全量回滚",
    )  # fmt: skip
    await tour.until("14:24")
    await tour.types("chen", "现状 订单服务", directly=True)
    await tour.until("14:50")
    await tour.presses("li", "无新进展", place=None, otherwise=f"无新进展 {incident(tour.room)}")


async def raised(tour: Tour) -> None:
    about = incident(tour.room)
    tour.chapter(
        "五、影响扩大，升级", "等级由服务等级、影响、持续时间和客诉算出来，算式写给人看；升级要人点头，升了就起草升级通告。"
    )
    await tour.until("14:54")
    await tour.types("zhou", "影响 受影响 35% 全国下单成功率 52%")
    await tour.until("14:55")
    await tour.presses("li", "改为 P1", place=tour.room, otherwise="等级 P1")
    await tour.types("li", "为什么 等级")
    await tour.until("14:56")
    await tour.types("li", f"通告 {about} 发送 3", directly=True)


async def handed_over(tour: Tour) -> None:
    tour.chapter(
        "六、换指挥，静默告警", "交接时对方先看到简报，接受之前仍由原来的人指挥。正在处理的告警可以先静默，恢复时自动解除。"
    )
    await tour.until("15:00")
    await tour.types("li", "指挥 @老周")
    await tour.until("15:01")
    await tour.presses("zhou", "接受", place=None, otherwise=f"指挥 {incident(tour.room)}")
    await tour.until("15:02")
    await tour.types("zhou", "静默 2小时")
    await tour.until("15:03")
    await tour.types("zhou", "状态")


async def recovered(tour: Tour) -> None:
    about = incident(tour.room)
    tour.chapter(
        "七、恢复、复发、再恢复", "告警停了只会问一句，恢复由人来定。观察期里同样的告警再来，一个词就撤销恢复，不会另起一个故障。"
    )
    await tour.until("15:10")
    await tour.types("zhang", "止血 回滚完成，连接数回落")
    await tour.until("15:12")
    await tour.fires("下单接口 P99 3.2 秒（阈值 1 秒）", severity="warning", firing=False)
    await tour.until("15:13")
    await tour.types("zhou", "恢复 15:12 回滚订单服务")
    await tour.until("15:14")
    await tour.types("zhou", f"通告 {about} 发送 5", directly=True)
    await tour.until("15:26")
    await tour.fires("下单接口 P99 2.8 秒（阈值 1 秒）", severity="warning")
    await tour.until("15:27")
    await tour.presses("zhou", "撤销恢复", place=tour.room, otherwise="重开 还有两个机房没回滚")
    await tour.until("15:28")
    await tour.types("zhou", f"通告 {about} 发送 7", directly=True)
    await tour.until("15:36")
    await tour.types("zhou", "进展 漏了两个机房，已全部回滚")
    await tour.until("15:38")
    await tour.fires("下单接口 P99 2.8 秒（阈值 1 秒）", severity="warning", firing=False)
    await tour.until("15:40")
    await tour.fills(
        "zhou", "已恢复", place=tour.room, otherwise=("恢复 15:38 两个机房也已回滚",), 一句话结论="两个机房也已回滚"
    )  # fmt: skip
    await tour.until("15:41")
    await tour.types("zhou", f"通告 {about} 发送 8", directly=True)
    await tour.until("16:20")
    await tour.types("wang", f"状态 {about}", directly=True)


async def reviewed(tour: Tour) -> None:
    about = incident(tour.room)
    tour.chapter("八、复盘", "观察期结束，P1、P2 自动转入待复盘，有负责人、有期限。缺一项都不能提交，没有发布不能关闭。")
    await tour.until("05-21 10:00")
    await tour.types("zhou", "关闭")
    await tour.types("wang", f"复盘 {about}", directly=True)
    await tour.until("05-21 10:30")
    await tour.fills(
        "wang", "填写", form="填写复盘", place=None,
        otherwise=(f"复盘 {about} 根因 连接池上限从 200 改成了 20", f"复盘 {about} 触发条件 14:00 的发布带上了这次改动"),
        问题根因="连接池上限从 200 改成了 20", 触发条件="14:00 的发布带上了这次改动",
    )  # fmt: skip
    for section in ("发现方式 监控", "影响面 全国 35% 的下单，约 1.2 万单"):
        await tour.types("wang", f"复盘 {about} {section}", directly=True)
    await tour.types("wang", f"复盘 {about} 提交", directly=True)
    await tour.until("05-21 11:00")
    await tour.types("wang", f"改进 {about} 订单服务发布先灰度 5% @张三 5-31 验收：灰度演练记录 验收人 王五", directly=True)
    await tour.types("wang", f"改进 {about} 连接池上限加监控 @李四 5-24 验收：告警演练记录 验收人 王五", directly=True)
    await tour.types("wang", f"复盘 {about} 提交", directly=True)
    await tour.until("05-21 14:00")
    await tour.types("zhou", f"退回复盘 {about} 没有写为什么没有更早发现", directly=True)
    await tour.until("05-21 15:00")
    await tour.types("wang", f"复盘 {about} 为何未更早发现 连接数没有告警", directly=True)
    await tour.types("wang", f"复盘 {about} 提交", directly=True)
    await tour.until("05-21 16:00")
    await tour.types("zhou", f"复盘 {about} 通过", directly=True)
    await tour.types("wang", f"复盘 {about} 发布", directly=True)
    await tour.types("wang", f"复盘 {about} 报告", directly=True)
    await tour.types("zhou", "关闭")


async def improved(tour: Tour) -> None:
    tour.chapter("九、改进措施直到闭环", "每人每个工作日最多一条提醒，直接回复编号就能延期、完成；验收人点头才算完。")
    await tour.until("05-21 17:00")
    await tour.presses("zhang", "接受", place=None, otherwise="接手 1")
    await tour.presses("li", "接受", place=None, otherwise="接手 2")
    await tour.until("05-24 11:00")
    await tour.types("li", "延期 2 5-28 等监控平台上线", directly=True)
    await tour.until("05-28 15:00")
    await tour.types("li", "完成 2 告警演练已归档，第 17 号", directly=True)
    await tour.types("wang", "打回 2 缺恢复后的截图", directly=True)
    await tour.types("li", "完成 2 截图已补，第 17 号", directly=True)
    await tour.types("wang", "验收 2", directly=True)
    await tour.until("05-31 11:00")
    await tour.types("zhang", "完成 1 灰度演练记录第 18 号", directly=True)
    await tour.types("wang", "验收 1", directly=True)
    await tour.until("06-03 10:00")
    await tour.types("zhou", "统计 30天 订单服务", directly=True)


PAGES = {  # where it is played: the page, and what the chat is called
    "feishu-socket": ("tour.zh.md", "飞书"),
    "sqlite": ("tour/plain.zh.md", "纯文字的聊天"),
    "slack-socket": ("tour/slack.zh.md", " Slack "),
    "dingtalk": ("tour/dingtalk.zh.md", "钉钉"),
    "dingtalk-text": ("tour/dingtalk-text.zh.md", "钉钉（没有导入卡片模板）"),
    "wecom": ("tour/wecom.zh.md", "企业微信（自建应用和智能机器人）"),
}


@pytest.mark.timeout(400)  # a machine that is busy
@pytest.mark.on(*PAGES)
async def test_the_tour(ground: str, tour_of: Any) -> None:
    name, chat = PAGES[ground]
    async with tour_of() as tour:
        try:
            await played(tour)
        finally:
            print(tour.page())
        page = (HEAD if name == "tour.zh.md" else SHORT_HEAD).format(chat=chat, title=chat.strip()) + tour.page()
        assert not tour.house.foreign()
    file = DOCS / name
    if os.environ.get("WRITE_GOLDEN"):
        file.parent.mkdir(exist_ok=True)
        file.write_text(page, encoding="utf-8")
    stands = file.read_text(encoding="utf-8") if file.exists() else ""
    assert page == stands, f"docs/{name} is not what is said now: WRITE_GOLDEN=1 {RUN}, and read it\n" + "\n".join(
        difflib.unified_diff(stands.splitlines(), page.splitlines(), "docs", "now", lineterm="", n=1)
    )


def test_the_main_page_leads_to_every_other() -> None:
    main = (DOCS / "tour.zh.md").read_text(encoding="utf-8")
    others = sorted(path.relative_to(DOCS).as_posix() for path in (DOCS / "tour").glob("*.md"))
    assert others == sorted(name for name, _ in PAGES.values() if name != "tour.zh.md")
    assert [name for name in others if f"]({name})" not in main] == []
    for readme in ("README.md", "README.zh.md"):
        assert "](docs/tour.zh.md)" in (DOCS.parent / readme).read_text(encoding="utf-8")
