"""WeCom's refusals: a code, words, and the hint that every real answer carries."""

from __future__ import annotations

import secrets
import time
from typing import Any

WORDS = {
    -1: "system busy",
    6000: "data version conflict",
    40001: "invalid credential",
    40007: "invalid media_id",
    40008: "invalid message type",
    40013: "invalid corpid",
    40014: "invalid access_token",
    40031: "invalid user list",
    40032: "invalid userlist size",
    40058: "invalid Request Parameter",
    41001: "access_token missing",
    41002: "corpid missing",
    41004: "corpsecret missing",
    41009: "userid missing",
    41011: "agentid missing",
    42001: "access_token expired",
    42014: "taskid has existed or empty or exceed max len",
    42015: "the app of the message does not match",
    42016: "taskid is not exist",
    42022: "code has been used",
    43012: "callback url is not configured",
    44004: "empty content",
    45009: "api freq out of limit",
    46004: "user not exist",
    48002: "no privilege to access this api",
    50003: "agent forbidden",
    60011: "no privilege to access/modify contact/party/agent",
    60020: "not allow to access from your ip",
    60103: "invalid mobile",
    60105: "invalid email",
    60111: "userid not found",
    81013: "user & party & tag all invalid",
    82001: "all the receivers are empty",
    86001: "invalid chatid",
    86003: "chatid not exist",
    86004: "invalid chat name",
    86005: "invalid chat owner",
    86006: "invalid chat member size",
    86201: "chatid missing",
    86205: "chatid too long",
    86207: "owner is not in the member list",
    86215: "chatid has existed",
    86216: "invalid chat member",
    93001: "robot is not in the chat",
    93006: "invalid chatid",
    301002: "not allow to operate this agent",
    301049: "app is not linked to emergency notice",
    301050: "emergency notice is not enabled",
    301051: "emergency notice has no balance",
    600039: "device type not support",
    846605: "invalid req_id",
    846607: "aibot send msg frequency limit exceeded",
    846608: "stream message update expired",
    846609: "aibot websocket not subscribed",
    853000: "invalid bot_id or secret",
}


class No(Exception):
    """Refuse a call with one of WeCom's codes; `where` says which parameter it is about."""

    def __init__(self, code: int, where: str = "", **more: Any) -> None:
        super().__init__(code)
        self.code = code
        self.where = where
        self.more = more

    def words(self, peer: str = "127.0.0.1", warning: str = "") -> str:
        """Give the errmsg; its words may change, only the code counts."""
        hint = f"{int(time.time())}{secrets.randbelow(10**14):014d}"
        said = f"{self.where}. {WORDS[self.code]}" if self.where else WORDS[self.code]
        return (
            f"{warning}{said}, hint: [{hint}], from ip: {peer}, "
            f"more info at https://open.work.weixin.qq.com/devtool/query?e={self.code}"
        )
