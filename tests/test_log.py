"""What stands in the log: one object a line, from every library, and no secret in any of them."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import re
import warnings
from collections.abc import Iterator
from typing import Any, get_args
from urllib.parse import quote

import pytest
import structlog
from pydantic import BaseModel, SecretStr

from bot.log import configure, striker
from bot.metrics import Metrics
from bot.plugins import available, plugin

SECRET = "päss/w0rd+'quoted\"&x=1"


@pytest.fixture
def lines() -> Iterator[Any]:
    """Give a function that configures the log and one that reads what was written."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()

    def start(level: str = "info", form: str = "json", secrets: tuple[str, ...] = (SECRET,)) -> io.StringIO:
        configure(level, form, secrets, stream)
        return stream

    yield start
    root.handlers, root.level = handlers, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


def written(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_who_and_what(lines: Any) -> None:
    stream = lines()
    structlog.get_logger("outbox").info("effect_done", kind="Tell", took=0.25, room="支付失败", many=2**80, nothing=None)
    (line,) = written(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+Z", line.pop("at"))
    assert line == {
        "event": "effect_done", "level": "info", "logger": "outbox", "kind": "Tell", "took": 0.25, "room": "支付失败",
        "many": str(2**80), "nothing": None,
    }  # fmt: skip


def test_libraries_write_the_same_lines(lines: Any) -> None:
    stream = lines()
    logging.getLogger("uvicorn.error").warning("bad request from %s", "10.0.0.1", extra={"port": 8080})
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old option", DeprecationWarning, stacklevel=1)
    first, second = written(stream)
    assert (first["event"], first["logger"], first["level"], first["port"]) == (
        "bad request from 10.0.0.1",
        "uvicorn.error",
        "warning",
        8080,
    )
    assert "old option" in second["event"]


def test_libraries_that_write_every_address_are_quiet_until_debug(lines: Any) -> None:
    stream = lines()
    logging.getLogger("httpx").info("HTTP Request: POST https://example.com/x")
    logging.getLogger("uvicorn.access").info("GET /healthz")
    structlog.get_logger("x").debug("hidden")
    assert written(stream) == []
    lines("debug")
    logging.getLogger("httpx").info("HTTP Request: POST https://example.com/x")
    structlog.get_logger("x").debug("shown")
    assert [line["event"] for line in written(stream)] == ["HTTP Request: POST https://example.com/x", "shown"]


def test_a_person_reads_one_line_each(lines: Any) -> None:
    stream = lines(form="console")
    structlog.get_logger("app").info("ready", url="http://127.0.0.1:8080")
    assert re.search(r"info.*ready.*url=http://127.0.0.1:8080\n$", stream.getvalue())


def test_payloads_show_at_debug_only(lines: Any) -> None:
    stream = lines("debug")
    structlog.get_logger("x").info("received", body=b"what was typed", payload={"text": "typed"}, raw=b"abc")
    structlog.get_logger("x").debug("received", body=b"what was typed", payload={"text": "typed"})
    above, debug = written(stream)
    assert (above["body"], above["payload"], above["raw"]) == ("<14 bytes>", "<dict>", "<3 bytes>")
    assert (debug["body"], debug["payload"]) == ("what was typed", {"text": "typed"})


# ------------------------------------------------------------------------------------------------ secrets
class _Boxed:
    """An object whose text gives a secret away."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __repr__(self) -> str:
        return f"Boxed({self.value!r})"


def every_way(secret: str) -> Iterator[None]:
    """Log a secret in every way in which one was ever seen in a log."""
    log, old = structlog.get_logger("x"), logging.getLogger("library")
    basic = base64.b64encode(f"user:{secret}".encode()).decode()
    yield log.info(f"connected with {secret}")
    yield log.info("positional %s", secret)
    yield log.info("field", detail=f"before {secret} after")
    yield log.info("nested", data={"a": [{"b": (secret,)}]}, key={secret: 1})
    yield log.info("object", thing=_Boxed(secret), error=ValueError(secret), kinds={secret})
    yield log.info("address", url=f"https://api.example.com/x?a=1&access_token={quote(secret, safe='')}")
    yield log.info("address", url=f"https://api.example.com/{quote(secret)}/x")
    yield log.info("address", url=f"postgresql://bot:{quote(secret, safe='')}@db/x")
    yield log.info("headers", headers={"Authorization": f"Bearer {secret}", "X": f"Basic {basic}"})
    yield log.debug("bytes", body=f"secret={secret}".encode())
    yield log.debug("json", body=json.dumps({"k": secret}), body2=json.dumps({"k": secret}, ensure_ascii=False))
    yield log.bind(token=secret, app_secret=secret, password=secret).warning("bound")
    yield old.error("library %s", secret, extra={"request": {"secret": secret}})
    for logger in (log, old):
        try:
            try:
                raise KeyError(secret)
            except KeyError as error:
                raise RuntimeError(f"cannot use {secret}") from error
        except RuntimeError:
            yield logger.exception("failed")


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize("secret", [SECRET, "0123456789abcdef", "密钥密钥密钥密钥", "a\nb\nc\nd", "back\\slash\\es"])
def test_no_configured_secret_gets_out(lines: Any, form: str, secret: str) -> None:
    stream = lines("debug", form, (secret,))
    ways = list(every_way(secret))
    text = stream.getvalue()
    assert text.count("***") >= len(ways)
    spelled = {secret, quote(secret), quote(secret, safe=""), json.dumps(secret)[1:-1], repr(secret)[1:-1]}
    assert [form for form in spelled if form in text] == []
    assert base64.b64encode(f"user:{secret}".encode()).decode() not in text
    if form == "json":
        assert len(written(stream)) == len(ways)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("https://a/b?access_token=abc123&x=1", "https://a/b?access_token=***&x=1"),
        ("https://a/webhook/send?key=693a91f6-7xxx", "https://a/webhook/send?key=***"),
        ("https://a/robot?sign=abc%3D&timestamp=1", "https://a/robot?sign=***&timestamp=1"),
        ("app_secret=abc, client_secret=def", "app_secret=***, client_secret=***"),
        ("Authorization: Bearer abc.def-ghi", "Authorization: Bearer ***"),
        ("amqp://user:pass@host/x", "amqp://user:***@host/x"),
        ("token xoxb-123456-abcdef is wrong", "token *** is wrong"),
        ("xapp-1-A0-123-abc", "***"),
        ("key=value code=busy took=3", "key=value code=busy took=3"),
        ("nothing to hide: basic idea", "nothing to hide: basic idea"),
    ],
)
def test_what_looks_like_a_token_is_struck_without_being_known(text: str, shown: str) -> None:
    assert striker(())(text) == shown


def test_counts_under_a_secret_sounding_name_stay(lines: Any) -> None:
    stream = lines()
    structlog.get_logger("x").info("refreshed", tokens=3, token_ok=True, api_key="abc", cookie=["a"])
    (line,) = written(stream)
    assert (line["tokens"], line["token_ok"], line["api_key"], line["cookie"]) == (3, True, "***", "***")


def secret_fields(model: type[BaseModel], above: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        parts = {field.annotation, *get_args(field.annotation)}
        if SecretStr in parts:
            yield f"{above}{name}"
        for part in parts:
            if isinstance(part, type) and issubclass(part, BaseModel):
                yield from secret_fields(part, f"{above}{name}.")


ADAPTERS = [(p, n) for p in ("adapters.chat", "adapters.monitoring") for n in available(p)]


@pytest.mark.parametrize(("package", "name"), ADAPTERS)
def test_no_secret_of_any_adapter_gets_out(lines: Any, package: str, name: str) -> None:
    model = getattr(plugin(package, name), "Config", None)
    fields = list(secret_fields(model)) if model is not None else []
    values = tuple(f"value/of+{field}-0123456789" for field in fields)
    stream = lines("debug", "json", values)
    for field, value in zip(fields, values, strict=True):
        structlog.get_logger(name).info("started", **{field.rpartition(".")[2]: value})
        for _ in every_way(value):
            pass
    for value in values:
        assert value not in stream.getvalue()
        assert quote(value, safe="") not in stream.getvalue()


def test_some_adapter_has_a_secret_to_hide() -> None:
    models = [getattr(plugin(p, n), "Config", None) for p, n in ADAPTERS]
    assert any(list(secret_fields(model)) for model in models if model is not None)


async def test_what_a_forgotten_task_raised_is_struck_too(lines: Any) -> None:
    stream = lines()

    async def fails() -> None:
        raise RuntimeError(f"lost {SECRET}")

    asyncio.get_running_loop().call_exception_handler({"message": "never awaited", "exception": RuntimeError(SECRET)})
    await asyncio.gather(fails(), return_exceptions=True)
    (line,) = written(stream)
    assert line["event"] == "never awaited"
    assert "RuntimeError: ***" in line["exception"]
    assert SECRET not in stream.getvalue()


# ------------------------------------------------------------------------------------------------ metrics
def test_metrics_count_what_happened_and_start_at_zero() -> None:
    m, other = Metrics(), Metrics()
    m.delivery("plain", "done", 0.02)
    m.command("declare", 0.01)
    m.effect("Tell", "plain", "done", 0.2)
    m.queue({"todo": 3, "dead": 2})
    m.alerts("am", "firing", 10)
    m.posting("am", "done")
    m.limited("plain")
    m.timer("end_observation", late=True)
    m.loop_error("outbox")
    text = m.text().decode()
    for line in (
        'warroom_deliveries_total{connection="plain",outcome="done"} 1.0',
        'warroom_command_seconds_count{command="declare"} 1.0',
        'warroom_effects_total{connection="plain",kind="Tell",outcome="done"} 1.0',
        'warroom_queue{state="todo"} 3.0',
        'warroom_queue{state="running"} 0.0',
        "warroom_dead_letters 2.0",
        'warroom_alerts_total{change="firing",source="am"} 10.0',
        'warroom_postings_total{outcome="done",source="am"} 1.0',
        'warroom_rate_limit_waits_total{connection="plain"} 1.0',
        'warroom_timers_fired_total{kind="end_observation",late="true"} 1.0',
        'warroom_loop_errors_total{loop="outbox"} 1.0',
    ):
        assert line in text.splitlines(), line
    assert "process_resident_memory_bytes" in text
    assert re.search(r'^warroom_info\{version="[^"]+"\} 1\.0$', text, re.MULTILINE)
    quiet = other.text().decode()
    assert "warroom_dead_letters 0.0" in quiet  # a second app of one process counts for itself
    assert "warroom_loop_errors_total{" not in quiet
