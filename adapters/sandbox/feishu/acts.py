"""What people do in Feishu: type, press, choose, fill in and send a card's form, and more; each only where they see it."""

from __future__ import annotations

import json
import re
from typing import Any

from adapters.sandbox.feishu import limits as at_most
from adapters.sandbox.feishu import parcels
from adapters.sandbox.feishu.cards import Raw, submits
from adapters.sandbox.feishu.chats import disbanded
from adapters.sandbox.feishu.choices import (
    address,
    chosen,
    elements,
    fields,
    form_of,
    initial,
    label,
    submit_of,
    taken,
    value_of,
)
from adapters.sandbox.feishu.clicks import Act, Clicks
from adapters.sandbox.feishu.courier import Courier
from adapters.sandbox.feishu.desk import Desk
from adapters.sandbox.feishu.marks import EMOJI, reacted, unreacted
from adapters.sandbox.feishu.members import admitted, expelled
from adapters.sandbox.feishu.messages import recalled
from adapters.sandbox.feishu.tenant import Chat, Message, User, ids
from adapters.sandbox.pages import Cannot


class People:
    """Act for people. Every act raises `Cannot` when its person does not see what it needs."""

    def __init__(self, desk: Desk, courier: Courier) -> None:
        self.desk = desk
        self.tenant = desk.tenant
        self.clicks = Clicks(desk, courier)
        self.button_values = True  # whether a form's button carries its own value beside the form's
        self.bot = desk.tenant.app.bot

    # ------------------------------------------------------------ what a person sees
    def user(self, person: str) -> User:
        """Find who acts."""
        user = self.tenant.users.get(person)
        if user is None or user.resigned:
            raise Cannot(f"nobody plays {person!r}")
        return user

    def seen(self, person: str, ident: str) -> Chat:
        """Find a chat in which a person is; the bot's open_id stands for the direct chat with it."""
        user = self.user(person)
        if ident == self.bot:
            if not user.available:
                raise Cannot(f"{person} does not find the bot: it is not available to them")
            return self.tenant.direct(user.id)
        chat = self.tenant.chats.get(ident)
        if chat is None or person not in chat.members or chat.disbanded:
            raise Cannot(f"{person} is not in a chat {ident!r}")
        return chat

    def message(self, person: str, ident: str) -> Message:
        """Find a message that a person sees, as it is now."""
        message = self.tenant.messages.get(ident)
        if message is None or message.recalled or message.only not in (None, person):
            raise Cannot(f"{person} sees no message {ident}")
        self.seen(person, message.chat)
        return message

    def element(self, person: str, ident: str, number: int, drawn: int | None) -> tuple[Message, Raw]:
        """Find an element that a card draws now; `drawn` = the version of the card that the person looks at."""
        message = self.message(person, ident)
        if drawn is not None and drawn != message.drawn:
            raise Cannot("the card has changed meanwhile", changed=True)
        there = elements(message.card)
        if not 0 <= number < len(there):
            raise Cannot(f"the card draws nothing number {number}")
        life = at_most.PATCH_SECONDS if (message.card or {}).get("schema") == "2.0" else at_most.CLICK_SECONDS_OLD
        if self.tenant.now - message.created > life:
            raise Cannot("the card is too old to be used")
        if there[number].get("disabled"):
            raise Cannot("it is switched off")
        return message, there[number]

    # ------------------------------------------------------------ typing
    def type(self, person: str, ident: str, text: str, parent: str | None = None) -> str:
        """Send a message; gives its id. The app hears of it where its bot is alone, is named, or may hear everything."""
        return self._say(self.user(person), self.seen(person, ident), text, parent, addressed=False).id

    def share(self, person: str, ident: str, name: str, kind: str, body: bytes, text: str = "") -> str:
        """Send a picture, alone or in a post with words, or a file; gives the message's id."""
        user, chat = self.user(person), self.seen(person, ident)
        image = kind.startswith("image/")
        if not body or (image and len(body) > at_most.IMAGE_BYTES) or (text and not image):
            raise Cannot("that cannot be sent")
        key = self.tenant.fresh("img_v3_" if image else "file_v3_")
        (self.tenant.images if image else self.tenant.files)[key] = body
        if text:
            content: Raw = {
                "title": "", "content": [[{"tag": "img", "image_key": key}], [{"tag": "text", "text": text, "style": []}]],
            }  # fmt: skip
        else:
            content = {"image_key": key} if image else {"file_key": key, "file_name": name}
        message = Message(
            self.tenant.fresh("om_"), chat.id, user.id, "post" if text else "image" if image else "file",
            json.dumps(content, ensure_ascii=False), self.tenant.stamp(),
        )  # fmt: skip
        self.tenant.add(message)
        if chat.p2p or "im:message.group_msg" in self.desk.tokens.scopes:
            self.tenant.tell("im.message.receive_v1", parcels.received(self.tenant, chat, message, user), chat)
        return message.id

    def slash(self, person: str, ident: str, line: str) -> str:
        """Choose a native command and send it with what was typed behind it: a text message like any other."""
        user, chat = self.user(person), self.seen(person, ident)
        word = line.strip().partition(" ")[0].removeprefix("/")
        if not chat.bot or word not in {one["command"] for one in self.tenant.commands.values()}:
            raise Cannot(f"the client offers no command /{word} there")
        return self._say(user, chat, "/" + line.strip().removeprefix("/"), None, addressed=True).id

    def _say(self, user: User, chat: Chat, text: str, parent: str | None, *, addressed: bool) -> Message:
        if not text.strip():
            raise Cannot("there is nothing to send")
        speaks = chat.moderation == "all_members" or user.id in (chat.owner, *chat.managers, *chat.moderators)
        if not chat.p2p and not speaks:
            raise Cannot(f"{user.id} may not speak there")
        first = self.message(user.id, parent) if parent is not None else None
        if first is not None and (first.chat != chat.id or first.only is not None):
            raise Cannot("that cannot be answered")
        words, mentions = self._typed(text, chat)
        message = Message(
            self.tenant.fresh("om_"), chat.id, user.id, "text", json.dumps({"text": words}, ensure_ascii=False),
            self.tenant.stamp(), mentions=mentions,
        )  # fmt: skip
        if first is not None:
            message.root, message.parent, message.thread = first.root or first.id, first.id, first.thread
        self.tenant.add(message)
        scopes = self.desk.tokens.scopes
        named = any(mention["id"] == self.bot for mention in mentions) and "im:message.group_at_msg:readonly" in scopes
        if chat.p2p:
            hears = "im:message.p2p_msg:readonly" in scopes
        else:
            hears = addressed or named or "im:message.group_msg" in scopes
        if hears:
            self.tenant.tell("im.message.receive_v1", parcels.received(self.tenant, chat, message, user), chat)
        return message

    def _typed(self, text: str, chat: Chat) -> tuple[str, list[dict[str, Any]]]:
        """Make mentions of the @names of those who are there; what names nobody stays text."""
        app = self.tenant.app
        there = {app.name: (app.bot, app.name)} if chat.bot else {}
        for ident in chat.members:
            user = self.tenant.users[ident]
            for name in (user.name, user.en_name, ident):
                if name:
                    there[name] = (ident, user.name)
        mentions: list[dict[str, Any]] = []

        def replaced(match: re.Match[str]) -> str:
            if match[1] in ("所有人", "all"):
                return "@_all"
            ident, name = there[match[1]]
            known = next((m for m in mentions if m["id"] == ident), None)
            if known is None:
                key = f"@_user_{len(mentions) + 1}"
                known = {"key": key, "id": ident, "id_type": "open_id", "name": name, "tenant_key": self.tenant.key}
                mentions.append(known)
            return str(known["key"])

        names = sorted([*there, "所有人", "all"], key=len, reverse=True)
        return re.sub("@(" + "|".join(map(re.escape, names)) + r")(?![A-Za-z0-9_])", replaced, text), mentions

    # ------------------------------------------------------------ cards
    def press(
        self, person: str, ident: str, number: int, value: Any = None, confirmed: bool = False, drawn: int | None = None
    ) -> Act | dict[str, Any]:  # fmt: skip
        """Press a button or choose something on a card, on what it shows now; a link answers with its address."""
        user = self.user(person)
        message, element = self.element(person, ident, number, drawn)
        tag, form = element["tag"], form_of(message.card, element)
        if tag == "button" and form is not None and element.get("form_action_type") == "reset":
            message.drafts.pop(person, None)
            message.version = self.tenant.touch()
            return {}
        if tag == "button" and form is not None and submits(element):
            return self.submit(person, ident, number, confirmed, drawn)
        if form is not None and tag != "button":
            raise Cannot("that is a field of a form: it is filled in, and the form is sent")
        if tag == "button" or tag == "interactive_container":
            return self._pressed(user, message, element, confirmed)
        content = taken(self.tenant, self.tenant.chats[message.chat], element, value)
        self._asks(element, confirmed)
        action = {"tag": tag, **chosen(element, content)}
        return self.clicks.carry(user, message, label(element), _with(action, element))

    def _pressed(self, user: User, message: Message, element: Raw, confirmed: bool) -> Act | dict[str, Any]:
        calls = value_of(element) is not None or any(b.get("type") == "callback" for b in element.get("behaviors") or [])
        leads = address(element)
        if not calls and not leads:
            raise Cannot("nothing happens when it is pressed: it has no behaviors")
        self._asks(element, confirmed)
        if not calls:
            return {"url": leads}
        return self.clicks.carry(user, message, label(element), _with({"tag": "button"}, element))

    def _asks(self, element: Raw, confirmed: bool) -> None:
        if element.get("confirm") and not confirmed:
            raise Cannot("it asks first", confirm=element["confirm"])

    def fill(self, person: str, ident: str, number: int, value: Any, drawn: int | None = None) -> None:
        """Fill in a field of a card's form; only this person sees it until it is sent."""
        message, element = self.element(person, ident, number, drawn)
        if form_of(message.card, element) is None or element not in fields(form_of(message.card, element) or {}):
            raise Cannot("that is no field of a form")
        content = taken(self.tenant, self.tenant.chats[message.chat], element, value)
        message.drafts.setdefault(person, {})[element["name"]] = content
        message.version = self.tenant.touch()

    def submit(self, person: str, ident: str, number: int, confirmed: bool = False, drawn: int | None = None) -> Act:
        """Send a form by its button, or by any element of it; without a required field the client does not send it."""
        user = self.user(person)
        message, element = self.element(person, ident, number, drawn)
        form = element if element["tag"] == "form" else form_of(message.card, element)
        if form is None:
            raise Cannot("that is in no form")
        button = element if element["tag"] == "button" and submits(element) else submit_of(form)
        if button.get("disabled"):
            raise Cannot("it is switched off")
        typed = message.drafts.get(person, {})
        values = {one["name"]: typed.get(one["name"], initial(one)) for one in fields(form)}
        missing = [one for one in fields(form) if one.get("required") and values[one["name"]] in (None, "", [])]
        if missing:
            raise Cannot("有必填项未填写", missing=[label(one) for one in missing])
        self._asks(button, confirmed)
        action: Raw = {"tag": "button", "name": button["name"]}
        action["form_value"] = {name: value for name, value in values.items() if value is not None}
        return self.clicks.carry(user, message, label(button), _with(action, button) if self.button_values else action)

    # ------------------------------------------------------------ around
    def menu(self, person: str, key: str) -> None:
        """Choose in the bot's menu, which stands in the direct chat only."""
        user = self.user(person)
        self.seen(person, self.bot)
        if key not in (known for known, _ in self.tenant.app.menu):
            raise Cannot(f"the menu has no {key!r}")
        self.tenant.tell("application.bot.menu_v6", parcels.menu(self.tenant, user, key))

    def enter(self, person: str) -> None:
        """Open the direct chat with the bot."""
        chat, user = self.seen(person, self.bot), self.user(person)
        event = {"chat_id": chat.id, "operator_id": ids(user), "last_message_id": "", "last_message_create_time": ""}
        self.tenant.tell("im.chat.access_event.bot_p2p_chat_entered_v1", event, chat)

    def react(self, person: str, ident: str, emoji: str, now: bool = True) -> None:
        """Put a reaction on a message, or take it away."""
        message = self.message(person, ident)
        if message.only is not None or not EMOJI.fullmatch(emoji):
            raise Cannot("that cannot be put there")
        mine = next((i for i, (name, who, _) in message.reactions.items() if (name, who) == (emoji, person)), None)
        if (mine is not None) == now:
            raise Cannot("it is so already")
        if mine is None:
            reacted(self.desk, message, person, emoji)
        else:
            unreacted(self.desk, message, mine)

    def recall(self, person: str, ident: str) -> None:
        """Take one's own message back."""
        message = self.message(person, ident)
        if message.sender != person:
            raise Cannot("only one's own message can be taken back")
        recalled(self.desk, message, "message_owner")

    def leave(self, person: str, ident: str) -> None:
        """Leave a group."""
        chat, user = self.seen(person, ident), self.user(person)
        if chat.p2p:
            raise Cannot("nobody leaves that")
        expelled(self.desk, chat, [person], ids(user), "im.chat.member.user.withdrawn_v1")
        if chat.owner == person:
            chat.owner = next(iter(chat.members), self.tenant.app.id)

    def invite(self, person: str, ident: str, whom: str) -> None:
        """Bring somebody, or the bot, into a group where one is."""
        chat, user = self.seen(person, ident), self.user(person)
        if chat.p2p or whom in chat.members or (whom == self.bot and chat.bot):
            raise Cannot(f"{whom!r} cannot be brought there")
        if whom == self.bot:
            chat.bot = True
            chat.version = self.tenant.touch()
            self.tenant.tell("im.chat.member.bot.added_v1", self._about(chat, user), chat)
            return
        self.user(whom)
        admitted(self.desk, chat, [whom], ids(user))

    def remove(self, person: str, ident: str, whom: str) -> None:
        """Put somebody, or the bot, out of a group: its owner and managers may."""
        chat, user = self.seen(person, ident), self.user(person)
        if chat.p2p or person not in (chat.owner, *chat.managers) or whom == person:
            raise Cannot(f"{person} cannot put {whom!r} out")
        if whom == self.bot and chat.bot:
            self.tenant.tell("im.chat.member.bot.deleted_v1", self._about(chat, user), chat)
            chat.bot = False
            chat.version = self.tenant.touch()
        elif whom in chat.members:
            expelled(self.desk, chat, [whom], ids(user), "im.chat.member.user.deleted_v1")
        else:
            raise Cannot(f"{whom!r} is not there")

    def rename(self, person: str, ident: str, name: str) -> None:
        """Give a group another name."""
        chat, user = self.seen(person, ident), self.user(person)
        if chat.p2p or not name:
            raise Cannot("that cannot be renamed")
        before, chat.name = chat.name, name
        chat.version = self.tenant.touch()
        changed = {"before_change": {"name": before}, "after_change": {"name": name}}
        self.tenant.tell("im.chat.updated_v1", self._about(chat, user) | changed, chat)

    def disband(self, person: str, ident: str) -> None:
        """End a group that one owns."""
        chat, user = self.seen(person, ident), self.user(person)
        if chat.p2p or chat.owner != person:
            raise Cannot("only its owner can end a group")
        disbanded(self.desk, chat, ids(user))

    def _about(self, chat: Chat, user: User) -> dict[str, Any]:
        key = self.tenant.key
        return {"chat_id": chat.id, "operator_id": ids(user), "external": False, "operator_tenant_key": key, "name": chat.name}


def _with(action: Raw, element: Raw) -> Raw:
    """Add what a callback carries of the element itself."""
    value = value_of(element)
    more = {"value": value} if value is not None else {}
    return action | more | ({"name": element["name"]} if element.get("name") else {})
