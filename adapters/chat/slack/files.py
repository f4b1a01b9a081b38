"""The bytes of what came with a message: asked for by its id, fetched from Slack's own hosts with the bot's token."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from adapters.chat.slack.wire import Said, Wire, raw_of
from bot.model.facts.story import Enclosed
from bot.ports import Fetched, Lost, Rejected, Retry

_GONE = frozenset({"tombstone", "hidden_by_limit"})
_NO_SCOPE = frozenset({"missing_scope", "no_permission", "not_allowed_token_type"})


async def fetch(wire: Wire, file: Enclosed, most: int) -> Fetched | Retry | Rejected | Lost:
    """Fetch a file: https://docs.slack.dev/reference/methods/files.info, then `url_private_download` with the token (files:read).

    A file of another service (`is_external`) is only a link, which the token must not be sent to.
    """
    heard = await wire.ask("files.info", {"file": file.id})
    if not isinstance(heard, Said):
        return heard
    if heard.error:
        return Rejected("no_scope" if heard.error in _NO_SCOPE else "gone", raw_of(heard))
    found = heard.data.get("file")
    known: Mapping[str, Any] = found if isinstance(found, dict) else {}
    if known.get("is_external") or known.get("mode") == "external":
        return Rejected("outside")
    if not known or known.get("mode") in _GONE:
        return Rejected("gone")
    size = known.get("size")
    if isinstance(size, int) and size > most:
        return Rejected("too_large")
    url = str(known.get("url_private_download") or known.get("url_private") or "")
    if not of_slack(url, wire.api_url):
        return Rejected("outside")
    return await wire.download(url, str(known.get("mimetype") or ""), most)


def of_slack(url: str, api_url: str) -> bool:
    """Say whether an address is Slack's: the token goes to the host of the API, or to one below it (files.slack.com)."""
    asked, api = urlsplit(url), urlsplit(api_url)
    if asked.scheme != api.scheme or asked.hostname is None or asked.username is not None:
        return False
    return asked.netloc == api.netloc or (asked.hostname.endswith(f".{api.hostname}") and asked.port is None)
