"""What an admin needs to install the app: the console's steps, the address for WeCom, and what the keys can really do."""

from __future__ import annotations

from typing import Any

from adapters.chat.wecom import Config

ROOT = 1  # the root department's id
HOSTS = ("qyapi.weixin.qq.com:443",)
# What WeCom says of keys (90313), in words that say what to do.
TROUBLE = {
    40001: "secret: WeCom refuses it; copy the app's Secret again",
    40013: "corp_id: there is no such company (我的企业 > 企业ID)",
    40056: "agent_id: there is no such app in this company",
    301002: "agent_id: the secret is another app's",
    50003: "the app is switched off: 应用管理 > the app > 启用",
    60011: "可见范围: the app sees nobody; it must be the root department",
    45009: "WeCom takes no more calls for now; try again later",
}


def manifest(over_http: bool = False, url: str | None = None, connection: str = "wecom") -> dict[str, Any]:
    """Give what stands in the console's fields: the address to which WeCom delivers, and where warroom calls."""
    address = (url or "https://<public address>").rstrip("/")
    return {"接收消息": {"URL": f"{address}/chat/{connection}"}, "outgoing": list(HOSTS)}


def steps(over_http: bool) -> list[str]:
    """List what an admin does, one line each; WeCom always calls us, so it needs a public address."""
    return [
        "open https://work.weixin.qq.com/wework_admin, 应用管理 > 自建 > 创建应用; 可见范围: the root "
        "department, or WeCom opens no rooms (60011)",
        "copy 企业ID (我的企业), AgentId and Secret to `corp_id`, `agent_id` and `secret`",
        "the app's page > 接收消息 > 设置API接收: the URL that stands above; let the console make Token and "
        "EncodingAESKey, and copy them to `token` and `aes_key`",
        "start warroom, and only then press 保存: WeCom asks the address to prove itself within a second",
        "企业可信IP: the addresses from which warroom calls (60020 without); it can be filled in once the callback is saved",
        "`company`: two accounts who join a room for which fewer than two people are known",
        "telephone calls, if wanted: 应用管理 > 紧急通知 > bind the app (its minutes are paid for)",
        "check it: warroom setup wecom --check -c config.yaml",
        "to be heard in groups: the intelligent bot (warroom setup wecom_bot), and `hears_for` with this "
        "connection's name there; where WeCom takes no push from the bot, it answers the last message to it, "
        "and beside the app rooms are told by the app",
    ]


async def check(settings: Config) -> tuple[list[str], list[str]]:
    """Ask WeCom about the app; gives what is good and what is wrong, one line each. It changes nothing and tells nobody."""
    from adapters.chat.wecom.wire import Said, Wire
    from adapters.http import Http

    secret, token, aes = (s.get_secret_value() for s in (settings.secret, settings.token, settings.aes_key))
    http = Http(settings.api_url, secrets=(secret, token, aes), timeout=settings.timeout_seconds, proxy=settings.proxy)
    wire = Wire("setup", http, settings.corp_id, secret)
    try:
        proof = await wire.prove()
        if not isinstance(proof, Said):
            return [], [f"WeCom cannot be reached ({getattr(proof, 'code', 'lost')})"]
        if proof.error:
            return [], [_trouble(proof)]
        good = ["corp_id, secret: WeCom gives a token"]
        agent = await wire.once("agent/get", {"agentid": str(settings.agent_id)})
        if not isinstance(agent, Said) or agent.error:
            return good, [_trouble(agent)]
        wrong: list[str] = []
        _judge(agent.data, settings, good, wrong)
        for account in settings.company:
            one = await wire.once("user/get", {"userid": account})
            if isinstance(one, Said) and not one.error:
                good.append(f"company: {account} is visible")
            else:
                wrong.append(f"company: {account} is no account that the app sees ({_number(one)})")
    finally:
        await wire.close()
    return good, wrong


def _judge(agent: Any, settings: Config, good: list[str], wrong: list[str]) -> None:
    """Read agent/get (90227)."""
    good.append(f"agent_id: the app {agent.get('name') or settings.agent_id}, called from a trusted address")
    if agent.get("close"):
        wrong.append(TROUBLE[50003])
    parties = agent.get("allow_partys")
    seen = parties.get("partyid") if isinstance(parties, dict) else None
    if isinstance(seen, list) and ROOT in seen:
        good.append("可见范围: the root department")
    else:
        wrong.append("可见范围: the root department is missing: WeCom opens no rooms (60011)")


def _trouble(heard: Any) -> str:
    from adapters.chat.wecom.wire import Said

    if not isinstance(heard, Said):
        return f"WeCom cannot be reached ({getattr(heard, 'code', 'lost')})"
    if heard.error == 60020:
        return (
            f"企业可信IP: WeCom does not trust the address of this machine{heard.caller}; add it, or run this where warroom runs"
        )
    return TROUBLE.get(heard.error, f"WeCom refuses: {heard.raw}")


def _number(heard: Any) -> str:
    return str(getattr(heard, "error", None) or getattr(heard, "code", "lost"))
