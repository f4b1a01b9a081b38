"""What an admin is told: the permissions, the steps, and what is wrong with the app."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from adapters.chat import feishu
from adapters.chat.feishu import setup
from adapters.sandbox.feishu.company import chats, people
from adapters.sandbox.feishu.standin import Feishu, FeishuSandbox
from adapters.sandbox.feishu.tenant import App

README = Path(feishu.__file__).parent / "README.md"
KEYS = {"app_id": "cli_x", "app_secret": "s3cret"}


def test_every_permission_and_event_is_printed_and_explained() -> None:
    scopes = setup.manifest()["scopes"]
    assert set(scopes) == {"tenant", "user"} and len(set(scopes["tenant"])) == len(scopes["tenant"])
    said = README.read_text("utf-8")
    for scope in scopes["tenant"]:
        name, colon, end = scope.rpartition(":")
        assert f"`{scope}`" in said or (f"`{colon}{end}`" in said and f"`{name}" in said), scope
    for event in (*setup.EVENTS, *setup.CALLBACKS):
        assert event in said and any(event in step for step in setup.steps(False))
    assert any("long connection" in step for step in setup.steps(False))
    assert any("Encrypt Key" in step for step in setup.steps(True))


async def test_a_good_app_is_checked_and_its_slash_commands_are_registered_once() -> None:
    app = App(scopes=tuple(setup.SCOPES))
    standin = Feishu(people(), chats(app), app=app)
    async with FeishuSandbox(standin) as sandbox:
        settings = feishu.Config.model_validate({"app_id": app.id, "app_secret": app.secret, "api_url": sandbox.url})
        for _ in range(2):
            good, wrong = await setup.check(settings)
            assert wrong == []
            assert any("warroom" in line for line in good) and any("long connection" in line for line in good)
        assert sorted(c["command"] for c in standin.tenant.commands.values()) == ["inc", "incident", "故障"]
        assert app.secret not in " ".join(good)


async def test_what_is_missing_is_said() -> None:
    app = App(scopes=("im:message:send_as_bot",))
    standin = Feishu(people(), chats(app), app=app)
    async with FeishuSandbox(standin) as sandbox:
        keys = {"app_id": app.id, "app_secret": app.secret, "api_url": sandbox.url}
        good, wrong = await setup.check(feishu.Config.model_validate(keys))
        assert any("contact:user.id:readonly" in line for line in wrong) and any("/incident" in line for line in wrong)
        good, wrong = await setup.check(feishu.Config.model_validate({**keys, "app_secret": "not-the-secret"}))
        assert (good, wrong) == ([], ["Feishu refuses app_id or app_secret"])
    assert (await setup.check(feishu.Config.model_validate(keys)))[1] == ["Feishu cannot be reached (unreachable)"]


def test_the_domain_says_where_the_app_lives() -> None:
    assert feishu.Config.model_validate(KEYS).base_url == "https://open.feishu.cn"
    lark = feishu.Config.model_validate({**KEYS, "domain": "lark"})
    assert (lark.base_url, lark.link_url) == ("https://open.larksuite.com", "https://applink.larksuite.com")


def test_a_webhook_needs_both_its_keys_and_is_meant_when_they_are_there() -> None:
    both = {**KEYS, "encrypt_key": "k3y-k3y", "verification_token": "t0ken"}
    assert feishu.Config.model_validate(both).over_http
    assert not feishu.Config.model_validate({**both, "mode": "socket"}).over_http
    assert not feishu.Config.model_validate(KEYS).over_http
    for part in ({"mode": "http"}, {"encrypt_key": "k3y-k3y"}, {"verification_token": "t0ken"}):
        with pytest.raises(ValidationError) as caught:
            feishu.Config.model_validate({**KEYS, **part})
        assert "needs encrypt_key and verification_token" in str(caught.value) and "s3cret" not in str(caught.value)


def test_the_sdk_is_never_loaded() -> None:
    import subprocess
    import sys

    code = (
        "import sys, json, adapters.chat.feishu as f; f.connect('feishu', f.Config(app_id='cli_x', app_secret='s3cret'), None);"
        "print(json.dumps([m for m in sys.modules if m.partition('.')[0] in ('lark_oapi', 'google', 'requests')]))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert json.loads(done.stdout) == []
