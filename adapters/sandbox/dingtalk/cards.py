"""Interactive cards: made from a published template and string variables, delivered to spaces, changed, and seen by each."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from adapters.sandbox.dingtalk import limits as at_most
from adapters.sandbox.dingtalk.args import Args, No
from adapters.sandbox.dingtalk.robot import robot
from adapters.sandbox.dingtalk.world import Card, Data, Message, World

if TYPE_CHECKING:
    from adapters.sandbox.dingtalk.desk import Desk

Vars = dict[str, str]
MODELS = {  # space type: what the card must allow, how it is delivered
    "IM_GROUP": ("imGroupOpenSpaceModel", "imGroupOpenDeliverModel"),
    "IM_ROBOT": ("imRobotOpenSpaceModel", "imRobotOpenDeliverModel"),
    "ONE_BOX": ("topOpenSpaceModel", "topOpenDeliverModel"),
}
ILLEGAL = "spaceId is illegal"
ABSENT = "robot is not in the group"  # the words are ours: the documentation has none


@dataclass(frozen=True, slots=True)
class Change:
    """Hold what a call or an answer changes; None = nothing is said about it."""

    public: Vars | None = None
    private: Mapping[str, Vars] = field(default_factory=dict)
    public_by_key: bool = False
    private_by_key: bool = False


def variables(args: Args, value: Any) -> Vars:
    """Read a cardParamMap: string keys of at most 100 bytes with string values of at most 1 KB."""
    given = value.get("cardParamMap") if isinstance(value, dict) else None
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise No(args.code, "cardParamMap must be a map")
    for name, text in given.items():
        if not isinstance(text, str):
            raise No(args.code, f"cardParamMap.{name} must be a string")
        if not name or len(name.encode()) > at_most.CARD_KEY_BYTES or len(text.encode()) > at_most.CARD_VALUE_BYTES:
            raise No(args.code, f"cardParamMap.{name} is too long")
    return dict(given)


def _private(world: World, args: Args, name: str = "privateData", union: bool = False) -> dict[str, Vars]:
    found: dict[str, Vars] = {}
    for ident, data in args.object(name).items():
        user = world.by_union(ident) if union else world.users.get(ident)
        if user is None or user.left:
            raise No("param.userIdNotExist")
        found[user.id] = variables(args, data)
    return found


def template(world: World, args: Args) -> str:
    """Give the id of a template that exists and is published."""
    ident = args.need("cardTemplateId", "param.cardTemplateIdEmpty")
    known = world.app.cards.get(ident)
    if known is None:
        raise No("param.templateNotExist")
    if not known.get("published"):
        raise No("param.templateUnpublished")
    return ident


def _new(desk: Desk, args: Args) -> Card:
    world = desk.world
    track = args.need("outTrackId", "param.outTrackIdEmpty")
    ident = template(world, args)
    if not args.object("cardData"):
        raise No("param.cardPublicDataEmpty")
    kind = args.text("callbackType")
    if kind not in ("", "STREAM", "HTTP"):
        raise No("param.invalid", "callbackType: STREAM, HTTP")
    if track in world.cards:
        raise No("param.cardAlreadyExist")
    card = Card(track, ident, variables(args, args.object("cardData")), callback=kind)
    card.private = _private(world, args, union=args.number("userIdType", 1) == 2)
    for space, (model, _) in MODELS.items():
        given = args.object(model)
        if given or model in args.given:
            if space != "ONE_BOX" and not isinstance(given.get("supportForward"), bool):
                raise No("param.openSpaceModelInvalid", f"{model}.supportForward")
            if space == "ONE_BOX" and given.get("spaceType") != "ONE_BOX":
                raise No("param.openSpaceModelInvalid", f"{model}.spaceType")
            card.spaces.add(space)
            alert = given.get("notification")
            if isinstance(alert, dict) and not alert.get("notificationOff"):
                card.alert[space] = str(alert.get("alertContent") or "你收到1条新消息")
    return card


def _places(args: Args) -> list[tuple[str, str]]:
    """Read the openSpaceId: spaces with their ids."""
    said = args.need("openSpaceId", "param.openSpaceIdEmpty")
    places = []
    for part in said.removeprefix("dtv1.card//").split(";"):
        found = re.fullmatch(r"(\w+)\.(\S+)", part)
        if not said.startswith("dtv1.card//") or found is None or found[1].upper() not in MODELS:
            raise No("param.openSpaceIdInvalid")
        places.append((found[1].upper(), found[2]))
    for space, _ in places:
        if not args.object(MODELS[space][1]):
            raise No("param.openDeliverModelEmpty", f"{MODELS[space][1]} is required")
    return places


def _deliver(desk: Desk, args: Args, card: Card) -> list[Data]:
    results = []
    for space, ident in _places(args):
        failed, key = _into(desk, args, card, space, ident)
        result: Data = {"spaceType": space, "spaceId": ident, "success": not failed}
        results.append(result | ({"errorMsg": failed} if failed else {"carrierId": key}))
    return results


def _into(desk: Desk, args: Args, card: Card, space: str, ident: str) -> tuple[str, str]:
    """Deliver a card into one space; gives what went wrong, or the key."""
    world, model = desk.world, args.object(MODELS[space][1])
    if space not in card.spaces:
        raise No("param.openSpaceModelInvalid", f"the card has no {MODELS[space][0]}")
    if space == "IM_ROBOT":
        union = args.number("userIdType", 1) == 2
        user = world.by_union(ident) if union else world.users.get(ident)
        if user is None or world.staff(user.id) is None or not world.visible(user.id):
            return ILLEGAL, ""
        place, code = user.id, world.app.robot
    else:
        group = world.groups.get(ident)
        if group is None or group.disbanded:
            return ILLEGAL, ""
        place = group.cid
        code = robot(world, Args(model)) if space == "IM_GROUP" else world.app.robot
        if code not in group.robots:
            return ABSENT, ""
    if space == "ONE_BOX":
        if isinstance(model.get("expiredTimeMillis"), bool) or not isinstance(model.get("expiredTimeMillis"), int):
            raise No("param.openDeliverModelError", "expiredTimeMillis is required")
        seen_by = [str(u) for u in model.get("userIds") or []]
        return ("" if on_top(world, card, place, model["expiredTimeMillis"], seen_by) else "top box limit"), ""
    key = world.fresh("")
    at = model.get("atUserIds")
    at = list(at) if isinstance(at, dict) else []
    world.say(Message(world.fresh(), place, code, "card", {}, at=at, key=key, track=card.track))
    return "", key


def on_top(world: World, card: Card, place: str, until: int | None, seen_by: list[str]) -> bool:
    """Fix a card at the top of a conversation; False = there are ten already."""
    now = int(world.clock() * 1000)
    others = [c for c in world.cards.values() if c is not card and place in c.tops and (c.tops[place]["until"] or now + 1) > now]
    if len(others) >= at_most.TOP_BOXES:
        return False
    card.tops[place] = {"until": until, "users": seen_by}
    card.version = world.touch()
    return True


# ------------------------------------------------------------ calls
def create(desk: Desk, args: Args) -> Data:
    """Make a card that is nowhere yet."""
    card = _new(desk, args)
    desk.world.cards[card.track] = card
    return {"success": True, "result": card.track}


def create_and_deliver(desk: Desk, args: Args) -> Data:
    """Make a card and deliver it; a space that did not take it is named in an answer of success."""
    card = _new(desk, args)
    _places(args)
    results = _deliver(desk, args, card)
    desk.world.cards[card.track] = card
    return {"success": True, "result": {"outTrackId": card.track, "deliverResults": results}}


def deliver(desk: Desk, args: Args) -> Data:
    """Deliver a card that exists."""
    card = desk.world.cards.get(args.need("outTrackId", "param.outTrackIdEmpty"))
    if card is None:
        raise No("param.cardNotExist")
    return {"success": True, "result": _deliver(desk, args, card)}


def update(desk: Desk, args: Args) -> Data:
    """Change a card's variables; all are replaced unless the call says by key."""
    world = desk.world
    card = world.cards.get(args.need("outTrackId", "param.outTrackIdEmpty"))
    if card is None:
        raise No("param.cardNotExist")
    if not args.object("cardData") and not args.object("privateData"):
        raise No("param.cardDataAndPrivateDataBothEmpty")
    options = args.object("cardUpdateOptions")
    private = _private(world, args, union=args.number("userIdType", 1) == 2)
    public = variables(args, args.object("cardData")) if args.object("cardData") else None
    if card.track in desk.pressed:  # the documentation forbids it, and says nothing of what happens: tests may look
        desk.strange.append({"update_inside_callback": card.track})
    change(world, card, Change(public, private, _yes(options, "updateCardDataByKey"), _yes(options, "updatePrivateDataByKey")))
    return {"success": True, "result": True}


