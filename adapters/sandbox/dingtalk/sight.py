"""What one person sees of the company, as data for a page or a player."""

from __future__ import annotations

from adapters.sandbox.dingtalk.acts import BOT, People
from adapters.sandbox.dingtalk.drawn import draw
from adapters.sandbox.dingtalk.world import Data, Group, Message


def sight(people: People, person: str, after: int = 0) -> Data:
    """Give what a person sees that is newer than a version; with 0 also who there is."""
    world = people.world
    inside = [group for group in world.groups.values() if person in group.members]
    placed = {group.cid: max(group.members[person], 0) for group in inside} | {person: 0}
    news = [g for g in inside if after == 0 or max(g.version, g.members[person]) > after]
    seen: Data = {
        "version": world.version,
        "chats": [_group(group) for group in news],
        "messages": [
            _message(people, message, person)
            for message in world.messages.values()
            if message.place in placed and (after == 0 or max(message.version, placed[message.place]) > after)
        ],
        "acts": [
            {"n": a.n, "what": a.what, "chat": a.chat, "state": a.state, "error": a.error}
            for a in people.acts
            if a.person == person and (after == 0 or a.version > after)
        ],
        "dings": [
            {"id": d.id, "kind": d.kind, "content": d.content, "read": person in d.read, "recalled": d.recalled}
            for d in world.dings.values()
            if person in d.receivers and (after == 0 or d.version > after)
        ],
        "tops": [
            {"chat": BOT if place == person else place, "card": draw(world, card, person)}
            for card in world.cards.values()
            for place, top in card.tops.items()
            if place in placed and _on_top(world.clock(), top, person)
        ],
        "gone": [group.cid for group in world.groups.values() if person not in group.members],
    }  # fmt: skip
    if after == 0:
        seen |= {"me": person, "bot": {"id": BOT, "name": world.app.robot_name}, "people": cast(people)}
    return seen


def cast(people: People) -> list[Data]:
    """List everybody, as anybody sees them."""
    return [
        {
            "id": u.id, "name": u.name, "duty": u.duty, "mobile": u.mobile, "outsider": u.outsider, "left": u.left,
            "locale": u.locale,
        }
        for u in people.world.users.values()
    ]  # fmt: skip


def _on_top(now: float, top: Data, person: str) -> bool:
    return (not top["until"] or top["until"] > now * 1000) and (not top["users"] or person in top["users"])


def _group(group: Group) -> Data:
    return {
        "id": group.cid, "chatid": group.chatid, "title": group.title, "owner": group.owner, "members": list(group.members),
        "bot": bool(group.robots), "scene": group.template is not None, "disbanded": group.disbanded,
    }  # fmt: skip


def _message(people: People, message: Message, person: str) -> Data:
    world, card = people.world, people.world.cards.get(message.track)
    chat = BOT if message.place == person else message.place
    if message.recalled:
        return {"id": message.id, "chat": chat, "seq": message.seq, "recalled": True}
    bot = message.user not in world.users and message.kind != "notice"
    drawn = draw(world, card, person) if card is not None else None
    space = "IM_ROBOT" if chat == BOT else "IM_GROUP"
    return {
        "id": message.id, "chat": chat, "seq": message.seq, "user": message.user, "bot": bot, "kind": message.kind,
        "content": message.content, "card": drawn, "at": message.at, "mine": person in message.at or "@ALL" in message.at,
        "push": card.alert.get(space, "") if card is not None else "", "act": message.act, "sent": message.sent,
        "private": card is not None and bool(card.private.get(person)), "recalled": False,
    }  # fmt: skip
