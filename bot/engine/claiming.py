"""Which typed tokens are arguments, and which are the text: longest match, in any order, nothing silently dropped."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot.command import Context, Declaration, Where
from bot.engine import recognise
from bot.engine.filtering import narrowed
from bot.engine.finding import (
    group_called,
    incident_called,
    incidents_called,
    person_meant,
    service_ahead,
    services_called,
    zone_of,
)
from bot.engine.fold import fold
from bot.engine.parameters import FLAGS, Parameter, Want
from bot.engine.times import WrongSide, read_next, read_past, read_when
from bot.engine.tokens import Atom, Token, left_over, together, tokenize
from bot.errors import Refused, refuse
from bot.model.alert import AlertGroup
from bot.model.ids import ServiceId
from bot.model.incident import Incident
from bot.model.person import Person
from bot.model.say import Say, say
from bot.model.text import Span, flat
from bot.ports import Place

_UNMISTAKABLE = frozenset({Want.SEVERITY, Want.GROUPS, Want.NEXT, Want.WAIVER, *FLAGS})
_LEADS_TEXT = frozenset({Want.INCIDENT, Want.MARK, Want.SORT, Want.COUNT, Want.ITEM})  # where there is text: only in front of it
_PHRASE = 4  # words of a service's name at most


class Line:
    """Read the tokens behind one command's word; `placed` = an incident is implied already."""

    def __init__(
        self, declaration: Declaration, wanted: Sequence[Parameter], ctx: Context, parts: list[Atom], placed: bool, word: str
    ) -> None:
        self.declaration, self.ctx, self.parts, self.word = declaration, ctx, parts, word
        self.wants: dict[Want, Parameter] = {}
        for parameter in wanted:
            self.wants.setdefault(parameter.want, parameter)
        self.tokens: list[Token] = []
        for token in tokenize(parts):
            self.tokens.extend(_without_bracket(token) if Want.DRILL in self.wants else (token,))
        self.taken = [False] * len(self.tokens)
        self.incidents: list[Incident] = []
        self.notes: list[Say] = []
        self.has_text = Want.TEXT in self.wants
        self._zone = zone_of(ctx)
        self._placed = placed
        self._found: dict[Want, Any] = {}
        self._unsure: dict[str, tuple[ServiceId, ...]] = {}

    def read(self) -> Mapping[Want, Any]:
        """Claim tokens for the parameters and give what was found for each."""
        if Want.FILTER in self.wants:
            return self._narrowed()
        at, free = 0, False
        while at < len(self.tokens):
            used = 0 if self.tokens[at].quoted and self.has_text else self._claim(at, free)
            for n in range(at, at + used):
                self.taken[n] = True
            free = free or not used
            at += used or 1
        if not self.has_text:
            self._bare_words()
        self._text()
        return self._found

    def free(self) -> list[int]:
        """List the tokens that nobody claimed."""
        return [n for n, taken in enumerate(self.taken) if not taken]

    def claimed(self, want: Want) -> bool:
        """Say whether something was found for a want."""
        return want in self._found

    def nothing_left(self, incident: Incident | None) -> None:
        """Refuse when words remain that the command has no use for."""
        if self.has_text or not (left := self.free()):
            return
        words = tuple(flat(self.tokens[at].typed) for at in left)
        known = services_called(self.ctx, words[0])
        if Want.SERVICES in self.wants and len(known) > 1:
            raise refuse("service_which", word=words[0], services=known)
        raise refuse("unreadable", words=words, example=self.declaration.example[self.ctx.lang])

    # ------------------------------------------------------------ claims
    def _claim(self, at: int, free: bool) -> int:
        token = self.tokens[at]
        cut_off = token.chained and not self.taken[at - 1]  # inside a sentence: 支付失败，订单也慢
        for want, claim in _CLAIMS:
            parameter = self.wants.get(want)
            if parameter is None or (cut_off and want not in _UNMISTAKABLE):
                continue
            if free and (parameter.leading or (self.has_text and want in _LEADS_TEXT)):
                continue
            used = claim(self, at, parameter)
            if used:
                return used
        return 0

    def _words(self, at: int, most: int) -> list[str]:
        words = []
        for token in self.tokens[at : at + most]:
            if not token.word or token.quoted:
                break
            words.append(token.word)
        return words

    def _flag(self, at: int, parameter: Parameter) -> int:
        word = self.tokens[at].word
        bracketed = parameter.want is Want.DRILL and word in recognise.BRACKETED_DRILL
        if not bracketed and recognise.FLAG_WORDS.get(recognise.flag(word) or "") is not parameter.want:
            return 0
        self._found[parameter.want] = True
        return 1

    def _waiver(self, at: int, parameter: Parameter) -> int:
        if recognise.FLAG_WORDS.get(recognise.flag(self.tokens[at].word) or "") is not Want.WAIVER:
            return 0
        after = self.tokens[at + 1 :]
        used = 1 if after and after[0].quoted else len(after)
        reason = after[0].typed if used == 1 else together(self.parts[after[0].start :]) if after else ()
        if not reason:
            raise refuse("waiver_why", word=self.word, flag=flat(self.tokens[at].typed))
        self._found[Want.WAIVER] = flat(reason)
        return 1 + used

    def _next(self, at: int, parameter: Parameter) -> int:
        if parameter.want in self._found:
            return 0
        try:
            found = read_next(self._words(at, 7), self.ctx.now, self._zone)
        except WrongSide as wrong:
            raise refuse("next_is_past", when=wrong.at) from None
        if found is None:
            return 0
        self._found[Want.NEXT] = found[0]
        return found[1]

    def _moment(self, at: int, parameter: Parameter) -> int:
        if parameter.want in self._found:
            return 0
        try:
            found = read_past(self._words(at, 4), self.ctx.now, self._zone)
        except WrongSide as wrong:
            if not parameter.leading:
                return 0  # a coming time in a sentence is a part of it
            raise refuse("not_yet", when=wrong.at) from None
        if found is None:
            return 0
        self._found[Want.MOMENT] = found[0]
        return found[1]

    def _when(self, at: int, parameter: Parameter) -> int:
        have: tuple[datetime, ...] = self._found.get(Want.WHEN, ())
        found = read_when(self._words(at, 4), self.ctx.now, self._zone, have[-1] if have else None)
        if found is None or len(have) == 2:
            return 0
        self._found[Want.WHEN] = (*have, found[0])
        return found[1]

    def _groups(self, at: int, parameter: Parameter) -> int:
        word = self.tokens[at].word
        number = recognise.group_number(word, dashed=False)
        if number is None:
            return 0
        found = group_called(self.ctx, number)
        if found is None:
            if self.has_text and recognise.group_number(word, dashed=True) is None:
                return 0  # A1 may be a machine room
            raise refuse("group_unknown", word=flat(self.tokens[at].typed))
        have: tuple[AlertGroup, ...] = self._found.get(Want.GROUPS, ())
        self._found[Want.GROUPS] = (*have, found) if found not in have else have
        return 1

    def _incident(self, at: int, parameter: Parameter) -> int:
        slots = (Want.INCIDENT in self.wants) + (Want.OTHER in self.wants)
        word = recognise.incident_word(self.tokens[at].word)
        if word is None or len(self.incidents) >= slots:
            return 0
        if not word.startswith("F-"):
            reachable = self.ctx.place is Place.DIRECT or Where.ANYWHERE in self.declaration.where or Want.OTHER in self.wants
            bare = word.isdecimal()
            if not reachable or (bare and self.has_text and self._placed and not word.startswith("0")):
                return 0
            optional = (bare and Want.COUNT in self.wants) or (self.has_text and self._placed)
            if optional and not incidents_called(self.ctx, word):
                return 0
        rest = flat(together([*self.parts[: self.tokens[at].start], *self.parts[self.tokens[at].end :]]))
        self.incidents.append(incident_called(self.ctx, word, self.word, rest))
        return 1

    def _severity(self, at: int, parameter: Parameter) -> int:
        found = recognise.level(self.tokens[at].word)
        if found is None or Want.SEVERITY in self._found:
            return 0
        self._found[Want.SEVERITY] = found[0]
        if found[1]:
            self.notes.append(say("p0_is_p1", word=flat(self.tokens[at].typed)))
        return 1

    def _services(self, at: int, parameter: Parameter) -> int:
        words = self._words(at, _PHRASE) or [fold(flat(self.tokens[at].typed))]
        for count in range(len(words), 0, -1):
            known = services_called(self.ctx, " ".join(words[:count]))
            if not known:
                continue
            if len(known) > 1 and self.declaration.changes:
                if Want.UNSURE in self.wants:
                    self._unsure[flat(self.tokens[at].typed)] = known  # stays in the text; asked afterwards
                return 0
            have: tuple[ServiceId, ...] = self._found.get(Want.SERVICES, ())
            self._found[Want.SERVICES] = tuple(dict.fromkeys((*have, *known)))
            return count
        return 0

    def _person(self, at: int, parameter: Parameter) -> int:
        token = self.tokens[at]
        mentioned = token.span is not None and token.span.kind == "person"
        if not mentioned and not (token.word.startswith("@") and len(token.word) > 1):
            return 0
        if parameter.want is Want.PERSON and Want.PERSON in self._found:
            return 0
        meant = person_meant(self.ctx, token.span, flat(token.typed))
        if isinstance(meant, Say):
            if Want.UNSURE not in self.wants:
                raise Refused(meant)
            self.notes.append(meant)  # a declaration is made all the same
            return 1
        self._add(parameter, meant)
        return 1

    def _add(self, parameter: Parameter, person: Person) -> None:
        have: tuple[Person, ...] = self._found.get(Want.PEOPLE, ())
        self._found[parameter.want] = person if parameter.want is Want.PERSON else tuple(dict.fromkeys((*have, person)))

    def _sort(self, at: int, parameter: Parameter) -> int:
        return self._one_of(at, Want.SORT, recognise.SORTS)

    def _extent(self, at: int, parameter: Parameter) -> int:
        return self._one_of(at, Want.EXTENT, recognise.EXTENTS)

    def _percent(self, at: int, parameter: Parameter) -> int:
        words = self._words(at, 2)
        for count in range(len(words), 0, -1):
            found = recognise.percent(" ".join(words[:count]))
            if found is not None and Want.PERCENT not in self._found:
                self._found[Want.PERCENT] = found
                return count
        return 0

    def _delta(self, at: int, parameter: Parameter) -> int:
        found = recognise.delta(self.tokens[at].word)
        if found is None or Want.DELTA in self._found:
            return 0
        self._found[Want.DELTA] = found
        return 1

    def _mark(self, at: int, parameter: Parameter) -> int:
        return self._one_of(at, Want.MARK, recognise.MARKS)

    def _one_of(self, at: int, want: Want, names: Mapping[str, Any]) -> int:
        found = names.get(self.tokens[at].word)
        if found is None or want in self._found:
            return 0
        self._found[want] = found
        return 1

    def _role(self, at: int, parameter: Parameter) -> int:
        return self._one_of(at, Want.ROLE, recognise.ROLES)

    def _url(self, at: int, parameter: Parameter) -> int:
        token = self.tokens[at]
        if Want.URL in self._found:
            return 0
        if token.span is not None and token.span.kind == "link":
            self._found[Want.URL] = token.span.target or token.span.text
            return 1
        if token.word.startswith(("http://", "https://")):
            self._found[Want.URL] = flat(token.typed)
            return 1
        return 0

    def _english(self, at: int, parameter: Parameter) -> int:
        after = self.tokens[at + 1 :]
        if self.tokens[at].word not in ("en", "英文", "english") or not after or Want.ENGLISH in self._found:
            return 0
        if after[0].quoted:
            self._found[Want.ENGLISH] = flat(after[0].typed)
            return 2
        said = flat(together(self.parts[after[0].start :]))
        if not said.isascii():
            return 0
        self._found[Want.ENGLISH] = said
        return 1 + len(after)

    def _count(self, at: int, parameter: Parameter) -> int:
        word = self.tokens[at].word.removeprefix("#")
        if Want.COUNT in self._found or not (word.isascii() and word.isdecimal() and len(word) <= 6):
            return 0
        self._found[Want.COUNT] = int(word)
        return 1

    def _item(self, at: int, parameter: Parameter) -> int:
        found = recognise.item_number(self.tokens[at].word)
        if found is None or Want.ITEM in self._found:
            return 0
        self._found[Want.ITEM] = found
        return 1

    # ------------------------------------------------------------ what remains
    def _bare_words(self) -> None:
        """Without a text to be part of, a bare name is a person, a bare word the role or word that is asked for."""
        for at in self.free():
            token = self.tokens[at]
            parameter = self.wants.get(Want.PEOPLE) or self.wants.get(Want.PERSON)
            if parameter is not None and token.word and not (parameter.want is Want.PERSON and Want.PERSON in self._found):
                named = self.ctx.reads.people_called(flat(token.typed))
                if named or token.word in ("我", "me"):
                    meant = person_meant(self.ctx, None, flat(token.typed))
                    if isinstance(meant, Say):
                        raise Refused(meant)
                    self._add(parameter, meant)
                    self.taken[at] = True
                    continue
            if token.word in recognise.FILLERS and (len(self.free()) > 1 or Want.WORD not in self.wants):
                self.taken[at] = True
        for want, read in ((Want.ROLE, recognise.role), (Want.WORD, str)):
            if want in self.wants and want not in self._found and (left := self.free()):
                self._found[want] = read(flat(self.tokens[left[0]].typed))
                self.taken[left[0]] = True

    def _text(self) -> None:
        if self.has_text:
            text = left_over(self.parts, self.tokens, self.taken)
            if text:
                self._found[Want.TEXT] = text
            if Want.UNSURE in self.wants and not self._unsure and Want.SERVICES not in self._found:
                ahead = service_ahead(self.ctx, flat(text))
                if ahead is not None:
                    self._unsure[ahead[0]] = ahead[1]
        if Want.UNSURE in self.wants:
            self._found[Want.UNSURE] = tuple(self._unsure.items())

    def _narrowed(self) -> Mapping[Want, Any]:
        words = [token.word or fold(flat(token.typed)) for token in self.tokens]
        if not words:
            return {}
        only, unread = narrowed(self.ctx, words)
        if unread:
            raise refuse("unreadable", words=tuple(unread), example=self.declaration.example[self.ctx.lang])
        self.taken = [True] * len(self.tokens)
        return {Want.FILTER: only}


