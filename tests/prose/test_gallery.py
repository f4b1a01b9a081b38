"""The gallery: every template in both languages, for incidents of every kind, as each chat and each other way shows it.

What there is to word is read off the folder of templates and off the code, so that no new file or text is left out.
"""

from __future__ import annotations

import ast
import dataclasses
import json
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
import yaml
from jinja2 import meta

from adapters.chat.dingtalk import render as dingtalk
from adapters.chat.feishu import render as feishu
from adapters.chat.plain import render as words_only
from adapters.chat.slack import render as slack
from adapters.chat.wecom import render as wecom
from adapters.chat.wecom_bot import render as wecom_bot
from bot.announcing import as_html, as_json, subject_of, worded
from bot.engine.page_notice import TEXTS, page_notice
from bot.model.announcing import UNSAID, Audience, Occasion
from bot.model.card import Card
from bot.model.event import KINDS, Event, Status
from bot.model.incident import Incident
from bot.model.text import Span, Text, flat, plain
from bot.ports import Content, Medium
from bot.prose import LANGS, Prose
from bot.views import alert_card, announcement_card, status_card
from tests.prose.test_announcements import CATALOG, post
from tests.prose.test_announcements import GALLERY as INCIDENTS
from tests.prose.test_events import STORED, stored
from tests.prose.test_hostile import GALLERY as HOSTILE
from tests.prose.test_hostile import harmless
from tests.prose.world import PROSE, busy, group, show

ROOT = Path(__file__).parent.parent.parent
TEMPLATES = ROOT / "templates"
SAID = [(occasion, audience) for occasion in Occasion for audience in Audience if (occasion, audience) not in UNSAID]
# What stands behind each file of a language; a file that is none of these has no test that words it.
KNOWN = re.compile(r"words\.yaml|say/\w+\.yaml|events/\w+\.j2|announcements/\w+/\w+\.md\.j2")
TYPED = "".join(HOSTILE[name] for name in ("slack", "feishu", "dingtalk", "wecom", "template", "html", "lines", "right to left"))
# What would be more than words, were it to reach a chat as it was typed.
LIVE = {
    "slack": re.compile(r"<!channel|<@U123|<https://evil"),
    "feishu": re.compile(r"<at |\]\(https://evil|<font color=\""),
    "dingtalk": re.compile(r"\]\(https://evil|(?m:^# head)"),
    "wecom": re.compile(r"<@all|<font color=\"warning\">x|\]\(https://evil"),
    "wecom-bot": re.compile(r"<@all|<font color=\"warning\">x|\]\(https://evil"),
    "plain": re.compile(r"(?!)"),  # has no markup
}


CODE = re.compile(r"`[^`]*`")  # in which no platform reads anything


def _dingtalk(content: Content) -> object:
    if isinstance(content, Card):
        return dingtalk.public(content)
    made = dingtalk.message(content)
    return None if made is None else json.loads(made[1])


def _feishu(content: Content) -> object:
    made = feishu.message(content)
    return None if made is None else json.loads(made[1])


CHATS: dict[str, Callable[[Content], object]] = {
    "slack": slack.message,
    "feishu": _feishu,
    "dingtalk": _dingtalk,
    "wecom": lambda content: [wecom.room(content), wecom.direct(content, "t")],
    "wecom-bot": lambda content: wecom_bot.messages(content, "t"),
    "plain": words_only.render,
}


def marked(chat: str, made: object) -> Iterator[str]:
    """List the strings of a message in which its platform reads markup."""
    if isinstance(made, dict):
        kind = made.get("type") or made.get("tag")
        for name, value in made.items():
            reads = {
                "slack": kind == "mrkdwn" or (name == "text" and kind is None),
                "feishu": kind in ("markdown", "lark_md") and name == "content",
                "dingtalk": name == "text" if "title" in made else "content" not in made,
                "wecom": name == "markdown", "wecom-bot": name in ("markdown", "content"),
            }[chat]  # fmt: skip
            if isinstance(value, str) and reads:
                yield value
            elif name == "markdown" and isinstance(value, dict):
                yield str(value.get("content"))
            else:
                yield from marked(chat, value)
    elif isinstance(made, list):
        for one in made:
            yield from marked(chat, one)


def shown_harmless(content: Content) -> None:
    """Render content for every chat, and check that nobody's words became more than words."""
    for chat, render in CHATS.items():
        made = render(content)
        if made is None:
            assert not isinstance(content, Card), f"{chat} leaves out a card"
            continue  # longer than one message there: the core cuts it by the chat's limits
        for words in marked(chat, made) if chat != "plain" else ():
            found = LIVE[chat].search(CODE.sub("", words))
            assert found is None, f"{chat} would act on {found.group() if found else ''!r} in {words!r}"


