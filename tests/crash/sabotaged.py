"""Builds with one line broken, and the lives in each chat that must notice it."""

from __future__ import annotations

from dataclasses import dataclass

from tests.crash.build import Break
from tests.crash.plan import AtCall, AtInbound, Boundary, Plan


@dataclass(frozen=True, slots=True)
class Sabotaged:
    """Join a broken line with the lives of which at least one must fail."""

    broken: Break
    plans: tuple[Plan, ...]
    checks: frozenset[str]  # one of these must notice it: a build that is merely unable to run proves nothing


_EARLY = Break(
    "ack before commit",
    "a delivery was answered before it was committed",
    "store/writer.py",
    'self._raw.execute("COMMIT")',
    'self._tell(taken), time.sleep(0.02), self._raw.execute("COMMIT")',
)
_BLIND = Break(
    "no reconcile",
    "a message of unknown outcome was sent again as if it were new, neither looked up nor marked",
    "bot/engine/outbox.py",
    "if effect.maybe_sent and not call.again:",
    "if False:",
)
_FORGETFUL = Break(
    "no once-key",
    "a repeated delivery ran again",
    "bot/engine/intake.py",
    "uow.keep_delivery(inbound.connection, inbound.key, answer, now)",
    "pass",
)
_AT_ANSWER = tuple(Plan(f"delivery {index} at its answer", AtInbound(index, None)) for index in (3, 4))
_THRICE = (Plan("each delivery 3 times, one after the other", repeat=3),)


def _applied(*boundaries: Boundary) -> tuple[Plan, ...]:
    return tuple(Plan(f"{boundary}, applied", AtCall(boundary, "applied")) for boundary in boundaries)


