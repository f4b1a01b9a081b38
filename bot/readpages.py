"""Taking note of an announcement by the link in its e-mail: looking at the page counts nothing, its button does."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.engine.announcement_notice import READ_PATH, reader_of
from bot.engine.house import House
from bot.engine.run import record
from bot.errors import NotStored
from bot.model import event as ev
from bot.model.announcing import Post, Stage
from bot.model.ids import IncidentId
from bot.model.person import ALL_SEEING, Actor, ActorKind
from bot.model.text import flat
from bot.ports import Reads, Store, UnitOfWork
from bot.webforms import secure

_OUT = (Stage.SENT, Stage.WITHDRAWN)


class ReadPages:
    """Serve the links to take note: 200 with the words and a button, or with thanks; 404 for what is no link of ours.

    Mail scanners open every link, so only a POST counts; it counts once, however often it comes. 503 = not stored.
    """

    def __init__(self, store: Store, house: House) -> None:
        self._store, self._house = store, house

    def routes(self) -> list[tuple[str, Callable[[Request], Awaitable[Response]]]]:
        """List (path, endpoint) for the web application; none where no links are made."""
        return [(f"{READ_PATH}{{incident}}/{{number}}/{{token}}", self.take)] if self._house.public_url is not None else []

    async def take(self, request: Request) -> Response:
        """Show the announcement with its button, or take note of it."""
        known = request.path_params
        ident, number, token = IncidentId(known["incident"]), str(known["number"]), str(known["token"])

        def look(reads: Reads) -> tuple[Post | None, str | None]:
            incident = reads.incident(ident)
            post = incident.announcing.post(int(number)) if incident is not None and number.isdecimal() else None
            return post, reader_of(post, token) if post is not None and post.stage in _OUT else None

        post, reader = await self._store.read(look, ALL_SEEING)
        if post is None or reader is None:
            return self._page(404, "unknown")
        if request.method != "POST":
            return self._page(200, "done" if reader in post.read else "ask", post)

        def note(uow: UnitOfWork) -> None:
            incident = uow.lock_incident(ident)
            fresh = incident.announcing.post(post.number) if incident is not None else None
            if fresh is not None and reader not in fresh.read:
                person = uow.person(reader)  # type: ignore[arg-type]  # of an address there is none
                actor = Actor(ActorKind.PERSON, reader) if person is not None else Actor(ActorKind.OUTBOX, "mail")
                fact = ev.AnnouncementRead(number=post.number, reader=reader)
                record(uow, self._house, actor, [fact], incident, now=self._house.clock.now(), cause="mail")

        try:
            await self._store.tx(note)
        except NotStored:
            return self._page(503, "ask", post)
        return self._page(200, "done", post)

    def _page(self, status: int, state: str, post: Post | None = None) -> HTMLResponse:
        prose, lang = self._house.prose, self._house.policy.lang
        said = flat(post.text) if post is not None else ""
        words = {name: prose.label(f"read_page.{name}", lang) for name in ("ask", "done", "unknown", "button")}
        return secure(status, lambda nonce: prose.page("read", lang=lang, nonce=nonce, state=state, said=said, words=words))
