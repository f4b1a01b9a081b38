"""What people do: they speak, press and fill in what is drawn, and look after their groups."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from adapters.sandbox.dingtalk import cards, parcels
from adapters.sandbox.dingtalk.courier import Courier
from adapters.sandbox.dingtalk.drawn import bound, draw, echoed, form_of
from adapters.sandbox.dingtalk.forms import field, sent, taken
from adapters.sandbox.dingtalk.parcels import Outcome, Parcel
from adapters.sandbox.dingtalk.sessions import Sessions
from adapters.sandbox.dingtalk.world import Card, Data, Group, Message, User, World
from adapters.sandbox.pages import Cannot

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk

BOT = "bot"  # stands for the chat with the bot wherever a group is named


@dataclass(slots=True)
class Act:
    """Hold one thing that a person did of which the app hears; `state` waiting | done | failed."""

    n: int
    person: str
    what: str
    chat: str
    state: str = "waiting"
    error: str = ""
    version: int = 0


class People:
    """Let people act on what they see."""

    def __init__(self, world: World, desk: Desk, sessions: Sessions, courier: Courier) -> None:
        self.world, self.desk, self.sessions, self.courier = world, desk, sessions, courier
        self.acts: list[Act] = []

    # ------------------------------------------------------------ what a person sees
    def user(self, person: str) -> User:
        """Find who acts."""
        user = self.world.users.get(person)
        if user is None or user.left:
            raise Cannot(f"nobody plays {person!r}")
        return user

    def group(self, person: str, chat: str) -> Group:
        """Find a group that a person is in."""
        group = self.world.groups.get(chat)
        if group is None or self.user(person).id not in group.members:
            raise Cannot(f"{person} is not in a group {chat!r}")
        if group.disbanded:
            raise Cannot(f"the group {group.title} was disbanded")
        return group

    def message(self, person: str, ident: str) -> Message:
        """Find a message that a person sees, as it is now."""
        message = self.world.messages.get(ident)
        if message is None or message.recalled or (message.place != person and not self._inside(person, message.place)):
            raise Cannot(f"{person} sees no message {ident}")
        return message

    def _inside(self, person: str, place: str) -> bool:
        group = self.world.groups.get(place)
        return group is not None and person in group.members

    def drawn(self, person: str, ident: str) -> tuple[Message, Card, Data]:
        """Find a card that a person sees and what it draws for them."""
        message = self.message(person, ident)
        card = self.world.cards.get(message.track)
        if card is None:
            raise Cannot("that is no card")
        return message, card, draw(self.world, card, person)

    # ------------------------------------------------------------ speaking
    def type(self, person: str, chat: str, text: str, quote: str | None = None) -> Act:
        """Say something, or answer a message; the bot hears it where it is named, or in the chat with it."""
        user = self.user(person)
        if not text.strip():
            raise Cannot("there is nothing to send")
        group = None if chat == BOT else self.group(person, chat)
        names = {self.world.app.robot_name: BOT} if group is None or group.robots else {}
        names |= {self.world.users[p].name: p for p in (group.members if group is not None else ())}
        found = re.findall(_mention(names), text) if names else []
        at = list(dict.fromkeys(names[name] for name in found))
        message = Message(self.world.fresh(), group.cid if group else user.id, user.id, "text", {"content": text}, at=at)
        self.world.say(message)
        act = self.act(person, text, chat)
        message.act = act.n
        if group is not None and BOT not in at:
            return self.over(act, "")
        robot = next(iter(group.robots), self.world.app.robot) if group is not None else self.world.app.robot
        heard = re.sub(_mention(names), "", text) if group is not None else text  # every @name goes, the space after it stays
        others = [p for p in at if p != BOT]
        session = self.sessions.issue(message.place, robot)
        answered = self.answered(person, message.place, quote) if quote is not None else None
        return self.carry(parcels.bot_message(self.world, message, group, heard, others, session, answered), act)

    def share(self, person: str, chat: str, name: str, kind: str, body: bytes) -> str:
        """Send a picture or a file to a group, which names nobody; gives the message's id."""
        user, group = self.user(person), self.group(person, chat)
        if not body:
            raise Cannot("there is nothing to send")
        sort = "picture" if kind.startswith("image/") else "file"
        message = Message(self.world.fresh(), group.cid, user.id, sort, {"fileName": name}, body=body)
        return self.world.say(message).id

    def answered(self, person: str, place: str, quote: str) -> Message:
        """Find the message that somebody answers."""
        found = next((m for m in self.world.messages.values() if m.id == quote and m.place == place and not m.recalled), None)
        if found is None:
            raise Cannot(f"{person} sees no message {quote} there")
        return found

    # ------------------------------------------------------------ cards
    def press(self, person: str, ident: str, button: str, confirmed: bool = False) -> Act:
        """Press a button that a card draws, by its id or label."""
        message, card, shown = self.drawn(person, ident)
        for one in shown["buttons"]:
            if button in (one["id"], one.get("text")) and one.get("status") != "hidden":
                if one.get("status") == "disabled":
                    raise Cannot(f"{button!r} is grey")
                if one.get("confirm") and not confirmed:
                    raise Cannot("it asks first", confirm=one["confirm"])
                return self._pressed(person, message, card, *bound(self._entry(card), one), button)
        raise Cannot(f"there is no button {button!r}; there are {[one.get('text') for one in shown['buttons']]}")

    def choose(self, person: str, ident: str, select: str, value: Any) -> Act:
        """Choose in a select that a card draws outside its form."""
        message, card, shown = self.drawn(person, ident)
        for one in shown["selects"]:
            if select in (one["id"], one.get("placeholder"), one.get("text")):
                into = {"type": "SELECT", "fixed": False, "label": select, "options": one.get("options") or []}
                action = str(self._entry(card).get("select_action", one["id"]))
                return self._pressed(person, message, card, [action], {action: taken(into, value)}, select)
        raise Cannot(f"there is no select {select!r}")

    def fill(self, person: str, ident: str, name: str, value: Any) -> None:
        """Put something into a field of a card's form; nobody hears of it before the form is sent."""
        _, card, shown = self.drawn(person, ident)
        if shown["form"] is None:
            raise Cannot("there is no form")
        into = field(shown["form"], name)
        raw = form_of(self.world, card, person)
        if card.filled.get(person, {}).get("form") != raw:
            card.filled[person] = {"form": raw, "values": {}}
        card.filled[person]["values"][into["name"]] = taken(into, value)
        self.world.redraw(card)

    def submit(self, person: str, ident: str) -> Act:
        """Send a card's form; a required field that is empty keeps it from going."""
        message, card, shown = self.drawn(person, ident)
        if shown["form"] is None:
            raise Cannot("there is no form")
        values, missing = sent(shown["form"])
        if missing:
            raise Cannot("something is missing", missing=missing)
        entry = self._entry(card)
        action, param = str(entry.get("form_action", "form")), str(entry.get("form_param", "form"))
        act = self._pressed(person, message, card, [action], {param: values}, "form")
        card.filled.pop(person, None)
        return act

    def _entry(self, card: Card) -> Mapping[str, Any]:
        return self.world.app.cards.get(card.template, {})

    def _pressed(self, person: str, message: Message, card: Card, actions: list[str], params: Data, what: str) -> Act:
        act = self.act(person, what, message.place)
        if card.callback != "STREAM":
            return self.over(act, "the card has no callback")
        params = {**echoed(self.world, card, person), **params}
        self.desk.pressed.add(card.track)

        async def done(outcome: Outcome) -> None:
            self.desk.pressed.discard(card.track)
            error = outcome.error
            if not error:
                response = outcome.data.get("response") if isinstance(outcome.data, dict) else None
                error = cards.answered(self.world, card, person, response)
            self.over(act, error)

        return self.carry(parcels.pressed(self.world, card, person, message.place, actions, params), act, done)

    # ------------------------------------------------------------ groups
    def invite(self, person: str, chat: str, whom: str) -> None:
        """Bring somebody into a group, or the bot in the group's settings."""
        group = self.group(person, chat)
        if whom == BOT:
            if group.robots:
                raise Cannot("it is there already")
            self.world.bring_bot(group)
        elif self.user(whom).id in group.members:
            raise Cannot(f"{whom} is there already")
        else:
            self.world.admit(group, [whom], person)

    def remove(self, person: str, chat: str, whom: str) -> None:
        """Put somebody, or the bot, out of one's group."""
        group = self.group(person, chat)
        if group.owner != person or whom == person:
            raise Cannot("only a group's owner puts others out")
        if whom == BOT:
            group.robots.clear()
            group.version = self.world.touch()
        else:
            self.world.expel(group, [whom], person)

    def leave(self, person: str, chat: str) -> None:
        """Leave a group; its owner hands it over first."""
        group = self.group(person, chat)
        if group.owner == person:
            raise Cannot("the owner cannot leave")
        self.world.expel(group, [person], person)

    def rename(self, person: str, chat: str, title: str) -> None:
        """Give a group another title."""
        if not title.strip():
            raise Cannot("a group has a name")
        self.world.rename(self.group(person, chat), title, person)

    def disband(self, person: str, chat: str) -> None:
        """End one's group."""
        group = self.group(person, chat)
        if group.owner != person:
            raise Cannot("only its owner ends a group")
        self.world.disband(group, person)

    def found(self, person: str, title: str, members: Sequence[str]) -> str:
        """Make a group by hand; gives its id."""
        return self.world.open(title, self.user(person).id, [self.user(m).id for m in members]).cid

    def join(self, person: str, link: str) -> str:
        """Follow a join link; gives the group's id."""
        group = self.world.by_chatid(link.rpartition("code=")[2])
        if group is None or group.disbanded or self.user(person).outsider:
            raise Cannot("the link leads nowhere")
        self.world.admit(group, [person], person)
        return group.cid

    def read(self, person: str, ident: str) -> None:
        """Look at a DING."""
        ding = self.world.dings.get(ident)
        if ding is None or person not in ding.receivers or ding.recalled:
            raise Cannot(f"{person} has no DING {ident}")
        if person not in ding.read:
            ding.read.append(person)
            ding.version = self.world.touch()

    # ------------------------------------------------------------ deliveries
    def act(self, person: str, what: str, chat: str) -> Act:
        """Note that somebody began to do something of which the app hears."""
        act = Act(len(self.acts) + 1, person, what, chat, version=self.world.touch())
        self.acts.append(act)
        return act

    def over(self, act: Act, error: str) -> Act:
        """Note what became of it."""
        act.state, act.error = "failed" if error else "done", error
        act.version = self.world.touch()
        return act

    def carry(self, parcel: Parcel, act: Act, done: Callable[[Outcome], Awaitable[None]] | None = None) -> Act:
        """Deliver it; without `done` only the outcome is noted."""

        async def over(outcome: Outcome) -> None:
            self.over(act, outcome.error)

        self.courier.carry(parcel, done or over)
        return act


def _mention(names: Any) -> str:
    """Give a pattern of the @names that a client offers; it puts a space behind each."""
    either = "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
    return rf"@({either})(?=\s|$)"
