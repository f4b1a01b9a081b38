"""Incidents and alert groups as cards, rooms' names, and cards as text. Pure: the same state gives the same card."""

from bot.views.alerts import alert_card
from bot.views.lines import card_text
from bot.views.pace import nudge_card
from bot.views.roll import roll_card
from bot.views.rooms import room_name, room_slug, topic
from bot.views.shared import announcement_card, storm_card
from bot.views.status import status_card

__all__ = [
    "alert_card",
    "announcement_card",
    "card_text",
    "nudge_card",
    "roll_card",
    "room_name",
    "room_slug",
    "status_card",
    "storm_card",
    "topic",
]
