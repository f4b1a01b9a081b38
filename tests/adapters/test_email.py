"""E-mail against a real SMTP server on this machine, over TLS and without, that refuses, delays and dies as told."""

from __future__ import annotations

import asyncio
import ipaddress
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import ValidationError

from adapters.notify.email import Config, connect
from bot.ports import Attachment, Done, Lost, Notice, Rejected, Result, Retry
from tests.fakes import HandClock
from tests.postman import Postman, serving

KEY = "k3y0f7h1sdelivery"
HELLO = Notice("P1 支付失败", "正在处理\n第二行")


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Make a certificate of 127.0.0.1 that only those trust who are told to."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a test")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1)).not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("tls")
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )  # fmt: skip
    (folder / "key.pem").write_bytes(private)
    return folder / "cert.pem", folder / "key.pem"


async def send(port: int, notice: Notice = HELLO, to: str = "li@example.com", **more: Any) -> Result:
    settings = {"host": "127.0.0.1", "port": port, "security": "none", "sender": "应急助手 <warroom@example.com>", **more}
    return await connect("mail", Config(**settings), HandClock()).send(to, notice, KEY)


async def test_a_message_arrives_as_it_was_meant() -> None:
    postman = Postman()
    async with serving(postman) as port:
        done = await send(port, Notice("P1 支付失败", "正在处理\n第二行", html="<p>正在处理</p>"))
    assert isinstance(done, Done) and done.ref is not None and "4711" in done.ref.id
    (message,) = postman.taken
    assert postman.recipients == ["li@example.com"]
    assert (message["subject"], message["to"], message["from"]) == (
        "P1 支付失败", "li@example.com", "应急助手 <warroom@example.com>",
    )  # fmt: skip
    assert message["message-id"] == f"<{KEY}@example.com>"
    assert message["auto-submitted"] == "auto-generated"
    assert message["date"].datetime == HandClock().now()
    assert message.get_content_type() == "multipart/alternative"
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None and text.get_content().splitlines() == ["正在处理", "第二行"]
    assert html is not None and html.get_content().strip() == "<p>正在处理</p>"


async def test_a_repeat_is_the_same_message() -> None:
    postman = Postman()
    async with serving(postman) as port:
        await send(port)
        await send(port)
    first, again = postman.taken
    assert first["message-id"] == again["message-id"] and first.as_bytes() == again.as_bytes()


async def test_an_invitation_stands_beside_the_text_and_is_attached() -> None:
    postman = Postman()
    calendar = b"BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nSUMMARY:\xe5\xa4\x8d\xe7\x9b\x98\xe4\xbc\x9a\r\nEND:VCALENDAR\r\n"
    files = (
        Attachment("复盘会.ics", "text/calendar; method=REQUEST; charset=utf-8", calendar),
        Attachment("报告.html", "text/html", "<p>报告</p>".encode()),
    )
    async with serving(postman) as port:
        await send(port, Notice("复盘会", "明天 15:00", attachments=files))
    (message,) = postman.taken
    assert message.get_content_type() == "multipart/mixed"
    ics, report = message.iter_attachments()
    assert (ics.get_filename(), report.get_filename()) == ("复盘会.ics", "报告.html")
    assert ics.get_payload(decode=True) == calendar
    assert ics.get_content_charset() == "utf-8", "else a mail program reads it as ASCII"
    (shown,) = [part for part in message.walk() if part.get_content_type() == "text/calendar" and not part.get_filename()]
    assert shown.get_param("method") == "REQUEST" and "复盘会" in shown.get_content()


async def test_words_of_strangers_begin_no_header() -> None:
    postman = Postman()
    subject = "支付失败\r\nBcc: all@example.com\n\nhello\x00\u2028X-Evil: 1"
    files = (Attachment("a\r\nX-Evil: 2.txt", "text/plain", b"x"),)
    async with serving(postman) as port:
        done = await send(port, Notice(subject, "text\r\n.\r\nMAIL FROM:<evil@example.com>", attachments=files))
    assert isinstance(done, Done)
    (message,) = postman.taken
    assert message["bcc"] is None and message["x-evil"] is None
    assert message["subject"] == "支付失败 Bcc: all@example.com hello X-Evil: 1"
    assert postman.recipients == ["li@example.com"]
    text = message.get_body(("plain",))
    assert text is not None and "MAIL FROM" in text.get_content(), "a line with a dot ends nothing"
    assert all("\r" not in value and "\n" not in value for value in message.values())


