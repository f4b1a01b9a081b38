"""Forms on the web for chats that have none: `/forms/<secret>`, for one person, once, without a script."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from urllib.parse import parse_qs

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, Response

from bot.engine.house import House
from bot.engine.intake import Intake, Reader
from bot.engine.links import PATH, State, asking, hashed, key_of_sending, sending, state_of
from bot.errors import NotStored
from bot.formpage import Fields, form_page, notice_page, read_filled
from bot.model.decoding import prepare
from bot.model.form import Form
from bot.model.link import FormLink
from bot.model.person import PUBLIC
from bot.model.text import Span, Text, plain
from bot.ports import Reply, Store, UnitOfWork
from bot.prose import LANGS

MAX_BODY = 64 * 1024
MAX_FIELDS = 400
DEADLINE = 10.0  # seconds for a body to come
_URLENCODED = "application/x-www-form-urlencoded"

_REPLY = prepare(Reply)

log = structlog.get_logger("forms")


class Unreadable(Exception):
    """Stop reading what a browser sent; `status` is the answer's."""

    def __init__(self, status: int, key: str) -> None:
        super().__init__(key)
        self.status, self.key = status, key


class FormPages:
    """Serve the forms that people were given links to.

    Answers: 200 with the form, or with what became of it; 422 with the form and what is wrong; 404, 409 and 410 where there
    is no form (any more); 400, 408, 413, 415 for what cannot be read; 503 when it was not stored, with what was typed.
    Looking at a link uses nothing up, as chats look at links to show a preview.
    """

    def __init__(self, store: Store, house: House, intake: Intake) -> None:
        self._store, self._house, self._intake = store, house, intake

    def routes(self) -> list[tuple[str, Callable[[Request], Awaitable[Response]]]]:
        """List (path, endpoint) for the web application; none where no links are made."""
        return [(f"{PATH}{{secret}}", self.take)] if self._house.public_url is not None else []

    async def take(self, request: Request) -> Response:
        """Show a form, or take what was filled in."""
        try:
            fields = await read_fields(request) if request.method == "POST" else None
        except Unreadable as unreadable:
            return self._without_form(unreadable.status, unreadable.key)
        except ClientDisconnect:
            return self._without_form(400, "unreadable")
        try:
            return await self._answer(hashed(request.path_params["secret"]), fields)
        except NotStored:
            return self._without_form(503, "not_stored", fields)

    async def _answer(self, secret_hash: str, fields: Fields | None) -> Response:
        now = self._house.clock.now()

        link = await self._store.read(lambda reads: reads.form_link(secret_hash), PUBLIC)
        if link is None:  # found out beside the writer: strangers who guess keep nobody waiting
            return self._without_form(404, "unknown")

        def known(uow: UnitOfWork) -> tuple[State, bytes | None]:
            before = uow.delivered(link.connection, key_of_sending(link, fields)) if fields is not None else None
            return state_of(uow, link, now), before

        state, before = await self._store.tx(known)
        asked, reader = await self._intake.form(asking(link, now))
        if state is State.USED and before is not None:  # the same form once more, as by a second tap
            return self._done(reader, _REPLY(before))
        if state is not State.OPEN:
            return self._notice(410, reader, state.value, None, _typed(asked.form, fields))
        if asked.form is None:
            return self._notice(409, reader, "refused", asked.text, _typed(None, fields))
        form = asked.form
        if fields is None:
            return secure(200, lambda nonce: form_page(form, reader, self._house.prose, nonce))
        return await self._send(link, form, reader, fields)

    async def _send(self, link: FormLink, form: Form, reader: Reader, fields: Fields) -> Response:
        filled = read_filled(form, reader, fields, self._house.prose)
        if filled.errors:
            return self._again(422, form, reader, fields, filled.errors)
        inbound = sending(link, key_of_sending(link, fields), {**dict(form.args), **filled.values}, self._house.clock.now())
        try:
            reply = await self._intake.handle(inbound, page=True)
        except NotStored:
            said = plain(self._house.prose.label("web.not_stored", reader.lang))
            return self._again(503, form, reader, fields, {}, said)
        if not reply.refused:
            log.info("form_taken", command=form.command, connection=link.connection)
            return self._done(reader, reply)
        if reply.field is not None and reply.field in {entry.name for entry in form.entries}:
            return self._again(422, form, reader, fields, {reply.field: reply.text})
        return self._again(422, form, reader, fields, {}, reply.text)

    def _again(
        self, status: int, form: Form, reader: Reader, fields: Fields, errors: Mapping[str, Text], refused: Text = ()
    ) -> Response:
        prose = self._house.prose
        return secure(status, lambda nonce: form_page(form, reader, prose, nonce, fields=fields, errors=errors, refused=refused))

    def _done(self, reader: Reader, reply: Reply) -> Response:
        prose, lang = self._house.prose, reader.lang
        title, foot, about = prose.label("web.done", lang), prose.label("web.back", lang), reader.about
        return secure(
            200, lambda nonce: notice_page(prose, lang, nonce, title=title, said=reply.text, done=True, about=about, foot=foot)
        )

    def _notice(
        self, status: int, reader: Reader, key: str, said: Text | None, kept: tuple[tuple[str, str], ...] = ()
    ) -> Response:
        prose, lang = self._house.prose, reader.lang
        told = said if said is not None else plain(prose.label(f"web.{key}", lang))
        title = prose.label(f"web.title_{key}", lang)
        return secure(status, lambda nonce: notice_page(prose, lang, nonce, title=title, said=told, kept=kept))

    def _without_form(self, status: int, key: str, fields: Fields | None = None) -> Response:
        """Answer somebody of whom nothing is known, in both languages."""
        prose = self._house.prose
        told = [prose.label(f"web.{key}", lang) for lang in LANGS]
        said = (Span(told[0]), Span("\n"), Span(told[1]))
        title = " · ".join(prose.label("web.title_refused", lang) for lang in LANGS)
        response = secure(
            status, lambda nonce: notice_page(prose, "zh", nonce, title=title, said=said, kept=_typed(None, fields))
        )
        if status == 503:
            response.headers["Retry-After"] = "2"
        return response


def _typed(form: Form | None, fields: Fields | None) -> tuple[tuple[str, str], ...]:
    """Give what was typed, by the labels of its entries where they are known, so that nobody has to type it twice."""
    labels = {entry.name: entry.label for entry in form.entries} if form is not None else {}
    sent = ((labels.get(name, ""), "\n".join(values)) for name, values in (fields or {}).items())
    return tuple((label, value) for label, value in sent if value.strip())


def secure(status: int, page: Callable[[str], str]) -> HTMLResponse:
    """Answer with a page of ours that runs nothing and is kept nowhere; `page` is given the nonce of its style."""
    nonce = secrets.token_urlsafe(16)
    headers = {
        "Content-Security-Policy": (
            f"default-src 'none'; style-src 'nonce-{nonce}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
    return HTMLResponse(page(nonce), status, headers)


async def read_fields(request: Request, most: int = MAX_BODY) -> Mapping[str, list[str]]:
    """Read what a browser sends, at most so many bytes; raises `Unreadable`."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != _URLENCODED:
        raise Unreadable(415, "unreadable")
    body = bytearray()
    try:
        async with asyncio.timeout(DEADLINE):
            async for chunk in request.stream():
                body += chunk
                if len(body) > most:
                    raise Unreadable(413, "too_large")
        return parse_qs(body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
    except TimeoutError:
        raise Unreadable(408, "unreadable") from None
    except ValueError:  # not ASCII, not UTF-8, or more fields than any form has
        raise Unreadable(400, "unreadable") from None
