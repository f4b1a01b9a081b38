"""What an admin is told: the steps, and what is wrong with the app and with the bot."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.chat import wecom, wecom_bot
from adapters.chat.wecom import setup
from adapters.chat.wecom_bot import setup as bot_setup
from adapters.sandbox.wecom import company
from adapters.sandbox.wecom.standin import WeCom, WeComSandbox
from tests.contract.rigs.wecom import settings as app_settings
from tests.contract.rigs.wecom_bot import settings as bot_settings

READMES = [(Path(package.__file__).parent / "README.md").read_text("utf-8") for package in (wecom, wecom_bot)]


@pytest.fixture
async def sandbox() -> AsyncIterator[WeComSandbox]:
    async with WeComSandbox(WeCom(company.users(), company.chats(), request_url="http://127.0.0.1:9/")) as sandbox:
        yield sandbox


def test_the_steps_name_what_the_configuration_needs() -> None:
    said = " ".join(setup.steps(False))
    for key in ("corp_id", "agent_id", "secret", "token", "aes_key", "company", "hears_for"):
        assert f"`{key}`" in said, key
    for place in ("可见范围", "接收消息", "企业可信IP", "紧急通知"):
        assert place in said and place in READMES[0], place
    of_the_bot = " ".join(bot_setup.steps(False))
    for key in ("bot_id", "secret", "name", "hears_for"):
        assert f"`{key}`" in of_the_bot, key
    for number in ("93006", "600039"):  # where a push is not taken
        assert number in of_the_bot
    for manifest, readme in zip((setup.manifest(), bot_setup.manifest()), READMES, strict=True):
        assert all(host.partition(":")[0] in readme for host in manifest["outgoing"])


def test_the_callback_has_the_connections_name() -> None:
    told = setup.manifest(True, "https://bot.example/", "wecom-eu")
    assert told["接收消息"]["URL"] == "https://bot.example/chat/wecom-eu"


async def test_a_good_app_is_checked_without_telling_anybody(sandbox: WeComSandbox) -> None:
    standin = sandbox.wecom
    good, wrong = await setup.check(app_settings(standin, sandbox.url))
    assert wrong == []
    assert len(good) == 4 and any(standin.app.name in line for line in good) and any("li is visible" in line for line in good)
    assert not standin.corp.messages
    assert not any(word in " ".join(good) for word in (standin.app.secret, standin.app.token, standin.app.aes_key))


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ({"secret": "another-secret"}, "secret: WeCom refuses it"),
        ({"corp_id": "ww01234"}, "corp_id: there is no such company"),
        ({"agent_id": 7}, "agent_id: the secret is another app's"),
        ({"company": ["nobody"]}, "company: nobody is no account that the app sees (60111)"),
    ],
)
async def test_each_wrong_key_is_named(sandbox: WeComSandbox, keys: dict[str, object], said: str) -> None:
    _, wrong = await setup.check(app_settings(sandbox.wecom, sandbox.url, **keys))
    assert len(wrong) == 1 and wrong[0].startswith(said), wrong
    assert "another-secret" not in wrong[0]


async def test_what_the_console_lacks_is_named(sandbox: WeComSandbox) -> None:
    standin = sandbox.wecom
    settings = app_settings(standin, sandbox.url)
    standin.app.root = False
    assert (await setup.check(settings))[1] == ["可见范围: the root department is missing: WeCom opens no rooms (60011)"]
    standin.desk.enabled = False
    assert (await setup.check(settings))[1] == [setup.TROUBLE[50003]]
    standin.desk.trusted = False
    (line,) = (await setup.check(settings))[1]
    assert line.startswith("企业可信IP: WeCom does not trust the address of this machine (127.0.0.1)")


async def test_a_bot_is_checked(sandbox: WeComSandbox) -> None:
    settings = bot_settings(sandbox.wecom, sandbox.ws_url)
    assert await bot_setup.check(settings) == (["bot_id, secret: the long connection can be opened"], [])
    good, wrong = await bot_setup.check(bot_settings(sandbox.wecom, sandbox.ws_url, secret="another-secret"))
    assert not good and wrong[0].startswith("WeCom refuses bot_id or secret (853000)") and "another-secret" not in wrong[0]
    assert (await bot_setup.check(bot_settings(sandbox.wecom, sandbox.ws_url, name="")))[1][0].startswith("name: missing")


async def test_what_cannot_be_reached_is_said() -> None:
    standin = WeCom(company.users(), company.chats(), request_url="http://127.0.0.1:9/")
    assert await setup.check(app_settings(standin, "http://127.0.0.1:9")) == ([], ["WeCom cannot be reached (unreachable)"])
    good, wrong = await bot_setup.check(bot_settings(standin, "ws://127.0.0.1:9"))
    assert not good and wrong == ["the long connection cannot be opened (ConnectionRefusedError)"]
