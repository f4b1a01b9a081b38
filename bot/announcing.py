"""Words of announcements: a template per occasion and audience over the facts of an incident, and what each way makes of them.

A template is Markdown. What strangers typed goes in as tokens, so none of it is read as Markdown; a fact that nobody stated
yet shows as 【…】 and keeps the announcement from being sent.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import jinja2
from jinja2 import meta

from bot.document import Problem
from bot.model.announcing import UNSAID, Audience, Finding, Occasion, Post, findings
from bot.model.event import Mark
from bot.model.incident import Incident
from bot.model.service import Catalog
from bot.model.text import Span, Text, flat, plain
from bot.page import Page
from bot.prose import LANGS, Prose, Show
from bot.show import clean, joined

TITLE_CHARS, TEXT_CHARS = 60, 200
FACTS = frozenset({
    "level", "title", "since", "found", "impact", "services", "subject", "commander", "people", "complaints", "latest",
    "located", "next", "before", "why", "recovered", "lasted", "how", "conclusion", "watch", "reason", "wrong", "wrong_at",
    "number", "until", "cause", "report", "drill",
})  # fmt: skip
GIVEN = FACTS | {"lang", "bar", "comma"}
_LINK = re.compile(r"\[([^\]\n]*)\]\((https?://[^)\s]+)\)")
_STRONG = re.compile(r"\*\*(.+?)\*\*")
_HEADING = re.compile(r"^#{1,6} +", re.MULTILINE)
_BAR = re.compile(r"｜| · (?![^\[\]]*\])")  # between the things that one line says, not within what stands in brackets
_FONTS = "-apple-system,'Segoe UI','PingFang SC','Microsoft YaHei','Noto Sans CJK SC',sans-serif"
_HEAD = ";font-size:18px;line-height:1.4;font-weight:600"
_BUTTON = "display:inline-block;padding:8px 20px;border:1px solid #1a5fb4;border-radius:6px;color:#1a5fb4;text-decoration:none"
_ITEM = re.compile(r"^[-*] +", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Worded:
    """Hold an announcement's words, the facts that they lack, and what must not be said outside."""

    text: Text
    missing: tuple[str, ...]
    findings: tuple[Finding, ...]


class _Lacking(str):
    """Stand for a fact that nobody stated: false in a condition, and noted where it is printed."""

    _name: str
    _noted: dict[str, None]

    def __new__(cls, words: str, name: str, noted: dict[str, None]) -> _Lacking:
        self = super().__new__(cls, words)
        self._name, self._noted = name, noted
        return self

    def __str__(self) -> str:
        self._noted[self._name] = None
        return str.__str__(self)

    def __bool__(self) -> bool:
        return False


def worded(post: Post, incident: Incident, prose: Prose, show: Show, catalog: Catalog, cause: Text = ()) -> Worded:
    """Word an announcement from the facts as they are now; `cause` is what the postmortem says, where there is one."""
    page = Page(prose, show)
    lacking: dict[str, None] = {}
    given: dict[str, Any] = {}
    for name, value in _facts(post, incident, page, prose, catalog, cause).items():
        given[name] = _Lacking(prose.label("fact.open", show.lang).replace("#", prose.label(f"fact.{name}", show.lang)), name,
                               lacking) if value is None or value == "" else value  # fmt: skip
    written = prose.announcement(post.occasion.value, post.audience.value, show.lang).render(
        {"page_": page, "lang": show.lang, "bar": page.bar, "comma": page.comma, **given}
    )
    text = page.split(neutral(written.strip(), page))
    return Worded(text, tuple(lacking), linted(post.audience, text, incident, show, catalog))


def linted(audience: Audience, text: Text, incident: Incident, show: Show, catalog: Catalog) -> tuple[Finding, ...]:
    """List what must not be said, of a text for the outside; inside everything may be."""
    known = dict.fromkeys((incident.commander, *incident.roles.values(), *incident.involved))
    names = [show.person(person) for person in known if person is not None]
    return linted_words(audience, flat(text), [name for name in names if name], catalog)


