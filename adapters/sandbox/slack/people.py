"""The users.*, views.*, auth.* and apps.* methods."""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.sandbox.slack.args import Args, No, missing
from adapters.sandbox.slack.channels import Answer
from adapters.sandbox.slack.listings import page
from adapters.sandbox.slack.modals import checked
from adapters.sandbox.slack.workspace import User, Workspace

if TYPE_CHECKING:
    from adapters.sandbox.slack.desk import Desk


def user_told(workspace: Workspace, user: User, *, email: bool, locale: bool) -> Answer:
    """Give a person as Slack gives them."""
    profile = {
        "real_name": user.real_name,
        "display_name": user.name,
        "real_name_normalized": user.real_name,
        "team": workspace.team,
    }
    if email and user.email:
        profile["email"] = user.email
    return {
        "id": user.id, "team_id": workspace.team, "name": user.name, "deleted": user.deleted, "real_name": user.real_name,
        "tz": user.tz, "tz_label": user.tz, "tz_offset": 0, "profile": profile, "is_bot": user.is_bot,
        "is_restricted": user.restricted or user.ultra_restricted, "is_ultra_restricted": user.ultra_restricted,
        "is_app_user": False, "updated": 0,
    } | ({"locale": user.locale} if locale else {})  # fmt: skip


def info(desk: Desk, args: Args) -> Answer:
    """Describe one person."""
    user = desk.workspace.users.get(args.text("user"))
    if user is None:
        raise No("user_not_found")
    return {"user": user_told(desk.workspace, user, email=_email(desk), locale=args.flag("include_locale"))}


def listed(desk: Desk, args: Args) -> Answer:
    """List everybody."""
    shown, after = page(desk, args, list(desk.workspace.users.values()))
    members = [user_told(desk.workspace, u, email=_email(desk), locale=args.flag("include_locale")) for u in shown]
    return {"members": members, "cache_ts": int(desk.now), "response_metadata": {"next_cursor": after}}


def by_email(desk: Desk, args: Args) -> Answer:
    """Find a person by e-mail; who left is not found."""
    wanted = args.need("email").lower()
    user = next((u for u in desk.workspace.users.values() if (u.email or "").lower() == wanted and not u.deleted), None)
    if user is None:
        raise No("users_not_found")
    return {"user": user_told(desk.workspace, user, email=True, locale=False)}


def _email(desk: Desk) -> bool:
    return "users:read.email" in desk.token.scopes


# ------------------------------------------------------------ modals
def view_open(desk: Desk, args: Args) -> Answer:
    """Open a modal for whom the trigger belongs to."""
    trigger, view = args.need("trigger_id"), checked(args.data("view", "invalid_arguments"))
    person, _ = desk.windows.exchange(trigger)
    return {"view": desk.windows.told(desk.windows.show(person, view))}


def view_push(desk: Desk, args: Args) -> Answer:
    """Put a modal on top of that in which the trigger arose."""
    trigger, view = args.need("trigger_id"), checked(args.data("view", "invalid_arguments"))
    person, modal = desk.windows.exchange(trigger)
    if modal is None:
        raise No("invalid_trigger_id")
    return {"view": desk.windows.told(desk.windows.show(person, view, push=True))}


def view_update(desk: Desk, args: Args) -> Answer:
    """Change an open modal, unless it is no longer what the app believes."""
    if not args.has("view_id") and not args.has("external_id"):
        raise missing("view_id")
    view = checked(args.data("view", "invalid_arguments"))
    modal = desk.windows.find(args.text("view_id"), args.text("external_id"))
    if args.has("hash") and args.text("hash") != modal.hash:
        raise No("hash_conflict")
    desk.windows.change(modal, view)
    return {"view": desk.windows.told(modal)}


# ------------------------------------------------------------ the app itself
def test(desk: Desk, args: Args) -> Answer:
    """Echo what was given."""
    given = {k: v for k, v in args.given.items() if k != "token"}
    if args.has("error"):
        raise No(args.text("error"), args=given)
    return {"args": given} if given else {}


def who(desk: Desk, args: Args) -> Answer:
    """Say whose token it is."""
    workspace = desk.workspace
    common = {"url": f"https://{workspace.domain}.slack.com/", "team": workspace.name, "team_id": workspace.team}
    if desk.token.kind == "app":
        return {"app_name": workspace.app.bot_name, "app_id": workspace.app.id}
    return {
        **common, "user": workspace.app.bot_name, "user_id": workspace.app.bot_user, "bot_id": workspace.app.bot_id,
        "is_enterprise_install": False,
    }  # fmt: skip


def connect(desk: Desk, args: Args) -> Answer:
    """Give the address of a socket, good for one connection."""
    return {"url": desk.ticket()}
