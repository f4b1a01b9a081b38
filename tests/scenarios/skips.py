"""What is not played where: the one list of it, and why; `test_skips.py` compares it with what the adapters can do.

A line names a chat, what is left out there and a reason. What is left out is a file of scenarios, one scenario, or a step (the
words that a scenario asks `house.can(…)` with). A reason is a capability that the
chat has not, a part of its cell in the table of tests/abilities.md, or a fact of the platform that no capability speaks of.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

from bot.abilities import profiles
from bot.plugins import plugin
from bot.ports import Capability, Row

# The adapters of each chat: WeCom's app opens the rooms and its bot hears in them.
ADAPTERS = {
    "plain": ("plain",), "slack": ("slack",), "feishu": ("feishu",), "dingtalk": ("dingtalk",), "wecom": ("wecom", "wecom_bot"),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Part:
    """Name a part of a row of the table, such as the threads of `only for one / thread / pin`."""

    row: Row
    part: str


@dataclass(frozen=True, slots=True)
class Words:
    """Quote what a row of the table says of a chat that can do a thing in its own way only."""

    row: Row
    words: str


@dataclass(frozen=True, slots=True)
class Fact:
    """State what is so on the platform, which no capability speaks of."""

    words: str


@dataclass(frozen=True, slots=True)
class Skip:
    """Hold one line: the chat, what is left out there, and why."""

    chat: str
    what: str
    because: Capability | Part | Words | Fact

    @property
    def why(self) -> str:
        """Say why, in words."""
        match self.because:
            case Capability():
                return f"it cannot: {self.because.value}"
            case Part(row, part):
                return f"the table says ○ to {part} ({row.value})"
            case Words(row, words):
                return f"the table says “{words}” to {row.value}"
            case Fact(words):
                return words

    def stale(self) -> str:
        """Say why this line must go, empty while the chat lacks what it says."""
        known, lacking = profiles(), self.because
        for name in ADAPTERS[self.chat]:
            match lacking:
                case Capability() if lacking in plugin("adapters.chat", name).capabilities:
                    return f"{name} can: {lacking.value}"
                case Part(row, part):
                    cell = known[name].cells[row].words.split(" / ")
                    said = cell[row.value.split(" / ").index(part)] if len(cell) > 1 else cell[0]
                    if said[:1] not in ("○", "–"):
                        return f"the table says “{said}” to {part} on {name}"
        if isinstance(lacking, Words):
            told = [known[name].cells[lacking.row].words for name in ADAPTERS[self.chat]]
            return "" if any(lacking.words in cell for cell in told) else f"the table says {told}"
        return ""


SKIPS = (
    Skip("plain", "test_cards", Capability.CARD),
    Skip("plain", "a_proposed_level_is_agreed_to_or_turned_down_by_a_click", Capability.CARD),
    Skip("plain", "an_item_is_accepted_and_verified_by_a_click", Capability.CARD),
    Skip("plain", "an_announcement_is_changed_sent_and_noted_by_click", Capability.CARD),
    Skip("plain", "a_review_meeting_is_accepted_and_declined_by_a_click", Capability.CARD),
    Skip("plain", "a_review_meeting_is_called_by_a_form", Capability.CARD),
    Skip("plain", "a_reminder_and_an_offer_are_answered_by_one_click", Capability.CARD),
    Skip("plain", "test_two_workspaces", Capability.LOOK_UP),
    Skip("plain", "a_room_elsewhere_is_asked_for_and_given_up", Capability.LOOK_UP),
    Skip("plain", "one_person_binds_two_accounts", Capability.LOOK_UP),
    Skip("plain", "only_what_is_drawn_can_be_pressed_and_filled_in", Capability.CARD),
    Skip("plain", "nobody_is_pinged_by_an_edit", Capability.EDIT),
    Skip("plain", "the card of a room is edited", Capability.EDIT),
    Skip("plain", "what_somebody_said_becomes_a_note_by_quoting_it", Fact("lines go in and out; none points at another")),
    Skip("plain", "a_reaction_makes_a_note_and_what_becomes_of_the_message_follows", Capability.REACTION),
    Skip("plain", "a_picture_of_a_message_is_kept_by_its_hash_and_shown_in_the_report", Capability.FILE),
    Skip("dingtalk", "a message is made a note by a reaction", Capability.REACTION),
    Skip("wecom", "a message is made a note by a reaction", Capability.REACTION),
    Skip("feishu", "a message is pinned", Fact("the platform tells no app of a pin (im-v1/pin has no event)")),
    Skip("feishu", "a message is edited", Fact("the platform tells no app of an edit (im-v1/message has no event)")),
    Skip("dingtalk", "a_reaction_makes_a_note_and_what_becomes_of_the_message_follows", Capability.REACTION),
    Skip("wecom", "a_reaction_makes_a_note_and_what_becomes_of_the_message_follows", Capability.REACTION),
    Skip("plain", "a card in a room", Capability.CARD),
    Skip("plain", "who_talks_to_the_others_in_the_room_is_there", Words(Row.HEARD, "@bot")),
    Skip("dingtalk", "who_talks_to_the_others_in_the_room_is_there", Words(Row.HEARD, "@bot")),
    Skip("wecom", "who_talks_to_the_others_in_the_room_is_there", Words(Row.HEARD, "@bot")),
    Skip("feishu", "who_talks_to_the_others_in_the_room_is_there", Words(Row.HEARD, "@bot (all✱)")),
    Skip(
        "feishu", "a_message_is_declared_from_its_menu",
        Fact("a message's shortcut opens a page of the app's; the bot is told nothing of the message"),
    ),
    Skip("dingtalk", "a_message_is_declared_from_its_menu", Fact("a message has no menu that an app could add to")),
    Skip("dingtalk", "slash", Fact("there are no slash commands")),
    Skip("dingtalk", "thread", Part(Row.PLACE, "thread")),
    Skip(
        "wecom", "an_announcement_is_changed_sent_and_noted_by_click",
        Fact("its cards hold a few short lines: a long text goes ahead, and its buttons follow in a message of their own"),
    ),
    Skip("wecom", "each_status_has_its_buttons_and_a_whole_life_is_pressed", Part(Row.INPUT, "free text")),
    Skip("wecom", "a_recovery_is_withdrawn_and_a_review_waived", Part(Row.INPUT, "free text")),
    Skip("wecom", "a_review_meeting_is_called_by_a_form", Part(Row.INPUT, "free text")),
    Skip("wecom", "a_form_says_what_is_wrong_at_the_field_and_is_taken_once", Part(Row.INPUT, "free text")),
    Skip("wecom", "cards_in_english", Part(Row.INPUT, "free text")),
    Skip("wecom", "a_message_is_declared_from_its_menu", Fact("a message has no menu that an app could add to")),
    Skip("wecom", "hostile_titles_do_nothing", Fact("its cards show words as they stand: no mark-up can be told from text")),
    Skip("wecom", "every_way_of_talking_to_the_bot", Part(Row.PLACE, "thread")),
    # The app's rooms take no cards; its bot plays some of these in a group.
    Skip("wecom", "an_alert_card_is_looked_at_and_becomes_a_room", Words(Row.CARD, "DM only")),
    Skip("wecom", "alerts_are_dismissed_by_a_reason_from_the_list", Words(Row.CARD, "DM only")),
    Skip("wecom", "the_level_is_changed_from_the_list_and_lowering_a_p1_is_asked_about", Words(Row.CARD, "DM only")),
    Skip("wecom", "a_proposed_level_is_agreed_to_or_turned_down_by_a_click", Words(Row.CARD, "DM only")),
    Skip("wecom", "a_storm_becomes_one_incident_by_a_click", Words(Row.CARD, "DM only")),
    Skip("wecom", "a_stale_click_and_a_forbidden_one_change_nothing", Words(Row.CARD, "DM only")),
    Skip(
        "wecom", "who_is_an_outsider_changes_and_learns_nothing",
        Fact("a self-built app and its bot hear members of the company only"),
    ),
    Skip("wecom", "only_what_is_drawn_can_be_pressed_and_filled_in", Part(Row.INPUT, "free text")),
    Skip(
        "wecom", "another_group_is_bound_to_an_incident",
        Fact("the bot cannot tell a group that it is bound in from the room of the app for which it hears"),
    ),
    Skip("wecom", "nobody_is_pinged_by_an_edit", Words(Row.CARD, "DM only")),
    Skip("wecom", "the card of a room is edited", Words(Row.CARD, "DM only")),
    Skip("wecom", "an answer for one alone in a room", Capability.PRIVATE),
    Skip("wecom", "when a room's message was typed", Fact("what the bot hears carries no time of its own (101463)")),
)  # fmt: skip


def skipped(chat: str, file: str, scenario: str) -> Skip | None:
    """Give the line by which a scenario is not played on a chat; None = it is."""
    return _lines(chat).get(scenario) or _lines(chat).get(file)


def step(chat: str, what: str) -> Skip | None:
    """Give the line by which a step of scenarios is not played on a chat; None = it is."""
    return _lines(chat).get(what)


@functools.cache
def _lines(chat: str) -> dict[str, Skip]:
    return {skip.what: skip for skip in SKIPS if skip.chat == chat}


def left_out(chat: str) -> dict[str, str]:
    """Give all that is not played on a chat, with why."""
    return {what: skip.why for what, skip in _lines(chat).items()}
