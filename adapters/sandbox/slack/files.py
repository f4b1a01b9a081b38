"""Files: files.info, and the addresses under which only a token of the workspace gets their bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.channels import Answer
from adapters.sandbox.slack.workspace import file_told

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk

PRIVATE = "/files-pri/"
SIGN_IN = b"<!DOCTYPE html><html><head><title>Sign in | Slack</title></head><body>Sign in</body></html>"
Bytes = tuple[int, bytes, Mapping[str, str]]


def info(desk: Desk, args: Args) -> Answer:
    """Tell of a file that was shared where the bot is."""
    file = desk.workspace.files.get(args.need("file"))
    if file is None or not any(desk.bot in desk.workspace.channels[c].members for c in file.channels):
        raise No("file_not_found")
    if file.deleted:
        raise No("file_deleted")
    return {"file": file_told(desk.workspace, file), "comments": [], "content_highlight_html": None}


def given(desk: Desk, path: str, headers: Mapping[str, str]) -> Bytes:
    """Give the bytes of a file; who may not have them is sent to sign in, as a browser would be: this is no method."""
    asked = re.fullmatch(rf"{PRIVATE}{desk.workspace.team}-(F\w+)/(?:download/)?[^/]+", path)
    file = desk.workspace.files.get(asked[1]) if asked else None
    scheme, _, value = headers.get("authorization", "").partition(" ")
    token = desk.tokens.known.get(value.strip()) if scheme.lower() == "bearer" else None
    if token is None or token.state != "good" or token.kind != "bot":
        return 302, SIGN_IN, {"location": f"{desk.workspace.base}/?redir=files", "content-type": "text/html; charset=utf-8"}
    if "files:read" not in token.scopes:
        return 200, SIGN_IN, {"content-type": "text/html; charset=utf-8"}
    if (
        file is None
        or file.deleted
        or file.link
        or not any(desk.bot in desk.workspace.channels[channel].members for channel in file.channels)
    ):
        return 404, b"", {"content-type": "text/html; charset=utf-8"}
    return 200, file.body, {"content-type": file.mimetype}
