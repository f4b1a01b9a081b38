"""E-mail over SMTP (RFC 5321), one message to one recipient, with `aiosmtplib`, which is imported when it is first used.

The Message-ID is made of the delivery's key, so that a repeat after an unknown outcome is the same message to a mail
system that looks for doubles, and to whoever reads the headers. What is refused before the text was handed over was not
sent; a connection that ends after it, without the server's word, is of unknown outcome.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP as POLICY
from email.utils import format_datetime, parseaddr
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, FilePath, SecretStr, model_validator

from bot.ports import Attachment, Clock, Done, Lost, Medium, Notice, NotifyChannel, Rate, Ref, Rejected, Result, Retry

if TYPE_CHECKING:
    from aiosmtplib import SMTP

_PLAIN_ADDRESS = re.compile(r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_PORTS = {"starttls": 587, "tls": 465, "none": 25}
_SUBJECT_CHARS = 200
_POLICY = POLICY.clone(cte_type="7bit")  # so that no server needs 8BITMIME
_CLOSED = 421  # the server goes away; RFC 5321, 3.8


def _address(written: str) -> str:
    if not _PLAIN_ADDRESS.fullmatch(parseaddr(written)[1]) or not written.isprintable():
        raise ValueError("must be an address such as warroom@example.com, or a name and <an address>")
    return written


def _whole(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("must be an absolute path")
    return path


class Config(BaseModel):
    """Configure an SMTP server that takes our e-mail."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    host: str = Field(min_length=1)
    port: int | None = Field(default=None, ge=1, le=65535)
    security: Literal["starttls", "tls", "none"] = "starttls"
    ca_file: Annotated[FilePath, AfterValidator(_whole)] | None = None
    username: str | None = None
    password: SecretStr | None = None
    sender: Annotated[str, AfterValidator(_address)]
    reply_to: Annotated[str, AfterValidator(_address)] | None = None
    timeout_seconds: float = Field(default=12.0, ge=1, le=14)
    connections: int = Field(default=3, ge=1, le=20)
    per_minute: int = Field(default=120, ge=1, le=10000)

    @model_validator(mode="after")
    def _login(self) -> Config:
        if (self.username is None) != (self.password is None):
            raise ValueError("username and password are needed together, or neither")
        if self.password is not None and self.security == "none":
            raise ValueError("a password is not sent in the clear: security must be starttls or tls")
        return self


def connect(name: str, settings: Config, clock: Clock) -> NotifyChannel:
    """Make the channel; opens no connection yet."""
    return Email(settings, clock)


