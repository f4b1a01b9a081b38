"""People, what they are called, and their accounts."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import String, and_, delete, func, insert, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import ConnectionId, PersonId
from bot.model.person import Account, LinkCode, LookUp, Person, sought
from store import tables as t
from store.incidents import DRAW
from store.mapping import ACCOUNTS, LINK_CODES, LOOK_UPS, PEOPLE
from store.statement import Row, Statement, p, place
from store.visible import Reader

_P, _N, _A, _L = t.PERSON.c, t.PERSON_NAME.c, t.ACCOUNT.c, t.LOOK_UP.c

_ONE = Statement(select(*PEOPLE.columns).where(_P.id == p("id")))
_CALLED = Statement(select(*PEOPLE.columns).join_from(t.PERSON_NAME, t.PERSON, _P.id == _N.person).where(_N.word == p("word")))
_LIKE = Statement(
    select(*PEOPLE.columns)
    .join_from(t.PERSON_NAME, t.PERSON, _P.id == _N.person)
    .where(
        _P.active,
        _P.merged_into.is_(None),
        _N.word != "",
        or_(place(_N.word, p("word", String())) > 0, place(p("word", String()), _N.word) > 0),
    )
    .order_by(func.abs(func.length(_N.word) - func.length(p("word", String()))), _P.id)
    .limit(p("limit"))
)
_SAVE = Statement(
    (saving := upsert(t.PERSON)).on_conflict_do_update(
        index_elements=["id"], set_={name: saving.excluded[name] for name in PEOPLE.names if name != "id"}
    ),
    PEOPLE.names,
)
_FOLLOW = Statement(update(t.PERSON).where(_P.merged_into == p("id")), ("merged_into",))
_UNNAME = Statement(delete(t.PERSON_NAME).where(_N.person == p("id")))
_NAMES = Statement(select(_N.word).where(_N.person == p("id")))
_NAME = Statement(insert(t.PERSON_NAME).inline(), ("word", "person"))
_ACCOUNT = Statement(select(*ACCOUNTS.columns).where(_A.connection == p("connection"), _A.id == p("id")))
_ACCOUNTS = Statement(select(*ACCOUNTS.columns).where(_A.person == p("person"), _A.connection == p("connection")).order_by(_A.id))
_ELSEWHERE = select(literal_column("1")).where(_A.person == _P.id, _A.connection == p("connection")).correlate(t.PERSON).exists()
_TO_LOOK_UP = Statement(
    select(*PEOPLE.columns, _L.sought)
    .join_from(
        t.PERSON,
        t.LOOK_UP,
        and_(_L.person == _P.id, _L.connection == p("connection"), _L.at >= p("since")),
        isouter=True,
    )
    .where(_P.active, _P.merged_into.is_(None), or_(_P.email.is_not(None), _P.mobile.is_not(None)), ~_ELSEWHERE)
    .order_by(_P.id)
)
_REACHED = Statement(
    select(_P.id).where(
        _P.active,
        _P.merged_into.is_(None),
        _P.id != p("id"),
        or_(func.lower(_P.email) == p("email", String()), _P.mobile == p("mobile", String())),
    )
)
_ALL_ACCOUNTS = Statement(select(*ACCOUNTS.columns).where(_A.person == p("person")).order_by(_A.connection, _A.id))
_C = t.LINK_CODE.c
_CODE = Statement(select(*LINK_CODES.columns).where(_C.digest == p("digest")))
_KEEP_CODE = Statement(insert(t.LINK_CODE).inline(), LINK_CODES.names)
_SPEND = Statement(delete(t.LINK_CODE).where(or_(_C.digest == p("digest"), _C.until < p("now"))))
_LOOK_UPS = Statement(select(*LOOK_UPS.columns).where(_L.connection == p("connection")).order_by(_L.person))
_SAVE_LOOK_UP = Statement(
    (missing := upsert(t.LOOK_UP)).on_conflict_do_update(
        index_elements=["connection", "person"],
        set_={name: missing.excluded[name] for name in ("sought", "code", "at")},
    ),
    LOOK_UPS.names,
)
_SAVE_ACCOUNT = Statement(
    (keeping := upsert(t.ACCOUNT)).on_conflict_do_update(
        index_elements=["connection", "id"],
        set_={name: keeping.excluded[name] for name in ACCOUNTS.names if name not in ("connection", "id")},
    ),
    ACCOUNTS.names,
)


def folded(word: str) -> str:
    """Fold what people call somebody, so that case, full width and outer spaces do not matter."""
    return unicodedata.normalize("NFKC", word).strip().casefold()


class PeopleReads(Reader):
    """Read people and accounts."""

    def person(self, ident: PersonId) -> Person | None:
        seen: set[str] = set()
        while ident not in seen:
            seen.add(ident)
            found = self.link.row(_ONE, p_id=ident)
            if found is None:
                return None
            person = PEOPLE.build(found)
            if person.merged_into is None:
                return person
            ident = person.merged_into
        return None

    def people_called(self, word: str) -> list[Person]:
        return self._those(self.link.rows(_CALLED, p_word=folded(word)), 5)

    def people_like(self, word: str, limit: int = 3) -> list[Person]:
        wanted = folded(word)
        return self._those(self.link.rows(_LIKE, p_word=wanted, p_limit=limit * 4), limit) if wanted else []

    def account(self, connection: ConnectionId, ident: str) -> Account | None:
        found = self.link.row(_ACCOUNT, p_connection=connection, p_id=ident)
        return ACCOUNTS.build(found) if found else None

    def accounts(self, person: PersonId, connection: ConnectionId) -> list[Account]:
        rows = self.link.rows(_ACCOUNTS, p_person=person, p_connection=connection)
        if not rows and (known := self.person(person)) is not None and known.id != person:
            rows = self.link.rows(_ACCOUNTS, p_person=known.id, p_connection=connection)
        return [ACCOUNTS.build(row) for row in rows]

    def accounts_of(self, person: PersonId) -> list[Account]:
        return [ACCOUNTS.build(row) for row in self.link.rows(_ALL_ACCOUNTS, p_person=person)]

    def link_code(self, digest: str) -> LinkCode | None:
        found = self.link.row(_CODE, p_digest=digest)
        return LINK_CODES.build(found) if found else None

    def to_look_up(self, connection: ConnectionId, since: datetime) -> list[Person]:
        rows = self.link.rows(_TO_LOOK_UP, p_connection=connection, p_since=since)
        found = ((PEOPLE.build(row), row[-1]) for row in rows)
        return [person for person, asked in found if asked != sought(person)]

    def sharing(self, person: Person) -> list[PersonId]:
        rows = self.link.rows(
            _REACHED, p_id=person.id, p_email=(person.email or "").lower() or None, p_mobile=person.mobile or None
        )
        return [PersonId(row[0]) for row in rows]

    def look_ups(self, connection: ConnectionId) -> list[LookUp]:
        return [LOOK_UPS.build(row) for row in self.link.rows(_LOOK_UPS, p_connection=connection)]

    def _those(self, rows: Iterable[Row], limit: int) -> list[Person]:
        """Give each active person once, as who they turned out to be."""
        found: dict[PersonId, Person] = {}
        for row in rows:
            met: Person | None = PEOPLE.build(row)
            if met is not None and met.merged_into is not None:
                met = self.person(met.merged_into)
            if met is not None and met.active:
                found.setdefault(met.id, met)
        return list(found.values())[:limit]


class PeopleWrites(PeopleReads):
    """Write people and accounts."""

    def new_person_id(self) -> PersonId:
        return PersonId(f"p-{self.link.rows(DRAW, name='person', value=1)[0][0]}")

    def save_person(self, person: Person) -> None:
        self.link.put(_SAVE, PEOPLE.values(person))
        words = {folded(word) for word in (person.id, person.name, *person.aliases)}
        if {row[0] for row in self.link.rows(_NAMES, p_id=person.id)} != words:
            self.link.put(_UNNAME, {"p_id": person.id})
            self.link.many(_NAME, [{"word": word, "person": person.id} for word in sorted(words)])
        if person.merged_into is not None:
            # Those who were merged into this one follow, so that one step always reaches the end.
            self.link.put(_FOLLOW, {"p_id": person.id, "merged_into": person.merged_into})

    def save_link_code(self, code: LinkCode) -> None:
        self.link.put(_KEEP_CODE, LINK_CODES.values(code))

    def spend_link_code(self, digest: str, now: datetime) -> None:
        self.link.put(_SPEND, {"p_digest": digest, "p_now": now})

    def save_look_up(self, missed: LookUp) -> None:
        self.link.write(_SAVE_LOOK_UP, LOOK_UPS.values(missed))

    def save_account(self, account: Account) -> None:
        self.link.put(_SAVE_ACCOUNT, ACCOUNTS.values(account))