def _yes(options: Data, name: str) -> bool:
    return options.get(name) is True


def change(world: World, card: Card, said: Change) -> None:
    """Put new variables in."""
    if said.public is not None:
        card.public = {**card.public, **said.public} if said.public_by_key else dict(said.public)
    for person, new in said.private.items():
        card.private[person] = {**card.private.get(person, {}), **new} if said.private_by_key else dict(new)
    world.redraw(card)


def answered(world: World, card: Card, person: str, response: Any) -> str:
    """Apply what a press was answered with; gives what is wrong with it, empty if nothing."""
    if response in (None, "", {}):
        return ""
    if not isinstance(response, dict):
        return "the response is no object"
    options = response.get("cardUpdateOptions")
    options = options if isinstance(options, dict) else {}
    args = Args(response)
    try:
        public = variables(args, response["cardData"]) if response.get("cardData") else None
        mine = {person: variables(args, response["userPrivateData"])} if response.get("userPrivateData") else {}
    except No as no:
        return no.message
    change(world, card, Change(public, mine, _yes(options, "updateCardDataByKey"), _yes(options, "updatePrivateDataByKey")))
    return ""


def close_top(desk: Desk, args: Args) -> Data:
    """Take a card from the top of a group; the official SDK sends this as a query."""
    card = desk.world.cards.get(args.need("outTrackId", "param.outTrackIdEmpty"))
    if card is None:
        raise No("param.cardNotExist")
    done = card.tops.pop(args.need("openConversationId", "param.openSpaceIdEmpty"), None) is not None
    card.version = desk.world.touch()
    return {"success": True, "result": done}
