"""How Feishu says no: a code, its words, HTTP 400, and a log id."""

from __future__ import annotations

from typing import Any

WORDS = {
    404: "404 page not found",
    9499: "Bad Request",
    10002: "Bad Request",
    10003: "invalid param",
    10014: "app secret invalid",
    11310: "card action is lock",
    40003: "internal error",
    41050: "no user authority error",
    200000: "the card was recalled",
    230001: "Your request contains an invalid request parameter.",
    230002: "The bot can not be outside the group.",
    230006: "Bot ability is not activated.",
    230011: "The message is recalled.",
    230012: "The operator is not the sender of the message.",
    230013: "Bot has NO availability to this user.",
    230017: "Bot is NOT the owner of the resource.",
    230018: "These operations are NOT allowed at current group settings.",
    230019: "The topic does NOT exist.",
    230020: "This operation triggers the frequency limit.",
    230025: "The length of the message content reaches its limit.",
    230026: "No permission to recall this message.",
    230027: "Lack of necessary permissions.",
    230029: "User has resigned.",
    230031: "Message can only be modified within 14 days after sending.",
    230034: "The receive_id is invalid.",
    230035: "Send Message Permission deny.",
    230046: "No Permission to Pin/Unpin messages in the chat.",
    230049: "The message is being sent.",
    230050: "The message is invisible to the operator.",
    230054: "This operation is not supported for this message type.",
    230055: "The type of the file does NOT match.",
    230071: "The group to which the message belongs does not support reply in thread.",
    230072: "The message has reached the number of times it can be edited.",
    230099: "Failed to create card content",
    230110: "Action unavailable as the message has been deleted.",
    231001: "reaction type is invalid.",
    231002: "The operator has no permission to react on the specific message.",
    231003: "The message is not found, maybe not exist or deleted.",
    231007: "The operator has no permission to delete this reaction.",
    231010: "The reaction does not belong to the message.",
    231011: "The request has an invalid reaction_id.",
    232001: "Your request contains an invalid request parameter.",
    232002: "No Permission: Only chat owner or admin can edit chat information in the current situation.",
    232004: "Such an app does NOT exist.",
    232006: "Your request specifies a chat_id which is invalid.",
    232008: "Your request specifies a chat whose type is NOT supported currently.",
    232009: "Your request specifies a chat which has already been dissolved.",
    232011: "Operator can NOT be out of the chat.",
    232012: "New chat owner can NOT be out of the chat.",
    232013: "You have reached the limit of maximum number of members a chat can have.",
    232014: "The token used in the request does NOT have the permissions necessary to complete the request.",
    232016: "Non-chat-owner or Non-chat-admin can only edit certain parts.",
    232017: "No Permission: If the operator is NOT owner or creator with the scope, the operator can NOT complete the request.",
    232019: "The request has been rate limited.",
    232020: "Name can NOT be less than two characters for public chats.",
    232022: "User has already resigned.",
    232024: "Users do not have the visibility of the app, or the operator does not have collaboration permissions with the "
    "target users.",
    232025: "Bot ability is not activated.",
    232026: "This name is already used in an existing public chat. Names of public chats are supposed to be different.",
    232027: "There are no valid members in the ID list specified in your request.",
    232030: "Your request specifies a user_id which is invalid.",
    232035: "Your request specifies an owner_id which is invalid.",
    232042: "Public group chat's name should not be empty.",
    232043: "Your request contains unavailable ids.",
    232046: "The number of chat tabs has reached the limit.",
    232047: "The length of the tab name reaches the limit.",
    232048: "The chat tab content is illegal.",
    232061: "A secret chat has no share link.",
    232068: "The group is being created, please wait a moment.",
    232076: "Can't kick chat owner.",
    234001: "Invalid request param.",
    234003: "File not in msg.",
    234004: "App not in chat.",
    234006: "The file size exceed the max value.",
    234010: "File's size can't be 0.",
    234011: "Can't recognize the image format.",
    234037: "Downloaded file size exceeds limit.",
    234040: "The message is invisible to the operator.",
    234043: "Unsupported message type.",
    300020: "the token is malformed",
    300030: "the token has expired",
    300040: "the token was used up",
    40000000: "slash command already exists",
    40000031: "icon invalid",
    99991400: "request trigger frequency limit",
    99991661: "Missing access token for authorization. Please make a request with token attached.",
    99991662: "The app is disabled.",
    99991663: "Invalid access token for authorization. Please make a request with token attached.",
    99991671: "Invalid access token: it must start with 't-' or 'u-'",
    99991672: "Access denied. One of the following scopes is required: ",
    99992351: "these open ids not existed",
    99992360: "Your request contains not existed id.",
    99992364: "Your request contains not existed id.",
    99992402: "field validation failed",
}


class No(Exception):
    """Refuse a call with Feishu's code; `words` replaces the usual message, `data` travels beside it."""

    def __init__(
        self, code: int, words: str = "", *, status: int = 400, headers: dict[str, str] | None = None, data: Any = None
    ) -> None:
        super().__init__(code)
        self.code, self.words, self.status, self.headers, self.data = code, words or WORDS[code], status, headers or {}, data


def card(error: int, words: str) -> No:
    """Refuse a card, naming the reason as the card service does."""
    return No(230099, f"Failed to create card content, ext=ErrCode: {error}; ErrMsg: {words}; ErrorValue: ")
