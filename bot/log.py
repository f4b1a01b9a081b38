"""Logs as JSON or for a console, ours and the libraries' alike, with every secret struck out."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TextIO
from urllib.parse import quote, quote_plus

import msgspec
import structlog
from structlog.typing import EventDict, Processor

STRUCK = "***"
_SECRET_KEY = re.compile(
    r"secret|passw|token|authorization|cookie|credential|api_?key|private_?key|signature|^sign$|^auth$", re.IGNORECASE
)
_IN_TEXT = (
    # parameters of addresses and forms; then headers, the password of an address, tokens known by their shape
    (re.compile(r"(?i)\b([a-z_-]*(?:token|secret|password|signature|api_?key))=[^&\s\"'#;,)]+"), rf"\1={STRUCK}"),
    (re.compile(r"(?i)([?&](?:key|sign|code|ticket))=[^&\s\"'#;,)]+"), rf"\1={STRUCK}"),
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{6,}"), rf"\1 {STRUCK}"),
    (re.compile(r"(://[^/\s:@]*:)[^/\s@]+@"), rf"\1{STRUCK}@"),
    (re.compile(r"\bxox[a-z]-[A-Za-z0-9-]{6,}|\bxapp-[A-Za-z0-9-]{6,}"), STRUCK),
)
_BODIES = frozenset({"body", "payload", "raw_body", "request_body", "response_body"})
_QUIET = (  # they write a line for every call, with its whole address
    "httpx", "httpcore", "apscheduler", "alembic", "asyncio", "uvicorn.access", "uvicorn.error", "websockets", "slack_bolt",
    "slack_sdk",
)  # fmt: skip


def configure(level: str, form: str, secrets: Iterable[str] = (), stream: TextIO | None = None) -> None:
    """Send every log line of the process to `stream` (stderr): `form` is json or console, `secrets` never appear."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.ExtraAdder(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.StackInfoRenderer(),
        structlog.processors.format_exc_info,
    ]
    last: Processor = structlog.processors.JSONRenderer(serializer=_encode)
    if form == "console":
        last = structlog.dev.ConsoleRenderer(colors=(stream or sys.stderr).isatty(), timestamp_key="at")
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_bodies, redactor(secrets), last],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(True)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level, structlog.stdlib.PositionalArgumentsFormatter(), *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )  # fmt: skip


def redactor(secrets: Iterable[str]) -> Processor:
    """Make the processor that strikes out secret keys anywhere, the given values anywhere, and what looks like a token."""
    redact = striker(secrets)

    def process(_logger: Any, _method: str, event: EventDict) -> EventDict:
        return {str(key): _cleaned(key, value, redact) for key, value in event.items()}

    return process


def striker(secrets: Iterable[str]) -> Callable[[str], str]:
    """Make a function that strikes the secrets out of a text, however they are quoted in an address."""
    spelled = {form for secret in secrets for form in _spellings(secret) if len(form) >= 4}
    known = re.compile("|".join(re.escape(form) for form in sorted(spelled, key=len, reverse=True))) if spelled else None

    def redact(text: str) -> str:
        text = text.encode("utf-8", "backslashreplace").decode()  # a lone surrogate would stop the line from being written
        text = known.sub(STRUCK, text) if known else text
        for pattern, instead in _IN_TEXT:
            text = pattern.sub(instead, text)
        return text

    return redact


def without_bodies(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """Keep the size of payloads only, above debug."""
    if event.get("level") == "debug":
        return event
    return {key: _size(value) if key in _BODIES or isinstance(value, bytes) else value for key, value in event.items()}


def _size(value: object) -> str:
    if isinstance(value, (bytes, str)):
        return f"<{len(value)} {'bytes' if isinstance(value, bytes) else 'characters'}>"
    return f"<{type(value).__name__}>"


def _spellings(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret), repr(secret)[1:-1], _encode(secret)[1:-1]}


def _cleaned(key: object, value: Any, redact: Callable[[str], str]) -> Any:
    if value is None or isinstance(value, (bool, float)):
        return value
    if isinstance(key, str) and not isinstance(value, int) and _SECRET_KEY.search(key):
        return STRUCK
    if isinstance(value, int):
        return value if abs(value) < 2**63 else str(value)
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, bytes):
        return redact(value.decode("utf-8", "backslashreplace"))
    if isinstance(value, Mapping):
        return {redact(str(inner)): _cleaned(inner, kept, redact) for inner, kept in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_cleaned(None, inner, redact) for inner in value]
    return redact(str(value) if isinstance(value, BaseException) else repr(value))


def _encode(value: Any, **_: Any) -> str:
    return msgspec.json.encode(value).decode()