# ---------------------------------------------------------------- nothing is left out
@pytest.mark.parametrize("lang", LANGS)
def test_every_file_of_templates_is_worded_by_the_gallery(lang: str) -> None:
    files = [str(path.relative_to(TEMPLATES / lang)) for path in (TEMPLATES / lang).rglob("*") if path.is_file()]
    assert [name for name in files if not KNOWN.fullmatch(name)] == []
    announced = {tuple(name.removesuffix(".md.j2").split("/")[1:]) for name in files if name.startswith("announcements/")}
    assert announced == {(occasion.value, audience.value) for occasion, audience in SAID}
    assert {Path(name).stem for name in files if name.startswith("events/")} == {*KINDS, "Unknown"}
    assert {path.stem.rpartition("-")[0] or path.stem for path in STORED} >= set(KINDS) or len(STORED) >= len(KINDS)


GIVEN = {"page_", "lang", "now", "hail", "bar", "comma", "stamp", "buttons", "tell", "entry", "card"}  # to every text
# What whoever words a text adds to what its code gives: the incident of an answer's facts or of a direct message, and its room.
ADDED = {
    "incident": {
        "item_assigned", "postmortem_judged", "postmortem_to_judge", "postmortem_yours", "postmortem_due", "postmortem_late",
        "bound", "mirror_off", "mirror_on", "item_added", "joined", "gathered", "stale_click", "meeting_off",
    },
    "room": {"you_command", "called_again"},
    "briefing": {"command_offered"},
}  # fmt: skip
FILLED = {"items_due"}  # by as many parts as a reminder has


def test_every_text_is_given_all_that_it_names() -> None:
    names = {
        (key, lang): meta.find_undeclared_variables(PROSE._env.parse(text)) - GIVEN
        for lang in LANGS
        for key, text in PROSE.sayings(lang).items()
    }
    lacking, checked = [], set()
    for path in (*(ROOT / "bot").rglob("*.py"), *(ROOT / "commands").rglob("*.py")):
        source = path.read_text(encoding="utf-8")
        for node in ast.walk(ast.parse(source)) if "say(" in source or "refuse(" in source else ():
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("say", "refuse")):
                continue
            if not node.args or not isinstance(node.args[0], ast.Constant) or any(k.arg is None for k in node.keywords):
                continue
            key = str(node.args[0].value)
            given = {str(k.arg) for k in node.keywords} | {name for name, keys in ADDED.items() if key in keys}
            checked.add(key)
            for lang in LANGS:
                missing = names[key, lang] - given
                lacking += [f"{path.name}:{node.lineno} {lang} {key}: {sorted(missing)}"] if missing and key not in FILLED else []
    assert lacking == []
    assert len(checked) > 300, "texts that somebody says"
    assert set().union(*ADDED.values()) <= checked


# ---------------------------------------------------------------- chats
@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", INCIDENTS)
def test_every_announcement_is_words_in_every_chat(name: str, lang: str) -> None:
    for occasion, audience in SAID:
        found = worded(post(occasion, audience, reason=plain(TYPED)), INCIDENTS[name](), PROSE, show(lang), CATALOG)
        shown_harmless(found.text)
        shown_harmless(Card(flat(found.text)[:60], "grey", text=found.text))


def spoiled(value: Any, words: str) -> Any:
    """Put words in the place of whatever a person typed."""
    if isinstance(value, dict):
        typed = set(value) <= {"text", "kind", "target", "person"} and "text" in value
        return {**value, "text": words} if typed else {key: spoiled(part, words) for key, part in value.items()}
    if isinstance(value, list):
        return [spoiled(part, words) for part in value]
    return words if isinstance(value, str) and re.search("[\u3400-\u9fff]", value) else value


@pytest.mark.parametrize("lang", LANGS)
def test_every_kind_of_fact_is_words_in_every_chat_whatever_was_typed(lang: str) -> None:
    told: set[str] = set()
    for path in STORED:
        for case, event, about in stored(path, lambda data: spoiled(data, TYPED)):
            words = PROSE.entry(cast(Event, event), about, show(lang))
            assert "\n" not in harmless(words), (path.stem, case)
            shown_harmless(words)
            told.add(event.kind)
    assert told >= set(KINDS)


def cards_of(incident: Incident, lang: str) -> list[Card]:
    reader = show(lang)
    return [
        status_card(incident, PROSE, reader, runbook="https://wiki.example.com/1"), announcement_card(incident, PROSE, reader),
        alert_card(group(title=flat(incident.title), rule=TYPED[:40]), PROSE, reader, related=incident),
    ]  # fmt: skip


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", [*INCIDENTS, "typed"])
def test_every_card_is_words_in_every_chat_at_every_status(name: str, lang: str) -> None:
    text = plain(TYPED)
    made = INCIDENTS[name]() if name in INCIDENTS else busy(title=text, title_en=TYPED, impact=text, recovery=text, bridge=TYPED)
    for status in Status:
        for card in cards_of(dataclasses.replace(made, status=status), lang):
            shown_harmless(card)


