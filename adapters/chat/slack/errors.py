"""Slack's error codes, sorted into what to do about each; pure.

The codes on the right are ours: people have words for them in templates/*/words.yaml.
"""

from __future__ import annotations

from bot.ports import Rejected

THROTTLED = frozenset({"ratelimited", "rate_limited", "message_limit_exceeded", "accesslimited"})
TROUBLE = frozenset(
    {
        "internal_error", "fatal_error", "service_unavailable", "request_timeout", "team_added_to_org", "update_failed",
        "external_channel_migrating",
    }
)  # fmt: skip
# Nothing is wrong with the message: it waits until an admin has put the token right.
TOKEN = frozenset(
    {
        "invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired", "not_allowed_token_type",
        "ekm_access_denied", "org_login_required", "access_denied", "team_access_not_granted", "two_factor_setup_required",
    }
)  # fmt: skip
IN_ALREADY = frozenset({"already_in_channel", "cant_invite_self"})

_SORTED = {
    "no_such_room": ("channel_not_found",),
    "not_in_room": ("not_in_channel",),
    "archived": ("is_archived", "is_inactive"),
    "not_found": ("message_not_found", "thread_not_found"),
    "not_editable": ("cant_update_message", "edit_window_closed", "block_mismatch"),
    "too_long": ("msg_too_long", "msg_blocks_too_long", "too_long", "metadata_too_large", "view_too_large"),
    "empty": ("no_text",),
    "bad_card": ("invalid_blocks", "invalid_blocks_format", "invalid_attachments", "too_many_attachments"),
    "name_taken": ("name_taken",),
    "bad_name": (
        "invalid_name", "invalid_name_required", "invalid_name_maxlength", "invalid_name_punctuation", "invalid_name_specials",
    ),
    "not_allowed": (
        "cannot_create_channel", "no_permission", "not_authorized", "permission_denied", "cant_archive_general", "cant_invite",
    ),
    "unsupported": ("method_not_supported_for_channel_type", "not_pinnable"),
    "missing_scope": ("missing_scope",),
    "no_such_person": ("user_not_found", "no_user"),
    "unknown_person": ("users_not_found",),
    "left": ("user_disabled",),
    "is_bot": ("user_is_bot", "cannot_dm_bot"),
    "outsider": ("user_is_restricted", "user_is_ultra_restricted"),
    "guest_full": ("ura_max_channels",),
    "not_in_org": ("org_user_not_in_team", "user_not_in_team", "user_team_not_in_channel"),
    "not_visible": ("user_not_visible",),
    "not_reachable": ("messages_tab_disabled",),
    "too_many_pins": ("too_many_pins",),
    "full": ("too_many_members", "max_members_reached"),
}  # fmt: skip
CODES = {error: code for code, errors in _SORTED.items() for error in errors}
# One of the invited is meant, not the call.
OF_A_PERSON = IN_ALREADY | {
    "user_not_found", "no_user", "cant_invite", "user_disabled", "user_is_bot", "user_is_restricted", "user_is_ultra_restricted",
    "ura_max_channels", "org_user_not_in_team", "user_not_in_team", "user_team_not_in_channel", "user_not_visible",
}  # fmt: skip


def code_of(error: str) -> str:
    """Give our code for an error; one without a row is told in Slack's own word."""
    if error.startswith("restricted_action"):
        return "not_allowed"
    return CODES.get(error, error[:40] or "refused")


def rejected(error: str, raw: str = "") -> Rejected:
    """Refuse for good."""
    return Rejected(code_of(error), raw or error)