@pytest.mark.parametrize(
    "to",
    [
        "a@example.com,b@example.com",
        "a@example.com\r\nBcc: b@example.com",
        "<a@example.com>",
        "a b@example.com",
        "李@例子.公司",
        "",
    ],
)
async def test_an_address_that_is_none_is_refused_without_a_call(to: str) -> None:
    assert isinstance(await send(9, to=to), Rejected)


async def test_a_refused_recipient_is_final_and_a_busy_one_is_not() -> None:
    postman = Postman(rcpt="550 5.1.1 no such user here")
    async with serving(postman) as port:
        assert await send(port) == Rejected("no_such_mailbox", "550 5.1.1 no such user here")
        postman.rcpt = "450 4.2.1 mailbox busy"
        assert isinstance(await send(port), Retry)
    assert postman.taken == []


async def test_a_refused_text_is_final_and_a_full_server_is_not() -> None:
    postman = Postman(data="554 5.7.1 looks like spam")
    async with serving(postman) as port:
        assert await send(port) == Rejected("refused", "554 5.7.1 looks like spam")
        postman.data = "452 4.3.1 no room"
        assert isinstance(await send(port), Retry)


async def test_a_connection_cut_after_the_text_is_of_unknown_outcome() -> None:
    postman = Postman(cut=True)
    async with serving(postman) as port:
        assert isinstance(await send(port), Lost)
    assert len(postman.taken) == 1, "it was taken all the same"


async def test_a_server_that_does_not_answer_the_text_is_of_unknown_outcome() -> None:
    postman = Postman(silent=True)
    async with serving(postman) as port:
        assert isinstance(await send(port, timeout_seconds=1), Lost)


async def test_a_server_that_is_not_there_or_says_nothing_is_tried_again() -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()

    server = await asyncio.start_server(mute, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert isinstance(await send(port, timeout_seconds=1), Retry)
    server.close()
    await server.wait_closed()
    assert isinstance(await send(port), Retry)


@pytest.mark.parametrize("security", ["starttls", "tls"])
async def test_tls_is_spoken_and_the_certificate_checked(certificate: tuple[Path, Path], security: str) -> None:
    postman = Postman()
    login = {"username": "bot", "password": "right-password", "security": security}
    async with serving(postman, security, certificate) as port:
        assert isinstance(await send(port, ca_file=certificate[0], **login), Done)
        assert postman.encrypted == [True] and postman.logins == [b"bot"]
        assert await send(port, **login) == Retry(60.0, "bad_certificate")
        assert len(postman.logins) == 1, "the password was not shown to a stranger"
        refused = await send(port, ca_file=certificate[0], **{**login, "password": "wrong-password"})
    assert isinstance(refused, Rejected) and refused.code == "bad_login" and "wrong-password" not in refused.raw


async def test_a_server_without_tls_gets_no_mail_where_tls_is_demanded() -> None:
    postman = Postman()
    async with serving(postman) as port:
        assert await send(port, security="starttls", username="bot", password="right-password") == Rejected("no_tls")
    assert postman.taken == [] and postman.logins == []


async def test_no_more_connections_at_once_than_the_server_likes() -> None:
    postman = Postman()
    async with serving(postman) as port:
        channel = connect(
            "mail", Config(host="127.0.0.1", port=port, security="none", sender="a@example.com", connections=2), HandClock()
        )
        done = await asyncio.gather(*(channel.send(f"p{n}@example.com", HELLO, f"k{n}") for n in range(6)))
    assert all(isinstance(one, Done) for one in done) and postman.most <= 2 and len(postman.taken) == 6


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"username": "bot"}, "username and password are needed together"),
        ({"username": "bot", "password": "hunter2-hunter2", "security": "none"}, "not sent in the clear"),
        ({"sender": "warroom"}, "must be an address"),
        ({"ca_file": "pyproject.toml"}, "must be an absolute path"),
        ({"sender": "a@example.com\nBcc: b@example.com"}, "must be an address"),
    ],
)
def test_a_wrong_configuration_is_told_without_its_secret(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Config(**{"host": "mail.example.com", "sender": "warroom@example.com", **given})
    assert re.search(said, str(caught.value)) and "hunter2" not in str(caught.value)