def linted_words(audience: Audience, words: str, people: Iterable[str], catalog: Catalog) -> tuple[Finding, ...]:
    """Do the same for words with the names of those involved."""
    if audience is not Audience.EXTERNAL:
        return ()
    services = catalog.services.values()
    inside = [s.id for s in services if s.id.casefold() not in (s.name.casefold(), (s.name_en or "").casefold())]
    return findings(words, people, inside)


def _facts(post: Post, incident: Incident, page: Page, prose: Prose, catalog: Catalog, cause: Text) -> Mapping[str, Any]:
    """Give every fact that a template may use; None = nobody stated it."""
    lang = page.show.lang
    marks = incident.marks
    since = marks.get(Mark.OCCURRED) or marks.get(Mark.DETECTED) or incident.declared_at
    recovered = marks.get(Mark.RECOVERED)
    over = recovered or incident.closed_at
    title = plain(incident.title_en) if lang == "en" and incident.title_en else incident.title
    wrong = incident.announcing.post(post.about) if post.about is not None else None
    why = incident.impact if incident.impact else None
    names = page.services(incident.services[:3]) if incident.services else None
    latest = incident.latest
    return {
        "level": incident.severity.value,
        "title": page.typed(title, TITLE_CHARS),
        "since": page.clock(since),
        "found": page.clock(marks[Mark.DETECTED]) if Mark.DETECTED in marks else None,
        "impact": page.typed(incident.impact, TEXT_CHARS) if incident.impact else None,
        "services": names,
        "subject": names,
        "commander": page.person(incident.commander) if incident.commander is not None else None,
        "people": str(len(set(incident.involved) - {call.person for call in incident.roll.calls if call.answered is None})),
        "complaints": str(incident.complaints) if incident.complaints else None,
        "latest": page.typed(latest.text, TEXT_CHARS) if latest is not None else None,
        "located": page.clock(marks[Mark.LOCATED]) if Mark.LOCATED in marks else None,
        "next": page.clock(incident.next_update_by) if incident.next_update_by is not None else None,
        "before": post.before or None,
        "why": page.typed(why, TEXT_CHARS) if why else None,
        "recovered": page.clock(recovered) if recovered is not None else None,
        "lasted": page.span(max(recovered - since, timedelta(0))) if recovered is not None else None,
        "how": prose.label(f"method.{incident.method.value}", lang) if incident.method is not None else None,
        "conclusion": page.typed(incident.recovery, TEXT_CHARS) if incident.recovery else None,
        "watch": page.clock(incident.observe_until) if incident.observe_until is not None else None,
        "reason": page.typed(post.reason, TEXT_CHARS) if post.reason else None,
        "wrong": str(post.about) if post.about is not None else None,
        "wrong_at": page.clock(wrong.sent_at) if wrong is not None and wrong.sent_at is not None else None,
        "number": str(1 + len(incident.announcing.sent(Occasion.UPDATE, audience=post.audience))),
        "until": page.clock(over) if over is not None else None,
        "cause": page.typed(cause, TEXT_CHARS) if cause else None,
        "report": None,
        "drill": prose.label("drill", lang) if incident.drill else " ",
    }  # fmt: skip


def neutral(markdown: str, page: Page) -> str:
    """Turn Markdown of ours to what every chat shows: lines, links and list marks; what stands in tokens is no Markdown."""
    words = _LINK.sub(lambda found: page.link(found.group(1), found.group(2)), markdown)
    words = _STRONG.sub(r"\1", _HEADING.sub("", words))
    return re.sub(r"\n{3,}", "\n\n", _ITEM.sub("· ", words))


# ---------------------------------------------------------------- ways
def subject_of(text: Text, limit: int = 78) -> str:
    """Give what the first line begins with, for a subject: what follows the first bar is told in the letter."""
    first = _BAR.split(flat(text).strip().partition("\n")[0], maxsplit=1)[0].strip()
    return first if len(first) <= limit else first[: limit - 1] + "…"


