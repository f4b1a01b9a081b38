"""Tell somebody by a channel outside chats: the one way to ask for it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import msgspec

from bot.model.effect import EffectKind, Intent, Urgency
from bot.model.ids import ConnectionId, IncidentId


def notify(
    channel: ConnectionId,
    to: str,
    what: str,
    about: IncidentId | None,
    key: str,
    *,
    then: str | None = None,
    urgency: Urgency = Urgency.NORMAL,
    until: datetime | None = None,
    delay: timedelta = timedelta(0),
    **params: Any,
) -> Intent:
    """Tell a recipient by a channel, once per key; `to` is a person's id, else an address, a number or a webhook's name.

    `what` names the renderer and `then` the maker of the receipt, both of `bot.engine.notifying`; they get `params` as they
    are stored (JSON), with `to`, `channel` and `medium`. What cannot be sent by `until` fails then instead of after a day.
    """
    data = {
        **msgspec.to_builtins(params), "what": what, "to": to,
        **({"then": then} if then is not None else {}), **({"until": until.isoformat()} if until is not None else {}),
    }  # fmt: skip
    return Intent(EffectKind.NOTIFY, f"notify:{channel}:{to}", to, channel, about, data, urgency, key, delay)
