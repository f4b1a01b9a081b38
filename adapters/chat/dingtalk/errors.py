"""DingTalk's error codes, sorted into what to do about each; pure. The misspelt ones are spelt so by DingTalk.

The codes on the right are ours: people have words for them in templates/*/words.yaml.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from bot.ports import Rejected, Retry

QUOTA_WAIT = 1800.0  # seconds; what a month allows is used up
BANNED_WAIT = 300.0  # an address that called too often is shut out for five minutes
TOKEN_WAIT = 60.0

# A token that is not, or no longer, good; the call was not made.
TOKEN = frozenset({"InvalidAuthentication", "88", "40014", "42001", "40001", "41001"})
KEYS = frozenset({"invalidClientIdOrSecret", "invalidClientId", "40089", "40090"})  # the app's own
_THROTTLED = ("QpsLimitForAppkeyAndApi", "QpmLimitForAppkeyAndApi", "QpsLimitForApi", "QpsLimitForAppkey")
THROTTLED = frozenset({"90018", "90002", "90005", "90006", "toomuch.msg"})
SPENT = ("ApiCountLimitForOrg",)
BUSY = frozenset({"system.busy", "system.error", "system.exception", "ServiceUnavailable", "serviceUnavailable", "-1"})

_SORTED = {
    "no_such_room": (
        "invalid.openConversationId", "miss.openConversationId", "illegal.openconevrsation.id", "illegal.openconversation.id",
        "group.disbanded", "invalideChatId", "param.openSpaceIdInvalid", "param.openSpaceIdEmpty", "34001", "400013",
    ),
    "not_in_room": (
        "invalidParameter.robotCode.missing", "invalidParameter.robotCode.notExsit", "invalidParameter.robotCode.auth",
        "invalidParameter.robotCode.invalid", "invalidParameter.robotCode.coolApp", "reject",
    ),
    "no_such_person": (
        "member.notFound", "param.userIdNotExist", "miss.staffId", "staffId.notExisted", "invalidStaffId", "60124",
    ),
    "unknown_person": ("60121", "40104", "60020"),
    "full": ("member.exceed",),
    "too_long": ("invalidParameter.msgParam.tooLong",),
    "empty": ("param.cardPublicDataEmpty", "param.cardDataAndPrivateDataBothEmpty", "miss.param.content"),
    "not_found": ("param.cardNotExist",),
    "bad_card": (
        "param.cardTemplateIdEmpty", "param.templateNotExist", "param.templateUnpublished", "param.openDeliverModelEmpty",
        "param.openDeliverModelError", "param.openSpaceModelInvalid", "param.invalid", "param.outTrackIdEmpty",
    ),
    "bad_text": ("param.contentUnsafe", "invalidParameter.msgParam.invalid"),
    "not_allowed": (
        "permession.checkFailed", "permission.checkFailed", "groupTemplate.notFound", "bot.stopped", "template.stopped",
        "unauthorized", "groupTemplate.permessionDenied.orgNotInGrayList", "groupTemplate.permessionDenied.appNotInstalled",
        "groupTemplate.permessionDenied.orgNotConsistent", "60011", "50002",
    ),
    "bad_people": ("ding.receivercount.limit",),
    "unsupported": ("ding.serverquota.insufficient",),
    "bad_name": ("parameter.invalid",),
}  # fmt: skip
CODES = {error: code for code, errors in _SORTED.items() for error in errors}


def code_of(error: str) -> str:
    """Give our code for an error; one without a row is told in DingTalk's own word."""
    if error.endswith("AccessTokenPermissionDenied"):
        return "missing_scope"
    if error.startswith("invalidParameter.robotCode"):
        return "not_in_room"
    return CODES.get(error, error[:40] or "refused")


def sorted_out(error: str, raw: str, connection: str) -> Retry | Rejected:
    """Say what an error means for a call: nothing was done, and whether it is worth trying again."""
    if error.endswith(SPENT) or error == "90020":
        return Retry(QUOTA_WAIT, "quota")
    if error.endswith(_THROTTLED) or error in THROTTLED:
        return Retry(1.0, "rate_limited", connection)
    if error in TOKEN or error in KEYS:
        return Retry(TOKEN_WAIT, "bad_token")
    if error in BUSY:
        return Retry(2.0, "busy")
    return Rejected(code_of(error), raw or error)


def error_in(body: bytes) -> str:
    """Find the code in an answer of either API; empty = it names none."""
    said = answer_in(body)
    if said.get("punish") == "deny":
        return "punished"
    code = said.get("code")
    if isinstance(code, str) and code:
        return code
    errcode = said.get("errcode")
    if isinstance(errcode, int) and not isinstance(errcode, bool) and errcode != 0:
        sub = said.get("sub_code")
        return str(sub) if errcode == 88 and str(sub) in ("40014", "42001", "90018", "90002", "60011") else str(errcode)
    return ""


def answer_in(body: bytes) -> Mapping[str, Any]:
    """Read an answer; what is no JSON object reads as an empty one."""
    try:
        said = json.loads(body)
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def undelivered(data: Mapping[str, Any]) -> str | None:
    """Find the failed delivery that an answer of success can hold; gives DingTalk's words for it."""
    result = data.get("result")
    results = result.get("deliverResults") if isinstance(result, dict) else result
    for one in results if isinstance(results, list) else ():
        if isinstance(one, dict) and one.get("success") is False:
            return str(one.get("errorMsg") or "not delivered")[:200]
    return None
