"""What may be pressed for a while: numbers that stand under messages, and links to web forms."""

from __future__ import annotations

from sqlalchemy import insert, select
from sqlalchemy.dialects.postgresql import insert as upsert

from bot.model.link import FormLink
from bot.model.menu import Menu
from store import tables as t
from store.mapping import FORM_LINKS, MENUS
from store.statement import Statement, p
from store.visible import Reader

_M, _F = t.MENU.c, t.FORM_LINK.c

_MENU = Statement(select(*MENUS.columns).where(_M.spot == p("spot")))
_SAVE_MENU = Statement(
    (saving := upsert(t.MENU)).on_conflict_do_update(
        index_elements=["spot"], set_={name: saving.excluded[name] for name in MENUS.names if name != "spot"}
    ),
    MENUS.names,
)
_LINK = Statement(select(*FORM_LINKS.columns).where(_F.hash == p("hash")))
_ADD_LINK = Statement(insert(t.FORM_LINK).inline(), FORM_LINKS.names)


class MenuReads(Reader):
    """Read links."""

    def form_link(self, hashed: str) -> FormLink | None:
        found = self.link.row(_LINK, p_hash=hashed)
        return FORM_LINKS.build(found) if found else None


class MenuWrites(MenuReads):
    """Keep menus and links."""

    def menu(self, spot: str) -> Menu | None:
        found = self.link.row(_MENU, p_spot=spot)
        return MENUS.build(found) if found else None

    def save_menu(self, menu: Menu) -> None:
        self.link.put(_SAVE_MENU, MENUS.values(menu))

    def add_form_link(self, link: FormLink) -> None:
        self.link.put(_ADD_LINK, FORM_LINKS.values(link))