def as_html(text: Text, lang: str = "zh", button: tuple[str, str] | None = None) -> str:
    """Write an announcement as the page of an e-mail: its words escaped, its links as links, one line for each thing said.

    Styles stand in the elements, as mail programs keep no others. `button` = words and an address below it.
    """
    parts: list[str] = []
    for span in text:
        if span.kind == "link" and re.match(r"https?://", span.target or "", re.IGNORECASE):
            words = html.escape(" ".join(span.text.split()))
            parts.append(f'<a href="{html.escape(span.target or "")}" style="color:#1a5fb4">{words}</a>')
        else:
            parts.append(_BAR.sub("\v", html.escape(span.text)))
    first, *more = "".join(parts).strip().split("\n")
    head, *told = [part for part in first.split("\v") if part.strip()] or [""]
    more = [line.replace("\v", "｜" if lang == "zh" else " · ") for line in more]
    heads = _HEAD if told or more else ""  # one sentence alone is no heading
    lines = [f'<p style="margin:0 0 12px{heads}">{head}</p>']
    lines += [f'<p style="margin:0 0 6px">{line}</p>' for line in (*told, *more) if line.strip()]
    if button is not None:
        words, address = (html.escape(part) for part in button)
        lines.append(f'<p style="margin:20px 0 0"><a href="{address}" style="{_BUTTON}">{words}</a></p>')
    body = "\n".join(lines)
    return (
        f'<!doctype html>\n<html lang="{"en" if lang == "en" else "zh-CN"}">\n<head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"></head>\n'
        f'<body style="margin:0;padding:24px 20px;background:#ffffff;color:#1d2129;font:15px/1.6 {_FONTS}">\n'
        f'<div style="max-width:600px;overflow-wrap:anywhere">\n{body}\n</div>\n</body>\n</html>\n'
    )


def as_json(post: Post, incident: Incident) -> dict[str, Any]:
    """Give an announcement as a webhook gets it."""
    return {
        "incident": incident.id, "number": post.number, "occasion": post.occasion.value, "audience": post.audience.value,
        "severity": incident.severity.value, "status": incident.status.value, "title": flat(incident.title),
        "text": flat(post.text),
    }  # fmt: skip


def own_words(words: str) -> Text:
    """Keep what somebody typed in place of ours, line by line, without what is no word."""
    lines = [clean(line).rstrip() for line in words.replace("\r\n", "\n").split("\n")]
    return joined([Span("\n".join(lines).strip())])


# ---------------------------------------------------------------- the user's own templates
def problems_of(folder: Path) -> list[Problem]:
    """List what is wrong with announcement templates in a folder of one's own, as (file, what)."""
    env = jinja2.Environment()
    found: list[Problem] = []
    known = {f"{occasion.value}/{audience.value}.md.j2" for occasion in Occasion for audience in Audience
             if (occasion, audience) not in UNSAID}  # fmt: skip
    for lang in LANGS:
        root = folder / lang / "announcements"
        for path in sorted(root.rglob("*")) if root.is_dir() else ():
            if not path.is_file():
                continue
            name = str(path.relative_to(folder))
            if str(path.relative_to(root)) not in known:
                found.append((name, "is no announcement: the file must be <occasion>/<audience>.md.j2"))
                continue
            try:
                unknown = meta.find_undeclared_variables(env.parse(path.read_text(encoding="utf-8"))) - GIVEN
                occasion, audience = path.parent.name, path.name.removesuffix(".md.j2")
                Prose(folder).announcement(occasion, audience, lang)
            except (jinja2.TemplateError, UnicodeDecodeError) as error:
                at = f"line {error.lineno}: " if isinstance(error, jinja2.TemplateSyntaxError) else ""
                found.append((name, f"{at}{error}"))
                continue
            found += [(name, f"there is no fact '{one}'; there are: {', '.join(sorted(FACTS))}") for one in sorted(unknown)]
    return found