def _without_bracket(token: Token) -> tuple[Token, ...]:
    """Part `【演练】` from what is glued behind it."""
    typed = flat(token.typed)
    for mark in recognise.BRACKETED_DRILL:
        size = len(mark)
        if token.word.startswith(mark) and token.word != mark and fold(typed[:size]) == mark:
            rest = typed[size:]
            return (
                Token((Span(typed[:size]),), mark, token.gap, token.start, token.start + size, False, token.chained),
                Token((Span(rest),), fold(rest), "", token.start + size, token.end, False, True),
            )
    return (token,)


_Claim = Callable[[Line, int, Parameter], int]
_CLAIMS: tuple[tuple[Want, _Claim], ...] = (
    (Want.DRILL, Line._flag),
    (Want.PRIVATE, Line._flag),
    (Want.NEW, Line._flag),
    (Want.WAIVER, Line._waiver),
    (Want.NEXT, Line._next),
    (Want.MOMENT, Line._moment),
    (Want.WHEN, Line._when),
    (Want.GROUPS, Line._groups),
    (Want.INCIDENT, Line._incident),
    (Want.OTHER, Line._incident),
    (Want.SEVERITY, Line._severity),
    (Want.SERVICES, Line._services),
    (Want.PERSON, Line._person),
    (Want.PEOPLE, Line._person),
    (Want.SORT, Line._sort),
    (Want.MARK, Line._mark),
    (Want.ROLE, Line._role),
    (Want.URL, Line._url),
    (Want.ENGLISH, Line._english),
    (Want.COUNT, Line._count),
    (Want.EXTENT, Line._extent),
    (Want.PERCENT, Line._percent),
    (Want.DELTA, Line._delta),
    (Want.ITEM, Line._item),
)