class Email:
    """Send e-mail; every message has a connection of its own, at most `connections` at once."""

    medium = Medium.EMAIL

    def __init__(self, settings: Config, clock: Clock) -> None:
        self.rates: tuple[Rate, ...] = (Rate(settings.per_minute, timedelta(minutes=1)),)
        self._settings, self._clock = settings, clock
        self._free = asyncio.Semaphore(settings.connections)

    async def send(self, to: str, notice: Notice, key: str) -> Result:
        """Hand one message to the server; `to` is an address in ASCII."""
        if not _PLAIN_ADDRESS.fullmatch(to):
            return Rejected("bad_address", to[:100])
        message = written(to, notice, key, self._settings, format_datetime(self._clock.now()))
        handing = _Handing()
        try:
            async with asyncio.timeout(self._settings.timeout_seconds), self._free:
                return await self._hand(to, message.as_bytes(), key, handing)
        except TimeoutError:
            return Lost("no answer in time") if handing.over else Retry(5.0, "unreachable")

    async def _hand(self, to: str, message: bytes, key: str, handing: _Handing) -> Result:
        import aiosmtplib as smtp

        client = self._client()
        try:
            await client.connect()
            if self._settings.security == "starttls":
                await client.ehlo()
                if not client.supports_extension("starttls"):
                    return Rejected("no_tls")
                await client.starttls()
            if self._settings.username is not None and self._settings.password is not None:
                await client.login(self._settings.username, self._settings.password.get_secret_value())
            await client.mail(parseaddr(self._settings.sender)[1])
            await client.rcpt(to)
            handing.over = True
            said = await client.data(message)
        except smtp.SMTPAuthenticationError as error:
            return _answered(error.code, error.message, "bad_login")
        except smtp.SMTPRecipientRefused as error:
            return _answered(error.code, error.message, "no_such_mailbox")
        except smtp.SMTPResponseException as error:
            return _answered(error.code, error.message, "refused")
        except smtp.SMTPNotSupported as error:
            return Rejected("unsupported", str(error)[:300])
        except ssl.SSLError as error:
            return Retry(60.0, "bad_certificate") if not handing.over else Lost(type(error).__name__)
        except (smtp.SMTPException, OSError) as error:
            if isinstance(error.__cause__, ssl.SSLError):
                return Retry(60.0, "bad_certificate")
            return Lost(type(error).__name__) if handing.over else Retry(5.0, "unreachable")
        else:
            return Done(Ref(to, said.message.splitlines()[0][:100] if said.message else ""))
        finally:
            client.close()  # a polite QUIT would wait for one answer more

    def _client(self) -> SMTP:
        import aiosmtplib as smtp

        of = self._settings
        context = ssl.create_default_context()
        if of.ca_file is not None:
            context.load_verify_locations(of.ca_file)
        return smtp.SMTP(
            hostname=of.host, port=of.port or _PORTS[of.security], timeout=of.timeout_seconds,
            use_tls=of.security == "tls", start_tls=False, tls_context=context,
        )  # fmt: skip

    async def close(self) -> None:
        """Nothing is kept open."""


class _Handing:
    """Remember whether the text was handed over."""

    over = False


def _answered(code: int, said: str, refused: str) -> Result:
    """Read a reply that is no success: 4xx = later, 5xx = never (RFC 5321, 4.2.1)."""
    if 400 <= code < 500 or code < 0:  # below 0: aiosmtplib could not read the reply
        return Retry(30.0 if code == _CLOSED else 60.0, "busy")
    return Rejected(refused, f"{code} {said}"[:300])


def written(to: str, notice: Notice, key: str, settings: Config, date: str) -> EmailMessage:
    """Write a message: text, HTML beside it, and what is attached; an invitation stands beside the text as well."""
    message = EmailMessage(_POLICY)
    name, address = parseaddr(settings.sender)
    message["From"] = Address(name, addr_spec=address)
    message["To"] = Address(addr_spec=to)
    if settings.reply_to is not None:
        name, reply = parseaddr(settings.reply_to)
        message["Reply-To"] = Address(name, addr_spec=reply)
    message["Subject"] = one_line(notice.subject)[:_SUBJECT_CHARS]
    message["Date"] = date
    message["Message-ID"] = f"<{key}@{address.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: nobody's absence is answered to us
    message.set_content(notice.text)
    if notice.html is not None:
        message.add_alternative(notice.html, subtype="html")
    for attachment in notice.attachments:
        kind, params = _type(attachment)
        if kind == "text/calendar":  # mail programs show the invitation itself, RFC 6047
            message.add_alternative(attachment.body.decode(), subtype="calendar", params=params)
    for attachment in notice.attachments:
        kind, params = _type(attachment)
        main, _, sub = kind.partition("/")
        if main == "text":
            params["charset"] = "utf-8"  # else a mail program reads it as ASCII (RFC 2046, 4.1.2)
        message.add_attachment(
            attachment.body, maintype=main, subtype=sub, filename=one_line(attachment.name), params=params
        )  # fmt: skip
    return message


def one_line(words: str) -> str:
    """Make words fit for a header: nothing in them ends it or begins another."""
    return " ".join("".join(letter if letter.isprintable() else " " for letter in words).split())


def _type(attachment: Attachment) -> tuple[str, dict[str, str]]:
    kind, *rest = (part.strip() for part in attachment.type.split(";"))
    params = dict(part.split("=", 1) for part in rest if "=" in part)
    return kind.lower(), {key: value.strip('"') for key, value in params.items() if key.lower() != "charset"}
