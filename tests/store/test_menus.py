"""Menus and links are kept for a while, and swept."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from bot.model.ids import ConnectionId
from bot.model.link import FormLink
from bot.model.menu import Menu
from store.unit import Unit
from tests.store.world import CHAT, T0

MINUTE = timedelta(minutes=1)

MENU = Menu("room:17", "status:17", ("note|incident=F-20240520-001", "recover!|?status=handling"), T0, ("menu",))
LINK = FormLink("a" * 64, ConnectionId("plain"), "li", "G1", "update!|incident=F-20240520-001", T0 + 15 * MINUTE)


def test_a_menu_takes_the_place_of_the_one_before(uow: Unit) -> None:
    assert uow.menu("room:17") is None
    uow.save_menu(MENU)
    assert uow.menu("room:17") == MENU
    newer = replace(MENU, source="tell", choices=("close",), at=T0 + MINUTE, was=MENU.choices)
    uow.save_menu(newer)
    assert (uow.menu("room:17"), uow.menu("room:18")) == (newer, None)


def test_a_link_is_found_by_its_hash_only(uow: Unit) -> None:
    uow.add_form_link(LINK)
    assert uow.form_link("a" * 64) == LINK
    assert uow.form_link("a" * 63) is None


def test_what_ran_out_long_ago_is_swept(uow: Unit) -> None:
    uow.save_menu(MENU)
    uow.save_menu(replace(MENU, spot="room:18", at=T0 + 60 * MINUTE))
    uow.add_form_link(LINK)
    uow.keep_delivery(CHAT, "e1", b"", T0)
    later = T0 + 30 * MINUTE
    assert uow.sweep(later, later, later, 9) == 3
    assert (uow.menu("room:17"), uow.form_link(LINK.hash)) == (None, None)
    assert uow.menu("room:18") is not None
