"""Facts become words: templates in two languages, compiled when first needed.

Filters leave tokens for spans (see page.py); what strangers typed is made harmless here and escaped by each chat.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

import yaml
from jinja2 import Environment, StrictUndefined, Template, pass_context
from jinja2.runtime import Context

from bot import views
from bot.model.event import Event, Telling, Unknown
from bot.model.incident import Incident
from bot.model.say import Say
from bot.model.text import Span, Text
from bot.page import Page
from bot.show import Show, joined, moment

__all__ = ["LANGS", "Prose", "Show"]

LANGS = ("zh", "en")
_LATE = timedelta(minutes=1)  # knowledge that came later than this after the fact shows both times
_FILTERS = (
    "person", "mention", "actor", "service", "services", "typed", "sentence", "code", "link", "clock", "span", "word", "refusal",
    "group", "join_names", "platform", "rotation", "reasons", "item", "day", "date_of", "letter", "enclosed",
    "recipients", "recipient", "addressee",
)  # fmt: skip


def _page(context: Context) -> Page:
    page = context.resolve("page_")
    assert isinstance(page, Page)
    return page


def _filter(name: str) -> Callable[..., str]:
    @pass_context
    def call(context: Context, *args: Any, **kwargs: Any) -> str:
        printed: str = getattr(_page(context), name)(*args, **kwargs)
        return printed

    return call


@pass_context
def _finalize(context: Context, value: object) -> str:
    return _page(context).finalize(value)


class Prose:
    """Word facts in a language; `overrides` is a folder of the same shape as `templates` whose files win."""

    def __init__(self, overrides: Path | None = None) -> None:
        self._roots: tuple[Traversable, ...] = (files("templates"), *((overrides,) if overrides is not None else ()))
        self._env = Environment(
            undefined=StrictUndefined, autoescape=False, trim_blocks=True, lstrip_blocks=True, finalize=_finalize
        )  # what strangers typed is made harmless by tokens and clean(), and escaped by each chat when printed
        self._env.filters.update({name: _filter(name) for name in _FILTERS})
        self._compiled: dict[tuple[str, str], Template] = {}
        self._says: dict[str, Mapping[str, str]] = {}
        self._words: dict[str, Mapping[str, str]] = {}

    def say(self, said: Say, show: Show) -> Text:
        """Word a Say for one reader; an unknown key or a missing parameter raises."""
        page = Page(self, show)
        return page.split(self._render(page, self._saying(said.key, show.lang), said.params))

    def tell(self, event: Event, incident: Incident | None, show: Show) -> Text:
        """Tell one fact without its number, so that it can stand alone in a room."""
        return self._told(event, incident, show, inline=False)

    def line(self, event: Event, incident: Incident | None, show: Show) -> Text:
        """Tell one fact as it stands behind its own time, in a list of them."""
        return self._told(event, incident, show, inline=True)

    def entry(self, event: Event, incident: Incident | None, show: Show) -> Text:
        """Give the numbered line of one fact, `#12 14:05 …`; late knowledge shows both times."""
        when, known = moment(event.at, show), moment(event.recorded_at, show)
        late: tuple[Span, ...] = ()
        if event.recorded_at - event.at >= _LATE and known.text != when.text:
            before, _, after = self.label("late", show.lang).partition("#")
            late = (Span(before), known, Span(after))
        number = f"#{event.n} " if event.n else ""
        return joined((Span(number), when, *late, Span(" "), *self._told(event, incident, show, inline=True)))

    def label(self, key: str, lang: str) -> str:
        """Give a label of words.yaml; KeyError when there is none."""
        return self.words(lang)[key]

    def words(self, lang: str) -> Mapping[str, str]:
        """Map every label's dotted key to its words in a language."""
        if lang not in self._words:
            merged: dict[str, str] = {}
            for root in self._roots:
                found = root / _known(lang) / "words.yaml"
                if found.is_file():
                    merged |= _dotted(_read(found))
            self._words[lang] = merged
        return self._words[lang]

    def sayings(self, lang: str) -> Mapping[str, str]:
        """Map every key of say/*.yaml to its template; a key that two areas hold is an error."""
        if lang not in self._says:
            merged: dict[str, str] = {}
            for root in self._roots:
                merged |= _areas(root / _known(lang) / "say")
            self._says[lang] = merged
        return self._says[lang]

    def page(self, name: str, **given: Any) -> str:
        """Write a web page of templates/web; whatever is put into it is escaped."""
        spot = ("web", name)
        if spot not in self._compiled:
            source = (self._roots[0] / "web" / f"{name}.html").read_text(encoding="utf-8")
            self._compiled[spot] = self._env.overlay(autoescape=True, finalize=None).from_string(source)
        return self._compiled[spot].render(given)

    def announcement(self, occasion: str, audience: str, lang: str) -> Template:
        """Give the template of an announcement; FileNotFoundError where nothing is said on that occasion to that audience."""
        name = f"announcements/{occasion}/{audience}.md.j2"
        spot = (lang, name)
        if spot not in self._compiled:
            found = [file for root in self._roots if (file := root / _known(lang) / name).is_file()]
            if not found:
                raise FileNotFoundError(name)
            self._compiled[spot] = self._env.from_string(found[-1].read_text(encoding="utf-8"))
        return self._compiled[spot]

    def _saying(self, key: str, lang: str) -> Template:
        spot = (lang, f"say:{key}")
        if spot not in self._compiled:
            self._compiled[spot] = self._env.from_string(self.sayings(lang)[key].strip())
        return self._compiled[spot]

    def _telling(self, kind: str, lang: str) -> Template:
        spot = (lang, f"event:{kind}")
        if spot not in self._compiled:
            named = [root / _known(lang) / "events" / f"{kind}.j2" for root in self._roots]
            source = [found.read_text(encoding="utf-8") for found in named if found.is_file()]
            if not source:
                raise KeyError(f"{lang}/events/{kind}.j2")
            self._compiled[spot] = self._env.from_string(source[-1].strip())
        return self._compiled[spot]

    def _told(self, event: Event, incident: Incident | None, show: Show, inline: bool) -> Text:
        kind = "Unknown" if isinstance(event.payload, Unknown) else event.kind
        page = Page(self, show, inline, event)
        told = page.split(
            self._render(page, self._telling(kind, show.lang), {"event": event, "p": event.payload, "incident": incident})
        )
        if page.author is not None:
            told = joined((*told, Span(f" — {page.actor(page.author)}")))
        if incident is not None and incident.drill and event.payload.telling is not Telling.SILENT:
            return joined((Span(self.label("drill", show.lang)), *told))
        return told

    def _render(self, page: Page, template: Template, params: Mapping[str, Any]) -> str:
        show, incident = page.show, params.get("incident")

        def tell(event: Event, of: Incident | None = incident) -> str:
            return page.keep(_unmentioned(self.tell(event, of, show)))

        def entry(event: Event, of: Incident | None = incident) -> str:
            return page.keep(_unmentioned(self.entry(event, of, show)))

        def card(of: Incident, groups: Sequence[Any] = (), runbook: str | None = None) -> str:
            seen = views.status_card(of, self, show, groups=groups, runbook=runbook, as_of=show.now)
            return page.keep(views.card_text(seen, self, show.lang))

        given = {
            "page_": page, "lang": show.lang, "now": show.now, "hail": show.hail, "bar": page.bar, "comma": page.comma,
            "stamp": page.stamp, "buttons": show.buttons, "tell": tell,
            "entry": entry, "card": card, **params,
        }  # fmt: skip
        return template.render(given)


def _unmentioned(text: Text) -> Text:
    """Leave the names and drop the mentions: somebody who reads history calls nobody."""
    return joined(Span(span.text) if span.kind == "person" else span for span in text)


def _known(lang: str) -> str:
    return lang if lang in LANGS else "zh"


def _read(file: Traversable) -> Mapping[str, Any]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times faster where libyaml is there
    return yaml.load(file.read_text(encoding="utf-8"), Loader=loader) or {}


def _dotted(tree: Mapping[str, Any], above: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in tree.items():
        path = f"{above}{key}"
        if isinstance(value, Mapping):
            flat |= _dotted(value, f"{path}.")
        else:
            flat[path] = str(value)
    return flat


def _areas(folder: Traversable) -> dict[str, str]:
    merged: dict[str, str] = {}
    holder: dict[str, str] = {}
    if not folder.is_dir():
        return merged
    for area in sorted((f for f in folder.iterdir() if f.name.endswith(".yaml")), key=lambda f: f.name):
        for key, source in _read(area).items():
            if key in merged:
                raise ValueError(f"the text {key} stands in both {holder[key]} and {area.name}")
            merged[key], holder[key] = str(source), area.name
    return merged
