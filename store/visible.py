"""Who sees which incident: the one predicate that every read goes through."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import ColumnElement, Executable, and_, exists, literal_column, not_, or_, select, true

from bot.model.person import Viewer
from store import tables as t
from store.statement import Link, Row, Statement, p


def kind_of(viewer: Viewer) -> str:
    """Sort viewers by the predicate that they need: all, public or person."""
    if viewer.admin:
        return "all"
    return "public" if viewer.person is None else "person"


def sees(kind: str, incident: Any = t.INCIDENT.c) -> ColumnElement[bool]:
    """Say in SQL that a viewer of a kind (parameter `p_viewer`) sees an incident: not private, or involved, or admin.

    A person who turned out to be another keeps what either was involved in.
    """
    if kind == "all":
        return true()
    if kind == "public":
        public: ColumnElement[bool] = not_(incident.private)
        return public
    involved = t.INCIDENT_PERSON.alias("involved")
    merged = select(t.PERSON.c.id).where(t.PERSON.c.merged_into == p("viewer"))
    mine = exists(literal_column("1")).where(
        and_(involved.c.incident == incident.id, or_(involved.c.person == p("viewer"), involved.c.person.in_(merged)))
    )
    return or_(not_(incident.private), mine)


def may_see(kind: str, owner: ColumnElement[Any]) -> ColumnElement[bool]:
    """Say in SQL that a row naming an incident, or none, may be seen."""
    if kind == "all":
        return true()
    owned = t.INCIDENT.alias("owned")
    seen = exists(literal_column("1")).where(and_(owned.c.id == owner, sees(kind, owned.c)))
    return or_(owner.is_(None), seen)


class Reader:
    """Read over one link as one viewer; the parent of what reads each noun."""

    def __init__(self, link: Link, viewer: Viewer) -> None:
        self.link = link
        self.viewer = viewer
        self._kind = kind_of(viewer)

    def _seen(self, statements: Mapping[str, Statement], **values: Any) -> list[Row]:
        return self.link.rows(statements[self._kind], p_viewer=self.viewer.person, **values)


class PerViewer(dict[str, Statement]):
    """Hold a statement for each kind of viewer, built when it is first wanted: building all would take a tenth of the start."""

    def __init__(self, build: Callable[[str], Executable]) -> None:
        super().__init__()
        self._build = build

    def __missing__(self, kind: str) -> Statement:
        found = self[kind] = Statement(self._build(kind))
        return found


def per_viewer(build: Callable[[str], Executable]) -> Mapping[str, Statement]:
    """Make a statement for each kind of viewer; `build` puts `sees(kind)` or `may_see(kind, column)` into it."""
    return PerViewer(build)
