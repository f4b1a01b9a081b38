"""Takes calls of both APIs: finds the interface, checks token, scope and rates, and answers in the dialect of each."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.dingtalk import cards, contacts, dings, groups, robot, topbox
from adapters.sandbox.dingtalk.args import Args, No, OldNo
from adapters.sandbox.dingtalk.hub import Hub
from adapters.sandbox.dingtalk.rates import Rates
from adapters.sandbox.dingtalk.tokens import Tokens
from adapters.sandbox.dingtalk.world import Data, World

TOKEN = "x-acs-dingtalk-access-token"
_BUSY = "Forbidden.AccessDenied."


@dataclass(frozen=True, slots=True)
class Api:
    """Describe one interface; `code` = how it refuses arguments, `counted` = whether the month counts it."""

    handle: Callable[[Desk, Args], Data]
    scope: str
    code: str = "param.invalid"
    counted: bool = True


def _token(desk: Desk, args: Args) -> Data:
    found = desk.tokens.issue(args.text("appKey"), args.text("appSecret"))
    if found is None:
        raise No("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
    return {"accessToken": found[0], "expireIn": found[1]}


def _connection(desk: Desk, args: Args) -> Data:
    return desk.hub.open(args)


_CHAT, _ROBOT, _CARD, _DING = "qyapi_chat_manage", "qyapi_robot_sendmsg", "Card.Instance.Write", "Premium.Ding.Write"
_BAD = "invalidParameter.param.invalid"
APIS: dict[str, Api] = {
    "POST /v1.0/oauth2/accessToken": Api(_token, "", counted=False),
    "POST /v1.0/gateway/connections/open": Api(_connection, "", counted=False),
    "POST /v1.0/im/group/create": Api(groups.create, _CHAT, "parameter.invalid"),
    "POST /v1.0/im/group/update": Api(groups.update, _CHAT, "parameter.invalid"),
    "POST /v1.0/im/chat/{chat_id}/convertToOpenConversationId": Api(groups.convert, _CHAT),
    "POST /v1.0/im/sceneGroup/create": Api(groups.create_scene, _CHAT, "parameter.invalid"),
    "POST /v1.0/im/sceneGroup/update": Api(groups.update_scene, _CHAT, "parameter.invalid"),
    "POST /v1.0/im/sceneGroup/member/add": Api(groups.add_members, _CHAT, "parameter.invalid"),
    "POST /v1.0/im/sceneGroup/member/delete": Api(groups.delete_members, _CHAT, "parameter.invalid"),
    "POST /v1.0/im/sceneGroups/query": Api(groups.query, _CHAT, "paramIllegal"),
    "POST /v1.0/im/sceneGroups/members/query": Api(groups.members, _CHAT, "paramIllegal"),
    "POST /v1.0/im/chat/scenegroup/disband": Api(groups.disband, _CHAT, "paramIllegal"),
    "POST /v1.0/robot/groups/robots/query": Api(groups.robots, _CHAT),
    "POST /v1.0/robot/groups/orgRobots/add": Api(groups.add_robot, _CHAT),
    "POST /v1.0/robot/groupMessages/send": Api(robot.to_group, _ROBOT, _BAD),
    "POST /v1.0/robot/groupMessages/recall": Api(robot.recall, _ROBOT, _BAD),
    "POST /v1.0/robot/oToMessages/batchSend": Api(robot.to_people, _ROBOT, _BAD),
    "POST /v1.0/robot/otoMessages/batchRecall": Api(robot.recall_direct, _ROBOT, _BAD),
    "POST /v1.0/robot/messageFiles/download": Api(robot.download, _ROBOT, _BAD),
    "POST /v1.0/robot/ding/send": Api(dings.send, _DING, _BAD),
    "POST /v1.0/robot/ding/recall": Api(dings.recall, _DING, _BAD),
    "POST /v1.0/robot/ding/readStatuses/query": Api(dings.status, _DING, _BAD),
    "POST /v1.0/card/instances": Api(cards.create, _CARD),
    "POST /v1.0/card/instances/createAndDeliver": Api(cards.create_and_deliver, _CARD),
    "POST /v1.0/card/instances/deliver": Api(cards.deliver, _CARD),
    "PUT /v1.0/card/instances": Api(cards.update, _CARD),
    "POST /v1.0/card/tops/close": Api(cards.close_top, _CARD),
    "POST /v2.0/im/topBoxes": Api(topbox.open_box, _CHAT, "param.illegal"),
    "POST /v2.0/im/topBoxes/close": Api(topbox.close_box, _CHAT, "param.illegal"),
}
OLD: dict[str, Api] = {
    "/topapi/chat/qrcode/get": Api(groups.join_link, "qyapi_chat_base_read"),
    "/topapi/v2/user/getbymobile": Api(contacts.by_mobile, "qyapi_get_member_by_mobile", counted=False),
    "/topapi/user/getbyunionid": Api(contacts.by_union, "qyapi_get_member", counted=False),
    "/topapi/v2/user/get": Api(contacts.get, "qyapi_get_member", counted=False),
}
_PATTERNS = {name: re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(name))) for name in APIS if "{" in name}


class Desk:
    """Hold what interfaces work on, and take calls."""

    def __init__(self, world: World, hub: Hub, tokens: Tokens, rates: Rates) -> None:
        self.world, self.hub, self.tokens, self.rates = world, hub, tokens, rates
        self.throttled: set[str] = set()  # whom direct messages do not reach just now
        self.pressed: set[str] = set()  # cards on which a press waits for its answer
        self.strange: list[Data] = []

    # ------------------------------------------------------------ the new API
    def take(self, method: str, path: str, headers: Mapping[str, str], given: Any) -> tuple[int, Data]:
        """Take a call of the new API; gives an HTTP status and a body."""
        try:
            return 200, self._new(method, path, headers, given)
        except No as no:
            return no.status, no.told()

    def _new(self, method: str, path: str, headers: Mapping[str, str], given: Any) -> Data:
        name, parts = self._find(f"{method} {path}")
        api = APIS[name]
        if api.scope:
            if not self.tokens.good(headers.get(TOKEN, "")):
                raise No("InvalidAuthentication", "不合法的access_token")
            if api.scope not in self.tokens.scopes:
                words = f"应用尚未开通所需的权限：[{api.scope}]，点击链接申请并开通即可"
                raise No(f"{_BUSY}AccessTokenPermissionDenied", words, 403, accessdenieddetail={"requiredScopes": [api.scope]})
        if self.rates.too_fast(name, self.world.clock()):
            raise No(f"{_BUSY}QpsLimitForAppkeyAndApi", "请求过于频繁", 403)
        if api.counted and self.rates.spent():
            raise No(f"{_BUSY}ApiCountLimitForOrg", "企业每月调用次数超过限制", 403)
        if not isinstance(given, dict):
            raise No(api.code, "the body must be a JSON object")
        return api.handle(self, Args(given, api.code, parts))

    def _find(self, name: str) -> tuple[str, dict[str, str]]:
        if name in APIS and "{" not in name:
            return name, {}
        for known, pattern in _PATTERNS.items():
            if found := pattern.fullmatch(name):
                return known, found.groupdict()
        raise No("InvalidAction.NotFound", "Specified api is not found, please check your url and method.", 404)

    # ------------------------------------------------------------ the old API
    def take_old(self, path: str, query: Mapping[str, str], given: Any) -> Data:
        """Take a call of the old API; what is wrong stands in an answer with HTTP 200."""
        try:
            return self._old(path, query, given)
        except OldNo as no:
            return no.told()
        except No as no:  # of what both dialects share
            return OldNo(400002, no.message).told()

    def _old(self, path: str, query: Mapping[str, str], given: Any) -> Data:
        ok = {"errcode": 0, "errmsg": "ok"}
        if path == "/gettoken":
            found = self.tokens.issue(query.get("appkey", ""), query.get("appsecret", ""))
            if found is None:
                raise OldNo(40089, "不合法的corpid或corpsecret")
            return {**ok, "access_token": found[0], "expires_in": found[1]}
        api = OLD.get(path)
        if api is None:
            name = "dingtalk.oapi" + path.removeprefix("/topapi").replace("/", ".")
            words = f"不合法ApiName，ApiName = {name}"
            raise OldNo(22, f"Invalid method[submsg={words}]", sub_msg=words)
        if not self.tokens.good(query.get("access_token", "")):
            raise OldNo(40014, "不合法的access_token")
        if api.scope not in self.tokens.scopes:
            words = f"没有调用该接口的权限，所需权限：{api.scope}"
            raise OldNo(88, f"ding talk error[subcode=60011,submsg={words}]", sub_code="60011", sub_msg=words)
        if self.rates.too_fast(path, self.world.clock()):
            raise OldNo(90018, "您的服务器调用钉钉开放平台当前接口的所有请求都被暂时禁用了")
        if api.counted and self.rates.spent():
            raise OldNo(90020, "企业每月调用次数超过限制")
        if not isinstance(given, dict):
            raise OldNo(400002, "参数错误")
        return {**ok, **api.handle(self, Args(given))}
