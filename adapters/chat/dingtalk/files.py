"""The bytes of what came with a message: a code of the delivery is exchanged for an address that is good for a while."""

from __future__ import annotations

from adapters.chat.dingtalk.errors import code_of
from adapters.chat.dingtalk.wire import Said, Wire
from bot.model.facts.story import Enclosed
from bot.ports import Fetched, Lost, Rejected, Retry


async def fetch(wire: Wire, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
    """Fetch a picture or a file; its id is `<robotCode>:<downloadCode>`, as both are asked for.

    https://open.dingtalk.com/document/orgapp/download-the-file-content-of-the-robot-receiving-message
    """
    robot, _, code = file.id.partition(":")
    asked = {"downloadCode": code, "robotCode": robot}
    heard = await wire.ask("POST", "/v1.0/robot/messageFiles/download", asked, repeat=True)
    if not isinstance(heard, Said):
        return heard
    if heard.error:
        ours = code_of(heard.error)
        known = {"missing_scope": "no_scope", "not_in_room": "not_in_room"}
        return Rejected(known.get(ours, "expired"), heard.raw[:300])
    found = await wire.download(str(heard.data.get("downloadUrl") or ""), most)
    return found if not isinstance(found, Fetched) or len(found.body) <= most else Rejected("too_large")
