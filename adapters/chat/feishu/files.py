"""The bytes of what came with a message: known by the message and a key that only it has."""

from __future__ import annotations

from urllib.parse import quote

from adapters.chat.feishu.errors import code_of
from adapters.chat.feishu.wire import Said, Wire
from bot.model.facts.story import Enclosed
from bot.ports import Fetched, Lost, Rejected, Retry

# https://open.feishu.cn/document/server-docs/im-v1/message/get-2 and its codes; files over 100 MB are not given to anybody.
_CODES = {
    234003: "gone", 234004: "not_in_room", 234037: "too_large", 234038: "no_scope", 234040: "gone", 234041: "gone",
    234043: "outside", 230002: "not_in_room", 230110: "gone", 230011: "gone",
}  # fmt: skip


async def fetch(wire: Wire, message: str, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
    """Fetch a picture or a file of a message."""
    kind = "image" if file.type.startswith("image") else "file"
    path = f"/im/v1/messages/{quote(message, safe='')}/resources/{quote(file.id, safe='')}"
    found = await wire.download(path, {"type": kind}, most)
    match found:
        case Fetched(body):
            return found if len(body) <= most else Rejected("too_large")
        case Said(code, _, words):
            ours = _CODES.get(code) or ("no_scope" if code_of(code) == "missing_scope" else f"feishu_{code}")
            return Rejected(ours, f"{code} {words}"[:300])
        case _:
            return found
