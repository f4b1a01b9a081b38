"""Who follows what."""

from __future__ import annotations

from sqlalchemy import delete, or_, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.ids import IncidentId, PersonId
from bot.model.subscription import Subscription
from store import tables as t
from store.mapping import SUBSCRIPTIONS
from store.statement import Statement, p
from store.visible import Reader

_S = t.SUBSCRIPTION.c

_OF = Statement(select(*SUBSCRIPTIONS.columns).where(_S.person == p("person")).order_by(_S.at, _S.key))
_TO = Statement(
    select(*SUBSCRIPTIONS.columns).where(or_(_S.about == p("about"), _S.about.is_(None))).order_by(_S.person, _S.at, _S.key)
)
_SAVE = Statement(upsert(t.SUBSCRIPTION).on_conflict_do_nothing(index_elements=["person", "key"]), SUBSCRIPTIONS.names)
_DROP = Statement(delete(t.SUBSCRIPTION).where(_S.person == p("person"), _S.key == p("key")))


class AnnouncingReads(Reader):
    """Read subscriptions."""

    def subscriptions(self, person: PersonId) -> list[Subscription]:
        return [SUBSCRIPTIONS.build(row) for row in self.link.rows(_OF, p_person=person)]

    def subscriptions_to(self, incident: IncidentId) -> list[Subscription]:
        return [SUBSCRIPTIONS.build(row) for row in self.link.rows(_TO, p_about=incident)]


class AnnouncingWrites(AnnouncingReads):
    """Write them."""

    def save_subscription(self, subscription: Subscription) -> None:
        self.link.put(_SAVE, SUBSCRIPTIONS.values(subscription))

    def drop_subscription(self, person: PersonId, key: str) -> None:
        self.link.put(_DROP, {"p_person": person, "p_key": key})