# ---------------------------------------------------------------- outside chats
LETTER = {"lang", "charset", "name", "content", "style", "href"}


class Letter(HTMLParser):
    """Read a page of an e-mail as a mail program does."""

    def __init__(self) -> None:
        super().__init__()
        self.tags, self.attributes = set[str](), set[str]()
        self.words, self.addresses = list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.addresses += [value or "" for name, value in attrs if name == "href"]

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def addressed(name: str) -> Incident:
    return busy(title=plain(HOSTILE[name]), title_en=HOSTILE[name], impact=plain(HOSTILE[name]))


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", HOSTILE)
def test_mail_and_webhooks_of_every_announcement_keep_strangers_words_as_words(name: str, lang: str) -> None:
    for occasion, audience in SAID:
        one = post(occasion, audience, reason=plain(HOSTILE[name]))
        text = worded(one, addressed(name), PROSE, show(lang), CATALOG).text
        subject, page, body = subject_of(text), as_html(text), as_json(dataclasses.replace(one, text=text), addressed(name))
        assert "\n" not in harmless(plain(subject)) and 0 < len(subject) <= 78
        letter = Letter()
        letter.feed(page)
        assert letter.tags <= {"html", "head", "meta", "body", "div", "p", "a"} and letter.attributes <= LETTER, "nothing else"
        assert all(re.match(r"https://", address) for address in letter.addresses)
        harmless(plain("".join(letter.words)))
        assert json.loads(json.dumps(body, ensure_ascii=True)) == body
        harmless(plain(str(body["text"])))


@pytest.mark.parametrize("lang", LANGS)
@pytest.mark.parametrize("name", HOSTILE)
def test_sms_and_calls_give_every_variable_on_one_line(name: str, lang: str) -> None:
    world: Any = SimpleNamespace(
        house=SimpleNamespace(prose=PROSE, show=lambda reads, lang, now: show(lang)), reads=None, now=None
    )
    world.now = show(lang).now
    met = set()
    for medium in (Medium.SMS, Medium.VOICE):
        for status in (Status.HANDLING, Status.RECOVERED):
            notice = page_notice(world, dataclasses.replace(addressed(name), status=status), {"medium": medium}, lang)
            if notice is None:
                continue
            met.add(notice.template)
            assert notice.variables is not None and tuple(notice.variables) == TEXTS[str(notice.template)]
            for words in (notice.text, *notice.variables.values()):
                assert "\n" not in harmless(plain(words))
    assert met == set(TEXTS)


# ---------------------------------------------------------------- a folder of one's own
def test_every_file_may_be_replaced_by_a_folder_of_ones_own(tmp_path: Path) -> None:
    for lang in LANGS:
        for path in (TEMPLATES / lang).rglob("*"):
            if not path.is_file():
                continue
            own = tmp_path / path.relative_to(TEMPLATES)
            own.parent.mkdir(parents=True, exist_ok=True)
            if path.suffix == ".yaml" and path.parent.name == "say":
                known = yaml.safe_load(path.read_text(encoding="utf-8"))
                own.write_text(yaml.safe_dump(dict.fromkeys(known, "MINE"), allow_unicode=True), encoding="utf-8")
            elif path.suffix == ".j2":
                own.write_text("MINE", encoding="utf-8")
    prose = Prose(tmp_path)
    event = next(stored(path) for path in STORED)[0][1]
    for lang in LANGS:
        assert set(prose.sayings(lang).values()) == {"MINE"} and prose.sayings(lang).keys() == PROSE.sayings(lang).keys()
        for kind in (*KINDS, "Unknown"):
            assert prose._telling(kind, lang).render(event=event, p=event.payload) == "MINE", kind
        for occasion, audience in SAID:
            said = worded(post(occasion, audience), busy(), prose, show(lang), CATALOG)
            assert flat(said.text) == "MINE"


@pytest.mark.parametrize("lang", LANGS)
def test_ones_own_templates_are_kept_from_strangers_words_too(tmp_path: Path, lang: str) -> None:
    own = "# {{ title }}\n\n**{{ impact }}** [手册](https://wiki.example.com) {{ commander }}"
    for occasion, audience in SAID:
        file = tmp_path / lang / "announcements" / occasion / f"{audience}.md.j2"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(own, encoding="utf-8")
    prose = Prose(tmp_path)
    for name in HOSTILE:
        for occasion, audience in SAID:
            text: Text = worded(post(occasion, audience), addressed(name), prose, show(lang), CATALOG).text
            links = [span for span in text if isinstance(span, Span) and span.kind == "link"]
            assert [link.target for link in links] == ["https://wiki.example.com"]
            harmless(text)
            shown_harmless(text)
