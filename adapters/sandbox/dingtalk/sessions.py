"""The address that comes with a message and takes answers to it for an hour and a half, without a token."""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass
from typing import Any

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import OldNo
from adapters.sandbox.dingtalk.world import Data, Message, World

PATH = "/robot/sendBySession"


@dataclass(frozen=True, slots=True)
class Session:
    """Hold where answers go, and until when."""

    place: str
    robot: str
    ends: float


class Sessions:
    """Give out addresses and take what is posted to them."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.base = ""
        self._known: dict[str, Session] = {}

    def issue(self, place: str, robot: str) -> tuple[str, int]:
        """Make an address for a place; gives it and when it ends, in milliseconds."""
        ident, ends = secrets.token_hex(16), self.world.clock() + at_most.SESSION_SECONDS
        self._known[ident] = Session(place, robot, ends)
        return f"{self.base}{PATH}?session={ident}", int(ends * 1000)

    def take(self, ident: str, given: Data) -> Data:
        """Show what was posted where the session belongs."""
        session = self._known.get(ident)
        if session is None or session.ends < self.world.clock():
            raise OldNo(300001, "session 不存在")
        group = self.world.groups.get(session.place)
        if group is not None and group.disbanded:
            raise OldNo(400013, "群已被解散")
        if group is not None and session.robot not in group.robots:
            raise OldNo(400102, "机器人已停用")
        kind, shown = _read(given)
        if kind != "empty":
            at = _mentioned(self.world, shown, given.get("at"), list(group.members) if group else [])
            self.world.say(Message(self.world.fresh(), session.place, session.robot, kind, shown, at=at))
        return {"errcode": 0, "errmsg": "ok"}


def _read(given: Data) -> tuple[str, Data]:
    kind = given.get("msgtype")
    if kind == "empty":
        return "empty", {}
    if kind not in ("text", "markdown", "actionCard", "link", "feedCard"):
        raise OldNo(400105, "不支持的消息类型")
    part = given.get(kind)
    if not isinstance(part, dict):
        raise OldNo(40035, "缺少参数 json")
    if kind == "text":
        return kind, _texts(part, "content")
    if kind == "markdown":
        return kind, _texts(part, "title", "text")
    if kind == "link":
        said = _texts(part, "title", "text", "messageUrl")
        return kind, {"title": said["title"], "text": said["text"], "url": said["messageUrl"]}
    if kind == "feedCard":
        links = part.get("links")
        if not isinstance(links, list) or not links:
            raise OldNo(40035, "缺少参数 links")
        return kind, {"links": links}
    said = _texts(part, "title", "text")
    if isinstance(part.get("btns"), list):
        buttons = [_texts(button, "title", "actionURL") for button in part["btns"] if isinstance(button, dict)]
    else:
        single = _texts(part, "singleTitle", "singleURL")
        buttons = [{"title": single["singleTitle"], "actionURL": single["singleURL"]}]
    return kind, {**said, "buttons": [{"text": b["title"], "url": b["actionURL"]} for b in buttons]}


def _texts(part: dict[str, Any], *names: str) -> dict[str, str]:
    wrong = [name for name in names if not isinstance(part.get(name), str) or not part[name]]
    if wrong:
        raise OldNo(40035, f"缺少参数 {', '.join(wrong)}")
    return {name: part[name] for name in names}


def _mentioned(world: World, shown: Data, at: Any, members: list[str]) -> list[str]:
    """Say who is mentioned: who is named in `at` and also stands behind an @ in the text."""
    if not isinstance(at, dict):
        return []
    if at.get("isAtAll"):
        return ["@ALL"]
    text = str(shown.get("content") or shown.get("text") or "")
    wanted = set(at.get("atUserIds") or ())
    wanted |= {u.id for u in world.users.values() if u.mobile in set(at.get("atMobiles") or ())}
    standing = set(re.findall(r"@(\S+)", text))
    return [p for p in members if p in wanted and standing & {p, world.users[p].mobile}]