PLAIN = (
    Sabotaged(_EARLY, _AT_ANSWER, frozenset({"accepted is stored", "accepted once", "seen"})),
    Sabotaged(_BLIND, _applied(*(Boundary("POST", "/rooms/ROOM/messages", n) for n in (2, 3, 4))), frozenset({"marked"})),
    Sabotaged(_FORGETFUL, _THRICE, frozenset({"accepted once", "repeat"})),
    Sabotaged(
        Break(
            "no key on webhooks",
            "a receiver could not know the repeat of a delivery",
            "adapters/notify/webhook.py",
            '"content-type": "application/json", "x-warroom-key": key, "x-warroom-timestamp": stamp,',
            '"content-type": "application/json", "x-warroom-key": key + str(id(body)) + stamp, "x-warroom-timestamp": stamp,',
        ),
        _applied(Boundary("POST", "/hooks/status-page", 1)),
        frozenset({"posted once"}),
    ),
    Sabotaged(
        Break(
            "no look-up of silences",
            "a silence that an earlier attempt had begun was not found",
            "adapters/alertmanager_api.py",
            'mine = [one for one in found if one.comment.endswith(f"[{key}]")]',
            "mine = []",
        ),
        _applied(Boundary("POST", "/api/v2/silences", 1)),
        frozenset({"heard again"}),
    ),
)
SLACK = (
    Sabotaged(_EARLY, _AT_ANSWER, frozenset({"accepted is stored", "accepted once", "seen"})),
    Sabotaged(_BLIND, _applied(*(Boundary("chat.postMessage", "ROOM", n) for n in (2, 3, 4))), frozenset({"once"})),
    Sabotaged(_FORGETFUL, _THRICE, frozenset({"accepted once", "repeat"})),
    Sabotaged(
        Break(
            "ack before the core",
            "Slack was acknowledged before the core had stored anything",
            "adapters/chat/slack/answer.py",
            "await asyncio.wait({job}, timeout=max(self._within - (time.monotonic() - started), 0.0))",
            "return Ack()",
        ),
        _AT_ANSWER,
        frozenset({"accepted is stored"}),
    ),
    Sabotaged(
        Break(
            "no look-up of messages",
            "a message was not recognised by its key in the channel's history",
            "adapters/chat/slack/client.py",
            "if isinstance(said, dict) and _key_of(said) == key:",
            "if False:",
        ),
        _applied(Boundary("chat.postMessage", "#incidents", 1)),
        frozenset({"once"}),
    ),
    Sabotaged(
        Break(
            "no look-up of rooms",
            "the channel that an earlier attempt had made was not taken",
            "adapters/chat/slack/rooms.py",
            "if found is not None and (wanted != name or not _topic(found)):",
            "if False:",
        ),
        _applied(Boundary("conversations.create", "", 1)),
        frozenset({"one room"}),
    ),
)
FEISHU = (
    Sabotaged(_EARLY, _AT_ANSWER, frozenset({"accepted is stored", "accepted once", "seen"})),
    Sabotaged(_FORGETFUL, _THRICE, frozenset({"accepted once", "repeat"})),
    Sabotaged(
        Break(
            "no uuid of messages",
            "a message went out without the key by which Feishu takes it once",
            "adapters/chat/feishu/client.py",
            'body = {"receive_id": chat, "msg_type": made[0], "content": made[1], "uuid": _uuid(key)}',
            'body = {"receive_id": chat, "msg_type": made[0], "content": made[1]}',
        ),
        _applied(Boundary("POST", "messages #incidents", 1), Boundary("POST", "messages ROOM", 2)),
        frozenset({"once", "same ending"}),  # of two cards the later one is edited no more
    ),
    Sabotaged(
        Break(
            "no uuid of rooms",
            "a group was opened without the key by which Feishu opens it once",
            "adapters/chat/feishu/rooms.py",
            'query = {"user_id_type": "open_id", "set_bot_manager": "true", "uuid": key}',
            'query = {"user_id_type": "open_id", "set_bot_manager": "true"}',
        ),
        _applied(Boundary("POST", "chats", 1)),
        frozenset({"one room"}),
    ),
)
DINGTALK = (
    Sabotaged(_EARLY, _AT_ANSWER, frozenset({"accepted is stored", "accepted once", "seen"})),
    Sabotaged(_FORGETFUL, _THRICE, frozenset({"accepted once", "repeat"})),
    Sabotaged(
        Break(
            "no key on cards",
            "a card that exists under its key was delivered again",
            "adapters/chat/dingtalk/client.py",
            "if key not in self._undelivered:",
            "if False:",
        ),
        _applied(*(Boundary("card/create", "ROOM", n) for n in (1, 2))),
        frozenset({"once"}),
    ),
)
WECOM = (
    Sabotaged(_BLIND, _applied(*(Boundary("appchat/send", "ROOM", n) for n in (2, 3, 4))), frozenset({"marked"})),
    Sabotaged(_FORGETFUL, _THRICE, frozenset({"accepted once", "repeat"})),
    Sabotaged(
        Break(
            "no look-up of rooms",
            "the room that an earlier attempt had made was not found",
            "adapters/chat/wecom/rooms.py",
            'return Presence.FOUND, Ref(chat, ways="out")',
            "return Presence.CANNOT_TELL, None",
        ),
        _applied(Boundary("appchat/create", "ROOM", 1)),
        frozenset({"one room", "seen"}),
    ),
)
WECOM_BOT = (
    Sabotaged(_BLIND, _applied(*(Boundary("push text", "ROOM", n) for n in (2, 3, 4))), frozenset({"marked"})),
    Sabotaged(_FORGETFUL, _THRICE, frozenset({"accepted once", "repeat"})),
    Sabotaged(
        Break(
            "no key on cards",
            "a card was sent again under another task_id",
            "adapters/chat/wecom_bot/client.py",
            "bodies = messages(content, task_of(key))",
            'bodies = messages(content, task_of(f"{key}-{id(content)}-{self._clock.now()}"))',
        ),
        _applied(Boundary("push card", "ROOM", 1)),
        frozenset({"once"}),
    ),
)
