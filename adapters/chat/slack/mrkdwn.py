"""Tokens printed as Slack's mrkdwn, and strangers' words made inert in it."""

from __future__ import annotations

import re
from datetime import datetime

from bot.model.text import Span, Text

# A client would obey these instead of showing them: controls, direction overrides, invisible joiners, halves of a character.
_OBEYED = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060\u2066-\u2069\ufeff\ud800-\udfff\ufffe\uffff]"
)
# Slack makes a call to everybody of these words when a message is sent with link_names; ours never is, but an integration
# that repeats our words may.
_EVERYBODY = re.compile(r"[@＠](?=(?:all|here|channel|everyone|everybody|room|所有人|全体|大家)(?![A-Za-z0-9_]))", re.IGNORECASE)
_ACCOUNT = re.compile(r"[UW][A-Z0-9]{1,30}")
_CHANNEL = re.compile(r"[CGD][A-Z0-9]{1,30}")
_ADDRESS = re.compile(r"(?:https?|mailto|slack):[^\s]+", re.IGNORECASE)
_EMOJI = re.compile(r":[a-z0-9_+'\-]+:(?::skin-tone-[2-6]:)?")
_CLOCK = re.compile(r"\d{1,2}:\d{2}(:\d{2})?")


def mrkdwn(content: Text) -> str:
    """Print tokens; only a person with an account here is called, and nothing calls everybody."""
    return "".join(map(_span, content))


def shortened(content: Text, chars: int, size: int) -> str:
    """Print tokens in at most `chars` characters and `size` bytes, never cutting inside one; … says that more was there."""
    whole = mrkdwn(content)
    if _fits(whole, chars, size):
        return whole
    kept = ""
    for span in content:
        piece = _span(span)
        if not _fits(kept + piece, chars - 1, size - 3):
            if span.kind == "text":
                words = inert(span.text)
                low, high = 0, len(words)
                while low < high:
                    middle = (low + high + 1) // 2
                    low, high = (
                        (middle, high) if _fits(kept + _escaped(words[:middle]), chars - 1, size - 3) else (low, middle - 1)
                    )
                kept += _escaped(words[:low])
            break
        kept += piece
    return kept.rstrip() + "…"


def escaped(words: str) -> str:
    """Print strangers' words as mrkdwn that says exactly them."""
    return _escaped(inert(words))


def line(words: str) -> str:
    """Make strangers' words one harmless line, as a plain_text object holds it."""
    return " ".join(inert(words).split())


def cut(words: str, chars: int) -> str:
    """Shorten words to at most `chars` characters; … says that more was there."""
    return words if len(words) <= chars else words[: chars - 1].rstrip() + "…"


def inert(words: str) -> str:
    """Take away what a client would obey."""
    return _EVERYBODY.sub("＠", _OBEYED.sub("", words.replace("\r\n", "\n").replace("\r", "\n")))


def _escaped(words: str) -> str:
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _fits(words: str, chars: int, size: int) -> bool:
    return len(words) <= chars and len(words.encode()) <= size


def _span(span: Span) -> str:
    match span.kind:
        case "person":
            if span.target and _ACCOUNT.fullmatch(span.target):
                return f"<@{span.target}>"
            return escaped(span.text.lstrip("@＠"))
        case "channel" if span.target and _CHANNEL.fullmatch(span.target):
            return f"<#{span.target}>"
        case "link" if span.target:
            return _link(span.text, span.target)
        case "code" if span.text.strip():
            return _code(span.text)
        case "emoji" if _EMOJI.fullmatch(span.text):
            return span.text
        case "time" if span.target:
            return _time(span.text, span.target)
        case _:
            return escaped(span.text)


def _label(words: str) -> str:
    # What stands behind the bar ends at the first angle bracket, and must not look like a second bar.
    return _escaped(line(words)).replace("|", "｜")


def _link(words: str, address: str) -> str:
    there = _OBEYED.sub("", address).strip()
    if not _ADDRESS.fullmatch(there) or len(there) > 3000:
        return escaped(words if there in words else f"{words} ({there})")
    safe = there.replace("|", "%7C").replace("<", "%3C").replace(">", "%3E").replace("&", "&amp;")
    label = _label(words)
    return f"<{safe}>" if not label or words == address else f"<{safe}|{label}>"


def _code(words: str) -> str:
    shown = _escaped(inert(words)).replace("`", "ˋ")
    return f"```{shown}```" if "\n" in shown else f"`{shown}`"


def _time(words: str, instant: str) -> str:
    """Show an instant in each reader's own zone; the words are for clients that cannot."""
    try:
        at = datetime.fromisoformat(instant)
    except ValueError:
        return escaped(words)
    clock = _CLOCK.fullmatch(words.strip())
    form = ("{time_secs}" if clock[1] else "{time}") if clock else "{date_short_pretty} {time}"
    return f"<!date^{int(at.timestamp())}^{form}|{_label(words)}>"
