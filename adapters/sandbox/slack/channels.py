"""The conversations.* methods that find and change channels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from adapters.sandbox.slack import limits as at_most
from adapters.sandbox.slack.args import Args, No, invalid, missing
from adapters.sandbox.slack.workspace import Channel, User, Workspace

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk

Answer = dict[str, Any]


def channel_told(workspace: Workspace, channel: Channel) -> Answer:
    """Give a conversation as Slack gives it."""
    if channel.im:
        return {"id": channel.id, "is_im": True, "is_archived": False, "created": channel.created, "user": channel.im}
    return {
        "id": channel.id, "name": channel.name, "name_normalized": channel.name, "is_channel": not channel.is_private,
        "is_group": channel.is_private, "is_im": False, "is_mpim": False, "is_private": channel.is_private,
        "is_archived": channel.archived, "is_general": channel.general, "is_shared": False, "is_org_shared": False,
        "is_ext_shared": False, "created": channel.created, "creator": channel.creator,
        "is_member": workspace.app.bot_user in channel.members, "num_members": len(channel.members),
        "topic": channel.topic, "purpose": channel.purpose, "previous_names": channel.previous_names,
        "context_team_id": workspace.team,
    }  # fmt: skip


# ------------------------------------------------------------ finding
def found(desk: Desk, args: Args, name: str = "channel") -> Channel:
    """Find a conversation that the bot may know of; a private one without it is not found."""
    channel = desk.workspace.channels.get(args.need(name))
    if channel is None or (channel.is_private and desk.bot not in channel.members):
        raise No("channel_not_found")
    return channel


def inside(desk: Desk, args: Args, name: str = "channel", *, im: bool = True) -> Channel:
    """Find a conversation in which the bot is and which is not archived."""
    channel = found(desk, args, name)
    if channel.im and not im:
        raise No("method_not_supported_for_channel_type")
    if channel.archived:
        raise No("is_archived")
    if desk.bot not in channel.members:
        raise No("not_in_channel")
    return channel


def named(desk: Desk, name: str, own: Channel | None = None) -> str:
    """Check the name of a channel; archived channels keep theirs."""
    if not name:
        raise No("invalid_name_required")
    if len(name) > at_most.NAME_CHARS:
        raise No("invalid_name_maxlength")
    if not all(c in "-_" or c.isdigit() or c.islower() for c in name):
        raise No("invalid_name_specials")
    if not name.strip("-_"):
        raise No("invalid_name_punctuation")
    if any(c.name == name and c is not own and not c.im for c in desk.workspace.channels.values()):
        raise No("name_taken")
    return name


# ------------------------------------------------------------ methods
def create(desk: Desk, args: Args) -> Answer:
    """Open a channel; the bot is in it."""
    private = args.flag("is_private")
    if private:
        desk.needs("groups:write")
    name = named(desk, args.text("name"))
    channel = desk.workspace.open(name, desk.bot, is_private=private)
    desk.workspace.note(channel, desk.bot, "channel_join", f"<@{desk.bot}> has joined the channel")
    told_of = {
        "type": "channel_created",
        "channel": {"id": channel.id, "name": name, "created": channel.created, "creator": desk.bot},
    }
    if not private:
        desk.workspace.tell("channel_created", channel, told_of)
    return {"channel": channel_told(desk.workspace, channel)}


def info(desk: Desk, args: Args) -> Answer:
    """Describe a channel."""
    channel = found(desk, args)
    counted = {} if args.flag("include_num_members") or channel.im else {"num_members": None}
    return {"channel": {k: v for k, v in (channel_told(desk.workspace, channel) | counted).items() if v is not None}}


def direct(desk: Desk, args: Args) -> Answer:
    """Open the direct messages with one person."""
    people = args.items("users")
    if not people and not args.has("channel"):
        raise missing("users")
    if len(people) > 1:
        raise No("too_many_users") if len(people) > 8 else No("method_not_supported_for_channel_type")
    if not people:
        channel = found(desk, args)
    else:
        there = next((c for c in desk.workspace.channels.values() if c.im == people[0]), None)
        channel = there or desk.workspace.direct(reachable(desk, people[0]).id)
        if there is not None:
            return {"no_op": True, "already_open": True, "channel": _opened(desk, args, channel)}
    return {"channel": _opened(desk, args, channel)}


def _opened(desk: Desk, args: Args, channel: Channel) -> Answer:
    return channel_told(desk.workspace, channel) if args.flag("return_im") else {"id": channel.id}


def reachable(desk: Desk, person: str) -> User:
    """Find a person who can be written to."""
    user = desk.workspace.users.get(person)
    if user is None:
        raise No("user_not_found")
    if user.deleted:
        raise No("user_disabled")
    if user.is_bot:
        raise No("cannot_dm_bot")
    return user


def archive(desk: Desk, args: Args) -> Answer:
    """Archive a channel."""
    channel = found(desk, args)
    if channel.im:
        raise No("method_not_supported_for_channel_type")
    if channel.archived:
        raise No("already_archived")
    if channel.general:
        raise No("cant_archive_general")
    if desk.bot not in channel.members:
        raise No("not_in_channel")
    archived(desk.workspace, channel, desk.bot, True)
    return {}


def archived(workspace: Workspace, channel: Channel, who: str, now: bool) -> None:
    """Archive a channel or take it back, and say so."""
    word = "channel_archive" if now else "channel_unarchive"
    workspace.note(channel, who, word, f"<@{who}> {'archived' if now else 'un-archived'} the channel")
    workspace.tell(word, channel, {"type": word, "user": who})
    channel.archived = now
    channel.version = workspace.touch()


def unarchive(desk: Desk, args: Args) -> Answer:
    """Refuse: with a bot token it always does, for archiving put the bot out of the channel."""
    if not found(desk, args).archived:
        raise No("not_archived")
    raise No("not_in_channel")


def rename(desk: Desk, args: Args) -> Answer:
    """Rename a channel; only who made it may."""
    channel = inside(desk, args, im=False)
    name = named(desk, args.text("name"), channel)
    if channel.creator != desk.bot:
        raise No("not_authorized")
    channel.previous_names = [channel.name, *channel.previous_names]
    old, channel.name = channel.name, name
    desk.workspace.note(
        channel, desk.bot, "channel_name", f'has renamed the channel from "{old}" to "{name}"', old_name=old, name=name
    )
    desk.workspace.tell(
        "channel_rename",
        channel,
        {"type": "channel_rename", "channel": {"id": channel.id, "name": name, "created": channel.created}},
    )
    return {"channel": channel_told(desk.workspace, channel)}


def set_topic(desk: Desk, args: Args) -> Answer:
    """Set a channel's topic."""
    channel = _worded(desk, args, "topic")
    return {"channel": channel_told(desk.workspace, channel), "topic": channel.topic["value"]}


def set_purpose(desk: Desk, args: Args) -> Answer:
    """Set a channel's purpose."""
    return {"purpose": _worded(desk, args, "purpose").purpose["value"]}


def _worded(desk: Desk, args: Args, what: str) -> Channel:
    channel = inside(desk, args, im=False)
    if what not in args.given:
        raise invalid(f"[ERROR] missing required field: {what}")
    value = args.text(what)
    if len(value) > at_most.TOPIC_CHARS:
        raise No("too_long")
    setattr(channel, what, {"value": value, "creator": desk.bot, "last_set": int(desk.workspace.clock())})
    desk.workspace.note(channel, desk.bot, f"channel_{what}", f"set the channel {what}: {value}", **{what: value})
    return channel
