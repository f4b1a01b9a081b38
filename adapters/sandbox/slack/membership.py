"""The conversations.* methods that bring people into channels and out of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import Args, No
from adapters.sandbox.slack.channels import Answer, channel_told, found, inside
from adapters.sandbox.slack.workspace import Channel

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk


def invite(desk: Desk, args: Args) -> Answer:
    """Bring people into a channel: all or none, unless `force`."""
    channel = inside(desk, args, im=False)
    people = args.items("users")
    if not people:
        raise No("no_user")
    if len(people) > at_most.INVITED_AT_ONCE:
        raise No("too_many_users")
    refused = [
        {"user": person, "ok": False, "error": error} for person in people if (error := _uninvitable(desk, channel, person))
    ]
    if refused and not (args.flag("force") and len(refused) < len(people)):
        raise No(str(refused[0]["error"]), errors=refused)
    for person in people:
        if not any(person == one["user"] for one in refused) and person not in channel.members:
            desk.workspace.admit(channel, person, desk.bot)
    return {"channel": channel_told(desk.workspace, channel)} | ({"errors": refused} if refused else {})


def _uninvitable(desk: Desk, channel: Channel, person: str) -> str:
    user = desk.workspace.users.get(person)
    if person == desk.bot:
        return "cant_invite_self"
    if user is None or user.deleted:
        return "user_not_found"
    if person in channel.members:
        return "already_in_channel"
    if user.ultra_restricted:
        return "ura_max_channels"
    return "user_is_restricted" if user.restricted else ""


def kick(desk: Desk, args: Args) -> Answer:
    """Take a person out of a channel."""
    channel = inside(desk, args, im=False)
    person = args.need("user")
    if person == desk.bot:
        raise No("cant_kick_self")
    if channel.general:
        raise No("cant_kick_from_general")
    if person not in desk.workspace.users:
        raise No("user_not_found")
    if person not in channel.members:
        raise No("not_in_channel")
    desk.workspace.expel(channel, person)
    return {"errors": {}}


def join(desk: Desk, args: Args) -> Answer:
    """Let the bot into a public channel."""
    channel = found(desk, args)
    if channel.im or channel.is_private:
        raise No("method_not_supported_for_channel_type")
    if channel.archived:
        raise No("is_archived")
    if desk.bot in channel.members:
        return {
            "channel": channel_told(desk.workspace, channel), "warning": "already_in_channel",
            "response_metadata": {"warnings": ["already_in_channel"]},
        }  # fmt: skip
    desk.workspace.admit(channel, desk.bot)
    return {"channel": channel_told(desk.workspace, channel)}


def leave(desk: Desk, args: Args) -> Answer:
    """Take the bot out of a channel."""
    channel = found(desk, args)
    if channel.im:
        raise No("method_not_supported_for_channel_type")
    if channel.archived:
        raise No("is_archived")
    if channel.general:
        raise No("cant_leave_general")
    if desk.bot not in channel.members:
        return {"not_in_channel": True}
    desk.workspace.expel(channel, desk.bot)
    return {}
