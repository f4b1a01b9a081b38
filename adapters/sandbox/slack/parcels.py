"""What Slack sends to an app: slash commands, interactions and events, in Slack's own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.sandbox.slack.workspace import Channel, Message, User, Workspace, told

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parcel:
    """Hold one thing to deliver; `kind` is a Socket Mode type, `accepts` = whether the answer may say something."""

    kind: str
    payload: Payload
    accepts: bool = False


@dataclass(frozen=True, slots=True)
class Outcome:
    """Say what became of a delivery: `error` is empty when the app took it, `again` = worth another try."""

    answer: dict[str, Any] | None = None
    error: str = ""
    again: bool = True


def channel_name(workspace: Workspace, channel: Channel) -> str:
    """Give a channel's name as payloads carry it."""
    return "directmessage" if channel.im else "privategroup" if channel.is_private else channel.name


def command(workspace: Workspace, user: User, channel: Channel, word: str, text: str, trigger: str, response_url: str) -> Parcel:
    """Say that somebody typed a slash command."""
    payload = {
        "token": workspace.app.verification, "team_id": workspace.team, "team_domain": workspace.domain,
        "channel_id": channel.id, "channel_name": channel_name(workspace, channel), "user_id": user.id,
        "user_name": user.name, "command": word, "text": text, "api_app_id": workspace.app.id,
        "is_enterprise_install": "false", "response_url": response_url, "trigger_id": trigger,
    }  # fmt: skip
    return Parcel("slash_commands", payload, accepts=True)


def _interaction(workspace: Workspace, user: User, kind: str) -> Payload:
    return {
        "type": kind, "team": {"id": workspace.team, "domain": workspace.domain},
        "user": {"id": user.id, "username": user.name, "name": user.name, "team_id": workspace.team},
        "api_app_id": workspace.app.id, "token": workspace.app.verification, "enterprise": None, "is_enterprise_install": False,
    }  # fmt: skip


def pressed(workspace: Workspace, user: User, message: Message, action: Payload, trigger: str, response_url: str) -> Parcel:
    """Say that somebody pressed or chose something in a message; an ephemeral one is not enclosed."""
    channel = workspace.channels[message.channel]
    container = {
        "type": "message", "message_ts": message.ts, "channel_id": channel.id, "is_ephemeral": message.only is not None,
    }  # fmt: skip
    if message.thread_ts:
        container["thread_ts"] = message.thread_ts
    payload = _interaction(workspace, user, "block_actions") | {
        "container": container, "trigger_id": trigger, "channel": {"id": channel.id, "name": channel_name(workspace, channel)},
        "state": {"values": message.state}, "response_url": response_url,
        "actions": [{**action, "action_ts": workspace.stamp()}],
    }  # fmt: skip
    if message.only is None:
        payload["message"] = told(workspace, message)
    return Parcel("interactive", payload)


def pressed_in_view(workspace: Workspace, user: User, view: Payload, action: Payload, trigger: str) -> Parcel:
    """Say that somebody pressed or chose something in a modal."""
    return Parcel(
        "interactive",
        _interaction(workspace, user, "block_actions")
        | {
            "container": {"type": "view", "view_id": view["id"]}, "trigger_id": trigger, "view": view,
            "actions": [{**action, "action_ts": workspace.stamp()}],
        },
    )  # fmt: skip


def submitted(workspace: Workspace, user: User, view: Payload, trigger: str) -> Parcel:
    """Say that somebody sent a modal."""
    more = {"trigger_id": trigger, "view": view, "response_urls": []}
    return Parcel("interactive", _interaction(workspace, user, "view_submission") | more, accepts=True)


def closed(workspace: Workspace, user: User, view: Payload, everything: bool) -> Parcel:
    """Say that somebody closed a modal."""
    return Parcel("interactive", _interaction(workspace, user, "view_closed") | {"view": view, "is_cleared": everything})


def shortcut(workspace: Workspace, user: User, callback: str, trigger: str, on: Message | None, response_url: str) -> Parcel:
    """Say that somebody chose a shortcut, on a message or anywhere."""
    payload = _interaction(workspace, user, "message_action" if on else "shortcut")
    payload |= {"callback_id": callback, "trigger_id": trigger, "action_ts": workspace.stamp()}
    if on is not None:
        channel = workspace.channels[on.channel]
        payload |= {
            "channel": {"id": channel.id, "name": channel_name(workspace, channel)}, "response_url": response_url,
            "message_ts": on.ts, "message": told(workspace, on),
        }  # fmt: skip
    return Parcel("interactive", payload)


def event(workspace: Workspace, what: Payload) -> Parcel:
    """Say that something happened."""
    app = workspace.app
    return Parcel(
        "events_api",
        {
            "token": app.verification, "team_id": workspace.team, "context_team_id": workspace.team, "api_app_id": app.id,
            "event": what, "type": "event_callback", "event_id": workspace.fresh("Ev"), "event_time": int(workspace.clock()),
            "authorizations": [
                {
                    "enterprise_id": None, "team_id": workspace.team, "user_id": app.bot_user, "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False, "event_context": workspace.fresh("EC"),
        },
    )  # fmt: skip
