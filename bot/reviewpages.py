"""The pages of a postmortem: `/reports/<secret>` to read its report, `/postmortems/<secret>` to write it, several at once.

A page is one person's, for some hours. It carries no authority: what the person may do is checked anew each time.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from bot.engine.house import House
from bot.engine.intake import Intake, Reader
from bot.engine.links import PAGES, REPORT, WRITING, asking_for, hashed, page_of, writing
from bot.errors import NotStored
from bot.formpage import Fields, notice_page
from bot.model import event as ev
from bot.model.event import Event
from bot.model.incident import Incident
from bot.model.link import FormLink
from bot.model.person import ALL_SEEING, PUBLIC
from bot.model.postmortem import ANALYSIS, DEMANDED, LESSONS, OVERVIEW, Section, lacks_to_publish
from bot.model.text import Span, Text, flat, plain
from bot.ports import Reads, Store
from bot.prose import LANGS
from bot.report import MOST_PICTURES, document, gather, markdown
from bot.report import page as report_page
from bot.sections import joined_text, pieces_of
from bot.show import clean
from bot.webforms import Unreadable, read_fields

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
MAX_BODY = 2 * 1024 * 1024
LONGEST = 10_000  # characters of one section
_GROUPS = (("overview", OVERVIEW), ("analysis", ANALYSIS), ("lessons", LESSONS))


@dataclass(frozen=True, slots=True)
class Opened:
    """Hold what a link leads to for the person whose it is; `refused` says why they may not write or read it now."""

    link: FormLink
    reader: Reader
    incident: Incident
    sections: Mapping[Section, list[Event]]
    refused: Text = ()


class ReviewPages:
    """Serve the pages of postmortems that people were given links to.

    Answers: 200 with the page; 404 and 410 where there is none (any more); 409 where the person may not; 400, 408, 413, 415 for
    what cannot be read; 422 for a text that is too long; 503 when it was not stored. To a browser that asks for JSON, what was
    saved is told as JSON.
    """

    def __init__(self, store: Store, house: House, intake: Intake) -> None:
        self._store, self._house, self._intake = store, house, intake

    def routes(self) -> list[tuple[str, Callable[[Request], Awaitable[Response]]]]:
        """List (path, endpoint) for the web application; none where no links are made."""
        if self._house.public_url is None:
            return []
        return [(f"{PAGES[REPORT]}{{secret}}", self.report), (f"{PAGES[WRITING]}{{secret}}", self.write)]

    async def report(self, request: Request) -> Response:
        """Show a report in the person's language, or in the one that the address asks for; with `?as=md`, give it as a file."""
        opened = await self._open(request, REPORT)
        if isinstance(opened, Response):
            return opened
        if opened.refused:
            return self._notice(409, opened.reader.lang, "refused", opened.refused)
        asked = request.query_params.get("lang")
        lang, now = asked if asked in LANGS else opened.reader.lang, self._house.clock.now()

        as_file = request.query_params.get("as") == "md"

        def job(reads: Reads) -> str:
            show = self._house.show(reads, lang, now, opened.reader.tz)
            doc = document(gather(reads, opened.incident, MOST_PICTURES), self._house.prose, show)
            return markdown(doc) if as_file else report_page(doc, self._house.prose, nonce, f"?as=md&lang={lang}")

        nonce = secrets.token_urlsafe(16)
        if as_file:
            name = {"Content-Disposition": f'attachment; filename="{opened.incident.id}.{lang}.md"'}
            told = await self._store.read(job, ALL_SEEING)
            return Response(told, headers=_headers("style-src 'none'") | name, media_type="text/markdown; charset=utf-8")
        allowed = f"style-src 'nonce-{nonce}'; img-src data:"  # pictures that are inside the page
        return HTMLResponse(await self._store.read(job, ALL_SEEING), headers=_headers(allowed))

    async def write(self, request: Request) -> Response:
        """Show the sections with what stands in them, or save those that were sent."""
        if request.method != "POST":
            opened = await self._open(request, WRITING)
            return opened if isinstance(opened, Response) else self._form(200, opened)
        try:
            fields = await read_fields(request, MAX_BODY)
        except Unreadable as unreadable:
            return self._unknown(unreadable.status, unreadable.key)
        except ClientDisconnect:
            return self._unknown(400, "unreadable")
        opened = await self._open(request, WRITING)
        if isinstance(opened, Response):
            return opened
        as_json = "application/json" in request.headers.get("accept", "")
        try:
            return await self._save(opened, fields, as_json)
        except NotStored:
            said = plain(self._house.prose.label("web.not_stored", opened.reader.lang))
            return _json(503, {"said": flat(said)}) if as_json else self._form(503, opened, fields, said)

    # ------------------------------------------------------------ what a link opens
    async def _open(self, request: Request, page: str) -> Opened | Response:
        now = self._house.clock.now()
        digest = hashed(request.path_params["secret"])
        link = await self._store.read(lambda reads: reads.form_link(digest), PUBLIC)
        if link is None or page_of(link)[0] != page:
            return self._unknown(404, "unknown")
        if now > link.until:
            return self._unknown(410, "page_expired")
        asked, reader = await self._intake.form(asking_for(link, now))
        ident = page_of(link)[1]

        def job(reads: Reads) -> tuple[Incident | None, Mapping[Section, list[Event]]]:
            incident = reads.incident(ident)
            return incident, pieces_of(reads, incident) if incident is not None else {}

        incident, sections = await self._store.read(job, ALL_SEEING)
        if incident is None:
            return self._unknown(404, "unknown")
        return Opened(link, reader, incident, sections, asked.text if asked.form is None else ())

    # ------------------------------------------------------------ saving
    async def _save(self, opened: Opened, fields: Fields, as_json: bool) -> Response:
        """Write each section that was sent and says something else than what it went on from."""
        now, refused = self._house.clock.now(), Text()
        saved: list[Section] = []
        shown = await self._store.read(lambda reads: self._shown(reads, opened, fields), ALL_SEEING)
        for section in Section:
            if section.value not in fields:
                continue
            words = fields[section.value][0].replace("\r\n", "\n").replace("\r", "\n").strip()
            if len(words) > LONGEST:
                refused = plain(self._house.prose.label("web.longest", opened.reader.lang).replace("#", str(LONGEST)))
                break
            base = (fields.get(f"base-{section.value}") or ("",))[0]
            if words == shown[section]:
                continue
            inbound = writing(opened.link, {"section": section.value, "text": words, "base": base}, now)
            reply = await self._intake.handle(inbound, page=True)
            if reply.refused:
                refused = reply.text
                break
            saved.append(section)
        return await self._saved(opened, fields, tuple(saved), refused, as_json)

    def _shown(self, reads: Reads, opened: Opened, fields: Fields) -> Mapping[Section, str]:
        """Give the text that each box held when it was shown, by the facts that it says it went on from."""
        shown: dict[Section, str] = {}
        for section in Section:
            numbers = [int(n) for n in (fields.get(f"base-{section.value}") or ("",))[0].split("+") if _NUMBER.fullmatch(n)]
            facts = [event for n in numbers for event in reads.timeline(opened.incident.id, after=n - 1, limit=1)]
            of_it = [e for e in facts if isinstance(e.payload, ev.SectionWritten) and e.payload.section == section.value]
            shown[section] = flat(joined_text(of_it)).strip()
        return shown

    async def _saved(
        self, opened: Opened, fields: Fields, saved: tuple[Section, ...], refused: Text, as_json: bool
    ) -> Response:  # fmt: skip
        lang, prose = opened.reader.lang, self._house.prose

        def job(reads: Reads) -> tuple[Incident, Mapping[Section, list[Event]]]:
            incident = reads.incident(opened.incident.id)
            assert incident is not None
            return incident, pieces_of(reads, incident)

        incident, sections = await self._store.read(job, ALL_SEEING)
        now = Opened(opened.link, opened.reader, incident, sections)
        if not as_json:
            said = refused or plain(prose.label("web.saved" if saved else "web.nothing_new", lang))
            return self._form(422 if refused else 200, now, fields if refused else None, said, bad=bool(refused))
        told = {section.value: await self._place(now, section, fields) for section in Section if section.value in fields}
        if refused:
            return _json(422, {"said": flat(refused), "sections": {}})
        return _json(200, {"said": prose.label("web.saved", lang), "sections": told, "lacks": self._lacks(incident, lang)})

    async def _place(self, now: Opened, section: Section, fields: Fields) -> dict[str, Any]:
        """Say which fact holds a box's text from now on, and what others wrote there meanwhile."""
        words = fields[section.value][0].replace("\r\n", "\n").replace("\r", "\n").strip()
        pieces = now.sections.get(section, [])
        whole = flat(joined_text(pieces)).strip()
        if whole == words:
            return {"base": "+".join(str(event.n) for event in pieces), "others": []}
        mine = [event for event in pieces if _words(event) == words]
        others = [event for event in pieces if event not in mine[-1:]]
        return {"base": str(mine[-1].n) if mine else "", "others": [await self._said(now, event) for event in others]}

    async def _said(self, now: Opened, event: Event) -> str:
        person = event.actor.person
        found = await self._store.read(lambda reads: reads.person(person), ALL_SEEING) if person is not None else None
        return f"{clean(found.name) if found is not None else ''}: {_words(event)}"

    def _lacks(self, incident: Incident, lang: str) -> str:
        prose = self._house.prose
        lacks = lacks_to_publish(incident, self._house.policy)
        names = (", " if lang == "en" else "、").join(prose.label(f"missing.{lack}", lang) for lack in lacks)
        return prose.label("web.lacks", lang).replace("#", names) if lacks else prose.label("web.complete", lang)

    # ------------------------------------------------------------ pages
    def _form(
        self, status: int, opened: Opened, fields: Fields | None = None, said: Text = (), bad: bool = True
    ) -> HTMLResponse:  # fmt: skip
        prose, lang, nonce = self._house.prose, opened.reader.lang, secrets.token_urlsafe(16)
        sent = fields or {}
        groups = [
            {
                "title": prose.label(f"report.{name}", lang),
                "entries": [self._entry(opened, section, sent, lang) for section in sections],
            }
            for name, sections in _GROUPS
        ]
        names = ("save", "saving", "saved", "unsaved", "others", "many")
        told = prose.page(
            "postmortem", lang=lang, nonce=nonce, title=prose.label("form_title.postmortem", lang), about=opened.reader.about,
            groups=groups, said=flat(said or opened.refused), bad=bad or bool(opened.refused), open=not opened.refused,
            lacks=self._lacks(opened.incident, lang), words={name: prose.label(f"web.{name}", lang) for name in names},
            longest=LONGEST,
        )  # fmt: skip
        scripts = f"script-src 'nonce-{nonce}'; connect-src 'self'; style-src 'nonce-{nonce}'; form-action 'self'"
        return HTMLResponse(told, status, _headers(scripts))

    def _entry(self, opened: Opened, section: Section, sent: Fields, lang: str) -> dict[str, Any]:
        pieces = opened.sections.get(section, [])
        typed = sent.get(section.value)
        base = sent.get(f"base-{section.value}")
        placeholder = self._house.prose.words(lang).get(f"form_placeholder.postmortem.{section}", "")
        return {
            "name": section.value, "label": self._house.prose.label(f"section.{section}", lang), "placeholder": placeholder,
            "value": typed[0] if typed else flat(joined_text(pieces)),
            "base": base[0] if typed and base else "+".join(str(event.n) for event in pieces),
            "must": section in DEMANDED, "several": len(pieces) > 1,
        }  # fmt: skip

    def _notice(self, status: int, lang: str, key: str, said: Text) -> HTMLResponse:
        prose, nonce = self._house.prose, secrets.token_urlsafe(16)
        told = notice_page(prose, lang, nonce, title=prose.label(f"web.title_{key}", lang), said=said)
        return HTMLResponse(told, status, _headers(f"style-src 'nonce-{nonce}'"))

    def _unknown(self, status: int, key: str) -> HTMLResponse:
        """Answer somebody of whom nothing is known, in both languages."""
        prose = self._house.prose
        zh, en = (prose.label(f"web.{key}", lang) for lang in LANGS)
        nonce = secrets.token_urlsafe(16)
        title = " · ".join(prose.label("web.title_refused", lang) for lang in LANGS)
        told = notice_page(prose, "zh", nonce, title=title, said=(Span(zh), Span("\n"), Span(en)))
        return HTMLResponse(told, status, _headers(f"style-src 'nonce-{nonce}'"))


def _words(event: Event) -> str:
    assert isinstance(event.payload, ev.SectionWritten)
    return flat(event.payload.text).strip()


def _json(status: int, told: Mapping[str, Any]) -> JSONResponse:
    return JSONResponse(told, status, _headers("style-src 'none'"))


def _headers(allowed: str) -> dict[str, str]:
    return {
        "Content-Security-Policy": f"default-src 'none'; {allowed}; base-uri 'none'; frame-ancestors 'none'",
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex, nofollow",
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": "DENY",
    }
