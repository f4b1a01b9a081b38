"""What people do in WeCom: write, press, choose, send in, take calls, bring the bot in; each only where they see it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.sandbox.pages import Cannot
from adapters.sandbox.wecom import calls, cards, messages, parcels
from adapters.sandbox.wecom import limits as at_most
from adapters.sandbox.wecom.corp import APP, BOT, Corp, Group, Message, User
from adapters.sandbox.wecom.courier import Courier
from adapters.sandbox.wecom.desk import Desk
from adapters.sandbox.wecom.parcels import Outcome, Parcel


@dataclass(slots=True)
class Act:
    """Hold one thing that a person did; `state` is waiting, done, failed (with `error`), or unheard: nobody hears it there."""

    n: int
    person: str
    what: str
    chat: str
    state: str = "waiting"
    error: str = ""
    message: int | None = None
    version: int = 0


class People:
    """Act for people. Every act raises `Cannot` when its person does not see what it needs."""

    def __init__(self, corp: Corp, desk: Desk, courier: Courier) -> None:
        self.corp, self.desk, self.courier = corp, desk, courier
        self.acts: list[Act] = []
        self._entered: dict[str, int] = {}  # the day on which somebody last opened the bot

    # ------------------------------------------------------------ what a person sees
    def user(self, person: str) -> User:
        """Find who acts."""
        user = self.corp.users.get(person)
        if user is None or user.gone:
            raise Cannot(f"nobody plays {person!r}")
        return user

    def place(self, person: str, chat: str) -> tuple[str, Group | None]:
        """Find a chat that a person is in: `app`, `bot`, or a group by its id."""
        user = self.user(person)
        if chat == APP and not user.visible:
            raise Cannot(f"{person} does not see the app")
        if chat in (APP, BOT):
            return f"{chat}:{person}", None
        group = self.corp.groups.get(chat)
        if group is None or person not in group.members:
            raise Cannot(f"{person} is not in a group {chat!r}")
        return group.id, group

    def message(self, person: str, n: Any) -> Message:
        """Find a message that a person sees, as it is now."""
        if type(n) is not int or not 0 < n <= len(self.corp.messages):
            raise Cannot(f"there is no message {n!r}")
        found = self.corp.messages[n - 1]
        kind, _, whose = found.chat.partition(":")
        if whose:
            mine = whose == person and kind in (APP, BOT)
        else:
            mine = person in self.corp.groups[found.chat].members
        if not mine or found.deleted or person in found.hidden:
            raise Cannot(f"{person} sees no message {n}")
        return found

    # ------------------------------------------------------------ writing
    def type(self, person: str, chat: str, text: str, quote: Any = None) -> Act:
        """Write something. In a group the bot hears it if it is inside and mentioned; the app never does."""
        where, group = self.place(person, chat)
        if not text.strip():
            raise Cannot("there is nothing to send")
        quoted = self.message(person, quote) if quote is not None else None
        said = self.corp.say(where, person, "text", text, quote=quoted.n if quoted is not None else None)
        act = self._act(person, text, chat, said.n)
        if chat == APP:
            return self._carry(parcels.app_text(self.corp, person, text), act)
        if chat == BOT:
            self.corp.spoke.add(person)
        elif group is None or not group.bot or not self._mentions(text, quoted):
            self._over(act, Outcome(), "unheard")
            return act
        else:
            group.active, group.version = True, self.corp.touch()
        frame = parcels.bot_text(self.corp, person, group, text, quoted)
        self.courier.hub.mouth.ticket(frame["headers"]["req_id"], "said", where, person)
        return self._carry(Parcel("socket", "text", frame, person), act)

    def share(self, person: str, chat: str, name: str, kind: str, body: bytes) -> int:
        """Send a picture or a file to a group, where nobody but people sees it; gives the message's number."""
        where, group = self.place(person, chat)
        if group is None or not body:
            raise Cannot("that cannot be sent there")
        return self.corp.say(where, person, "image" if kind.startswith("image/") else "file", f"[{name}]", body=body).n

    def _mentions(self, text: str, quoted: Message | None) -> bool:
        return f"@{self.corp.bot.name}" in text or (quoted is not None and quoted.author == BOT)

    def open(self, person: str, chat: str) -> Act:
        """Open the direct chat with the app (told each time) or with the bot (told once a day)."""
        where, group = self.place(person, chat)
        if group is not None:
            raise Cannot("nobody is told of that")
        act = self._act(person, "opens it", chat)
        if chat == APP:
            return self._carry(parcels.app_event(self.corp, person, "enter_agent"), act)
        today = int(self.corp.clock() // (at_most.DAY * self.desk.scale))
        if self._entered.get(person) == today:
            self._over(act, Outcome(), "unheard")
            return act
        self._entered[person] = today
        frame = parcels.bot_event(self.corp, person, None, "enter_chat")
        self.courier.hub.mouth.ticket(frame["headers"]["req_id"], "entered", where, person)
        return self._carry(Parcel("socket", "enter_chat", frame, person), act)

    # ------------------------------------------------------------ cards
    def choose(self, person: str, n: int, question: str, options: list[str]) -> None:
        """Choose in a card; nobody hears of it before something is pressed."""
        message, card = self._card(person, n)
        found = cards.questions(card).get(question)
        if found is None:
            raise Cannot(f"there is nothing to choose called {question!r}")
        known, several = found
        if not options or any(one not in known for one in options) or (len(options) > 1 and not several):
            raise Cannot(f"of {known} {'some' if several else 'one'} can be chosen, not {options}")
        message.chosen.setdefault(person, {})[question] = list(options)
        self.corp.change(message)

    def press(self, person: str, n: int, key: str) -> Act:
        """Press a button, a point of the menu, or the button that sends a card in."""
        message, card = self._card(person, n)
        kind = dict(cards.keys(card)).get(key)
        if kind is None:
            raise Cannot(f"there is nothing to press called {key!r}; there is {[k for k, _ in cards.keys(card)]}")
        chosen = cards.answers(card, message.chosen.get(person, {})) if kind != "menu" else {}
        if kind == "submit" and not all(chosen.values()):
            raise Cannot("something is not chosen yet")
        act = self._act(person, key, message.chat.partition(":")[0], n)
        if message.author == APP:
            code = messages.issue(self.desk, self.desk.sent[message.msgid])
            return self._carry(parcels.app_click(self.corp, person, message, kind, key, code, chosen), act, code)
        group = self.corp.groups.get(message.chat)
        if group is not None and not group.bot:
            self._over(act, Outcome(), "unheard")
            return act
        frame = parcels.bot_click(self.corp, person, group, card, key, chosen)
        task = str(card.get("task_id", ""))
        self.courier.hub.mouth.ticket(frame["headers"]["req_id"], "clicked", message.chat, person, message, task)
        return self._carry(Parcel("socket", "template_card_event", frame, person, message), act)

    def _card(self, person: str, n: int) -> tuple[Message, dict[str, Any]]:
        message = self.message(person, n)
        card = message.card_of(person)
        if card is None:
            raise Cannot(f"message {n} is no card")
        return message, card

    # ------------------------------------------------------------ groups
    def gather(self, person: str, name: str, members: list[str]) -> Group:
        """Make a group by hand."""
        people = [self.user(one).id for one in dict.fromkeys([person, *members])]
        if len(people) < at_most.MEMBERS[0]:
            raise Cannot("a group has at least two people")
        return self.corp.group(name[: at_most.GROUP_NAME_CHARS], people)

    def invite(self, person: str, chat: str, whom: str) -> None:
        """Bring somebody, or the bot, into a group."""
        _, group = self.place(person, chat)
        if group is None:
            raise Cannot("that is no group")
        if whom == BOT:
            if group.bot:
                raise Cannot("the bot is there already")
            group.bot = True
        elif self.user(whom).id in group.members:
            raise Cannot(f"{whom} is there already")
        else:
            group.members[whom] = self.corp.touch()
        group.version = self.corp.touch()
        name = self.corp.bot.name if whom == BOT else self.user(whom).name
        self.corp.say(group.id, person, "note", f"{self.user(person).name}邀请{name}加入了群聊")

    def remove(self, person: str, chat: str, whom: str) -> None:
        """Take somebody, or the bot, out of a group; oneself too."""
        _, group = self.place(person, chat)
        if group is None or (whom == BOT and not group.bot) or (whom != BOT and whom not in group.members):
            raise Cannot(f"{whom} is not there")
        if whom == BOT:
            group.bot = group.active = False
        else:
            del group.members[whom]
        group.version = self.corp.touch()

    # ------------------------------------------------------------ phone
    def answer(self, person: str, callid: str, taken: bool, seconds: int = 5) -> None:
        """Take a call that rings, or decline it."""
        self.user(person)
        found = self.desk.calls.get(callid)
        if found is not None:
            calls.settle(self.desk, found)
        if found is None or found.person != person or found.reason != calls.RINGING:
            raise Cannot(f"no such call rings at {person}'s")
        found.talked, found.seconds = taken, seconds if taken else 0
        found.reason = calls.TAKEN_REASON if taken else calls.DECLINED
        found.version = self.corp.touch()

    # ------------------------------------------------------------ deliveries
    def _act(self, person: str, what: str, chat: str, message: int | None = None) -> Act:
        act = Act(len(self.acts) + 1, person, what, chat, message=message, version=self.corp.touch())
        self.acts.append(act)
        return act

    def _over(self, act: Act, outcome: Outcome, state: str = "") -> None:
        act.state, act.error = state or ("failed" if outcome.error else "done"), outcome.error
        act.version = self.corp.touch()

    def _carry(self, parcel: Parcel, act: Act, code: str = "") -> Act:
        async def over(outcome: Outcome) -> None:
            if outcome.reply is not None:
                self._answered(parcel, outcome.reply, code)
            self._over(act, outcome)

        self.courier.carry(parcel, over)
        return act

    def _answered(self, parcel: Parcel, reply: dict[str, Any], code: str) -> None:
        """Show a passive answer: words in the app's chat, or another card in the copy of who pressed, and nobody else's."""
        if "text" in reply:
            self.corp.say(f"{APP}:{parcel.person}", APP, "text", reply["text"])
        elif parcel.message is not None and not parcel.message.deleted:
            messages.show(self.desk, parcel.message, parcel.person, reply)
            if self.corp.app.passive_spends and code in self.desk.codes:
                self.desk.codes[code].used = True
