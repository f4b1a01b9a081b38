"""What came with messages: bytes, each once under their hash, and which entry they belong to."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.files import Body, Kept
from bot.model.ids import IncidentId
from store import tables as t
from store.mapping import BODIES, ENCLOSED
from store.statement import Statement, p
from store.visible import Reader, may_see, per_viewer

_B, _F = t.FILE_BODY.c, t.ENCLOSED.c

_OF = per_viewer(
    lambda kind: (
        select(*ENCLOSED.columns).where(_F.incident == p("id"), may_see(kind, _F.incident)).order_by(_F.n, _F.at, _F.file)
    )
)
_BODY = per_viewer(
    lambda kind: (
        select(*BODIES.columns)
        .where(
            _B.digest == p("digest"),
            _B.digest.in_(select(_F.digest).where(_F.incident == p("id"), may_see(kind, _F.incident))),
        )
        .limit(1)
    )
)
_KEEP_BODY = Statement(upsert(t.FILE_BODY).on_conflict_do_nothing(index_elements=["digest"]), BODIES.names)
_KEEP = Statement(
    (keeping := upsert(t.ENCLOSED)).on_conflict_do_update(
        index_elements=["incident", "n", "file"],
        set_={name: keeping.excluded[name] for name in ("at", "digest", "size", "type", "missed")},
    ),
    ENCLOSED.names,
)


class FileReads(Reader):
    """Read what became of files, and their bytes; each only as a part of an incident that the viewer sees."""

    def files_of(self, incident: IncidentId) -> list[Kept]:
        return [ENCLOSED.build(row) for row in self._seen(_OF, p_id=incident)]

    def body(self, incident: IncidentId, digest: str) -> Body | None:
        rows = self._seen(_BODY, p_id=incident, p_digest=digest)
        return Body(rows[0][0], rows[0][1], bytes(rows[0][2])) if rows else None


class FileWrites(FileReads):
    """Keep them."""

    def keep_body(self, body: Body) -> None:
        self.link.put(_KEEP_BODY, BODIES.values(body))

    def keep_file(self, kept: Kept) -> None:
        self.link.put(_KEEP, ENCLOSED.values(kept))
