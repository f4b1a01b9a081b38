"""What became of a call, against real sockets that misbehave on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest
import structlog

from adapters.http import BODY_BYTES, Answered, Http
from bot.ports import Lost, Rejected, Retry

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@contextlib.asynccontextmanager
async def serving(handler: Handler, *, total: float = 2.0, secrets: tuple[str, ...] = ()) -> AsyncIterator[Http]:
    """Serve one handler per connection, and give a client of it."""

    async def connection(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await handler(reader, writer)
        writer.close()

    server = await asyncio.start_server(connection, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = Http(f"http://127.0.0.1:{port}", timeout=total, secrets=secrets)
    try:
        yield http
    finally:
        await http.close()
        server.close()


def answering(raw: bytes) -> Handler:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(raw)
        await writer.drain()

    return handler


def said(status: str, body: bytes = b"{}", *headers: str) -> Handler:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *headers, "", ""]
    return answering("\r\n".join(lines).encode() + body)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
        return port


async def test_an_answer_is_given_as_it_came() -> None:
    async with serving(said("200 OK", b'{"a": 1}', "X-One: 1")) as http:
        outcome = await http.call("GET", "/")
    assert isinstance(outcome, Answered)
    assert (outcome.status, outcome.body, outcome.headers["x-one"]) == (200, b'{"a": 1}', "1")


async def test_a_refused_connection_was_not_applied() -> None:
    http = Http(f"http://127.0.0.1:{free_port()}")
    assert await http.call("POST", "/") == Retry(1.0, "unreachable")
    await http.close()


async def test_a_connection_that_never_comes_was_not_applied() -> None:
    # A listening socket whose queue is full accepts nobody: the system answers no SYN.
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = []
        for _ in range(4):
            one = socket.socket()
            one.setblocking(False)
            one.connect_ex(full.getsockname())
            waiting.append(one)
        http = Http(f"http://127.0.0.1:{full.getsockname()[1]}", timeout=0.6)
        assert await http.call("POST", "/") == Retry(1.0, "unreachable")
        await http.close()
        for one in waiting:
            one.close()


async def test_no_free_connection_in_time_was_not_applied() -> None:
    connected = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connected.set()
        await reader.read()

    async with serving(silent) as slow:
        http = Http(str(slow._client.base_url), timeout=1.2, connect=0.3, connections=1)
        first = asyncio.create_task(http.call("POST", "/"))
        await connected.wait()
        assert await http.call("POST", "/") == Retry(1.0, "busy")
        assert isinstance(await first, Lost)
        await http.close()


async def test_silence_may_have_been_applied() -> None:
    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving(silent, total=0.3) as http:
        assert isinstance(await http.call("POST", "/"), Lost)
        assert await http.call("GET", "/", reads=True) == Retry(1.0, "busy")


async def test_an_answer_that_drips_ends_by_the_total() -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async with serving(dripping, total=0.3) as http:
        assert isinstance(await http.call("POST", "/"), Lost)


@pytest.mark.parametrize("raw", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}", b"HTTP/1.1 2", b"SSH-2.0-OpenSSH\r\n"])
async def test_a_connection_that_ends_may_have_been_applied(raw: bytes) -> None:
    async with serving(answering(raw)) as http:
        assert isinstance(await http.call("POST", "/"), Lost)


@pytest.mark.parametrize("status", ["500 No", "502 Bad Gateway", "503 Busy", "504 Late", "599 Odd"])
async def test_a_5xx_may_have_been_applied(status: str) -> None:
    async with serving(said(status)) as http:
        assert await http.call("POST", "/") == Lost(f"http_{status[:3]}")
        assert await http.call("GET", "/", reads=True) == Retry(1.0, "busy")


@pytest.mark.parametrize(
    ("headers", "wait"),
    [
        ((), 1.0),
        (("Retry-After: 7",), 7.0),
        (("Retry-After: 0",), 0.1),
        (("Retry-After: -3",), 0.1),
        (("Retry-After: nan",), 1.0),
        (("Retry-After: inf",), 3600.0),
        (("Retry-After: soon",), 1.0),
        (("Retry-After: 99999999",), 3600.0),
        (("Retry-After: Mon, 20 May 2024 06:00:30 GMT", "Date: Mon, 20 May 2024 06:00:00 GMT"), 30.0),
        (("Retry-After: Mon, 20 May 2024 06:00:30 GMT",), 1.0),
    ],
)
async def test_a_429_says_how_long_to_wait(headers: tuple[str, ...], wait: float) -> None:
    async with serving(said("429 Slow", b"{}", *headers)) as http:
        assert await http.call("POST", "/", bucket="plain:hall") == Retry(wait, "rate_limited", "plain:hall")


async def test_a_4xx_is_final_with_the_platforms_code_and_words() -> None:
    async with serving(said("409 No", b'{"code": "closed"}')) as http:
        assert await http.call("POST", "/") == Rejected("http_409", '{"code": "closed"}')
        assert await http.call("POST", "/", code_of=lambda status, body: "closed") == Rejected("closed", '{"code": "closed"}')


async def test_a_redirect_is_not_followed() -> None:
    async with serving(said("302 Elsewhere", b"", "Location: http://127.0.0.1:1/")) as http:
        assert await http.call("POST", "/") == Rejected("http_302", "")


async def test_a_408_was_not_applied() -> None:
    async with serving(said("408 Slow")) as http:
        assert await http.call("POST", "/") == Retry(1.0, "busy")


async def test_a_huge_answer_is_cut() -> None:
    async with serving(said("200 OK", b"x" * (BODY_BYTES + 5000))) as http:
        outcome = await http.call("GET", "/")
    assert isinstance(outcome, Answered)
    assert len(outcome.body) == BODY_BYTES


async def test_an_address_that_is_none_is_final() -> None:
    http = Http("gopher://127.0.0.1")
    assert isinstance(await http.call("POST", "/"), Rejected)
    await http.close()


async def test_secrets_are_neither_logged_nor_shown(caplog: pytest.LogCaptureFixture) -> None:
    secret = "tok/en+very=secret"
    caplog.set_level(logging.DEBUG)
    async with serving(
        said("403 No", f"bad token {secret}, {httpx.QueryParams({'t': secret})}".encode()), secrets=(secret,)
    ) as http:
        with structlog.testing.capture_logs() as logged:
            outcome = await http.call("POST", "/send?token=tok%2Fen%2Bvery%3Dsecret")
    shown = f"{outcome} {logged} {caplog.text}"
    assert "***" in shown
    for form in (secret, "tok%2Fen%2Bvery%3Dsecret"):
        assert form not in shown


async def test_proxies_of_the_environment_are_not_used(tmp_path: object) -> None:
    # trust_env is off: the client has exactly one transport and no proxy mounted.
    http = Http("http://127.0.0.1:9")
    assert http._client.trust_env is False
    assert http._client._mounts == {}
    await http.close()
