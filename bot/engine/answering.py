"""An answer to one person: words, and where the chat shows cards, what may be clicked next in place of lines to type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from bot.command import Context
from bot.engine.binding import bind
from bot.engine.cards import card_of_incident
from bot.engine.forms import written
from bot.engine.house import House
from bot.engine.parameters import parameters
from bot.engine.reading import Call, read
from bot.errors import Refused
from bot.model.card import Button, Card
from bot.model.event import Status
from bot.model.incident import Incident
from bot.model.say import Say, say
from bot.model.text import Text, flat, plain
from bot.ports import Reads, Reply
from bot.prose import Show
from bot.show import clean, cut
from bot.views.offers import Offer, fits, offers

_LABEL_CHARS = 30


@dataclass(frozen=True, slots=True)
class Answering:
    """Word answers for one person in one place.

    `cards` = something can be offered below a text, `implied` the incident meant there.
    """

    house: House
    show: Show
    cards: bool
    reads: Reads  # all-seeing: what the person may see was decided by the command
    ctx: Context
    implied: Incident | None = None

    def reply(self, told: Say, notes: Sequence[Say] = (), *, tick: bool = False) -> Reply:
        """Word an answer; the status card is shown as itself where cards are."""
        if self.cards and told.key == "status_card":
            incident: Incident = told.params["incident"]
            return Reply(self._noted((), notes), card=self._status(incident))
        offered = self._offers(told) if self.cards else ()
        show = replace(self.show, buttons=frozenset(name for name, _ in offered))
        text = self._noted(self.house.prose.say(told, show), notes)
        card = Card("", "grey", buttons=tuple(b for _, b in offered), lang=self.show.lang) if offered else None
        return Reply(text, private=not tick, tick=tick, card=card)

    def _status(self, incident: Incident) -> Card:
        return card_of_incident(incident, self.reads, self.house, self.show, as_of=self.ctx.now)

    def _noted(self, text: Text, notes: Sequence[Say]) -> Text:
        for note in notes:
            text = (*text, *self.house.prose.say(say("noted", note=note), self.show))
        return text

    def _offers(self, told: Say) -> tuple[Offer, ...]:
        match told.key:
            case "no_such":
                return tuple(self._near(told))
            case "ambiguous":
                return tuple(self._meant(told))
            case "incident_which" if told.params["command"]:
                return tuple(self._which(told))
            case _:
                return offers(told, self.house.prose, self.show)

    # ------------------------------------------------------------ lines that can be run as they stand
    def _near(self, told: Say) -> Iterator[Offer]:
        rest = flat(told.params["rest"])
        near: Sequence[str] = told.params["nearest"]
        found = [self._runs(f"{word} {rest}".strip(), f"{word} {rest}") for word in near]
        if near and all(found):  # the text lists either all lines to copy or none
            yield from (("near", button) for button in found if button is not None)
        if not near:
            note = self.house.prose.label("command.note", self.show.lang)
            keeps = self._runs(f"{note} {rest}", self.house.prose.label("offer.keep", self.show.lang))
            if keeps is not None:
                yield "note", keeps

    def _meant(self, told: Say) -> Iterator[Offer]:
        found = []
        for (label, line), (command, runs) in zip(told.params["options"], told.params["meant"], strict=True):
            found.append(self._runs(line, label[self.show.lang]) if runs else self._asks(command, line, label[self.show.lang]))
        if all(found):
            yield from (("meant", button) for button in found if button is not None)

    def _which(self, told: Say) -> Iterator[Offer]:
        command, rest = told.params["command"], told.params["rest"]
        found = [
            self._runs(f"{command} {i.id} {rest}".strip(), f"{i.id} {i.severity} {flat(i.title)}")
            for i in told.params["incidents"]
        ]
        if all(found):
            yield from (("which", button) for button in found if button is not None)

    def _runs(self, line: str, label: str) -> Button | None:
        """Make the button that does what a typed line would; None where that has no button or does not fit."""
        pending = self.implied is not None and self.implied.status is Status.PENDING
        call = read(plain(line), self.house.vocabulary, lang=self.show.lang, pending=pending)
        if not isinstance(call, Call) or call.force is not None:
            return None
        declaration = call.declaration
        try:
            bound = bind(call, self.ctx, implied=self.implied, lock=self.ctx.reads.incident)
        except Refused:
            return self._asks(declaration.name, line, label) if not call.rest else None
        args = written(declaration, bound.arguments, self.ctx)
        given = {p.name for p in parameters(declaration) if bound.arguments.get(p.name) not in (p.default, None, (), False)}
        if given - args.keys():
            return None  # something was typed that no button can carry
        lacks = any(ask.required and not bound.arguments.get(ask.name) for ask in declaration.form)
        return self._fitting(Button(
            cut(clean(label).strip(), _LABEL_CHARS), declaration.name, self.show.hail + line, tuple(args.items()),
            asks=lacks and declaration.name != "commander",  # taking command oneself needs no name
        ))  # fmt: skip

    def _asks(self, command: str, line: str, label: str) -> Button | None:
        """Make the button that opens a command's form."""
        declaration = self.house.declarations[command]
        if not declaration.form or (declaration.takes_incident and self.implied is None):
            return None
        args = (("incident", self.implied.id),) if declaration.takes_incident and self.implied is not None else ()
        button = Button(cut(clean(label).strip(), _LABEL_CHARS), command, self.show.hail + line, args, asks=True)
        return self._fitting(button)

    def _fitting(self, button: Button) -> Button | None:
        return button if button.label and fits(button) else None
