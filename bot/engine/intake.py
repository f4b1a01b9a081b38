"""Handle what people say: once-only, authorised, run, committed, and only then answered."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import assert_never

import msgspec
import structlog

from bot.command import Answer, Context, Declaration
from bot.engine.answering import Answering
from bot.engine.aside import aside
from bot.engine.binding import Bound, bind, bind_asking, bind_press
from bot.engine.cards import card_of_incident
from bot.engine.carrying import Held, carry, carry_again, settle
from bot.engine.clicks import must_still_hold, redraw, renew
from bot.engine.forms import form_of, written
from bot.engine.health import Health, warned
from bot.engine.house import House
from bot.engine.links import REPORT, WRITING, new_link, page_link
from bot.engine.listening import awaited, hear, overhear
from bot.engine.menus import meant, number_in, number_reply
from bot.engine.people import account_of, with_people
from bot.engine.pointing import CHANGES, pointed_by, read_pointed, reflect
from bot.engine.reading import Ambiguous, Asked, Call, NoSuch, Nothing, Read, read
from bot.engine.run import DECLARING, recorded
from bot.engine.waiting import note_asker
from bot.errors import NotStored, Refused, refuse
from bot.metrics import Metrics
from bot.model.card import Card
from bot.model.decoding import prepare
from bot.model.event import LanguageChosen, RoomLanguageSet, Status, Via
from bot.model.form import Form
from bot.model.ids import IncidentId, PersonId
from bot.model.incident import Incident
from bot.model.person import ALL_SEEING, Actor, ActorKind, Standing, Viewer
from bot.model.press import Press
from bot.model.room import Room
from bot.model.say import Say, say
from bot.model.story import Pointed
from bot.model.text import Span, flat, plain
from bot.oncall.duty import on_call_for
from bot.ports import Capability, Filter, Inbound, InboundKind, Place, Reads, Reply, Store, UnitOfWork
from bot.prose import Show
from bot.report import brief, document, gather
from bot.rules.world import World, page
from bot.show import joined
from bot.views.titles import one_line, title_of

DEADLINE = 2.5  # seconds until we say "not recorded yet" or let the platform deliver again
LONGEST_WORD = 60.0  # seconds that the word whether an answer went out may take
LONGEST = 4000  # characters of a message that is read; longer ones would hold up everybody's transactions
_ANSWER = prepare(Reply)
_ON_A_QUOTE = frozenset({"report", "declare"})
_STALE_MAY_RUN = frozenset({"note"})  # a late note is stored at its own time

log = structlog.get_logger("intake")


@dataclass(frozen=True, slots=True)
class Reader:
    """Say how to show a form to somebody: language, time zone, whom they most likely mean, and what it is about."""

    lang: str
    tz: str
    people: tuple[tuple[PersonId, str], ...] = ()
    about: str = ""


class Intake:
    """Turn an inbound delivery into a reply, at most once changing anything."""

    def __init__(self, store: Store, house: House, metrics: Metrics, health: Health | None = None) -> None:
        self._store, self._house, self._metrics = store, house, metrics
        self._health = health or Health(house.clock)
        self._settling: set[asyncio.Task[None]] = set()

    async def handle(self, inbound: Inbound, *, page: bool = False) -> Reply:
        """Answer a delivery after its effect is durable; `page` = the answer is shown on a page of ours, to the speaker alone.

        Raises `NotStored` when nothing was written in time: the platform should deliver again, and a repeat gets the
        first answer.
        """
        started = time.perf_counter()
        outcome = "failed"
        job: asyncio.Task[tuple[Reply, str, Held | None]] | None = None
        try:
            meant = await self._about_us(inbound)
            if meant is None:
                outcome = "ignored"
                return Reply()
            inbound = meant
            job = asyncio.create_task(self._store.tx(lambda uow: self._once(uow, meant, page)))
            reply, outcome, held = await asyncio.wait_for(asyncio.shield(job), DEADLINE)
            if reply.shows is not None and inbound.written is not None:
                self._keep(asyncio.create_task(self._settle(inbound, reply.shows, inbound.written, held)))
            return reply
        except TimeoutError:
            assert job is not None
            job.add_done_callback(_forget)
            raise NotStored from None
        except NotStored:
            raise
        except Exception as error:
            log.exception("delivery_failed", connection=inbound.connection, key=inbound.key, error=repr(error))
            self._metrics.loop_error("intake")
            kind = type(error).__name__
            return await self._store.tx(lambda uow: self._apologise(uow, inbound, kind))
        finally:
            self._metrics.delivery(inbound.connection, outcome, time.perf_counter() - started)

    async def _about_us(self, inbound: Inbound) -> Inbound | None:
        """Give a delivery with what it points at; None = it is about nothing of ours."""
        if inbound.kind is not InboundKind.OVERHEARD:
            return await read_pointed(self._store, self._house, inbound)
        now = self._house.clock.now()
        waits = await self._store.read(lambda reads: awaited(reads, self._house, inbound, now), ALL_SEEING)
        return inbound if waits is not None else None

    async def form(self, inbound: Inbound) -> tuple[Reply, Reader]:
        """Give the form that a click asks for, to be filled in on a page of ours, and how to show it; keeps nothing."""

        def job(uow: UnitOfWork) -> tuple[Reply, Reader]:
            delivery = _Delivery(uow, self._house, inbound, self._house.clock.now(), page=True)
            return delivery.run()[0], delivery.reader

        return await self._store.tx(job)

    async def stop(self) -> None:
        """Leave the answers that are not out yet to their effects."""
        for task in tuple(self._settling):
            task.cancel()
        await asyncio.gather(*self._settling, return_exceptions=True)

    def _keep(self, task: asyncio.Task[None]) -> None:
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, inbound: Inbound, shows: Card, written: Awaitable[bool], held: Held | None) -> None:
        """Wait for the word that the answer went out; without it the hold runs out and the effect shows the card."""
        word = asyncio.ensure_future(written)
        await asyncio.wait([word], timeout=LONGEST_WORD)
        if not word.done() or word.cancelled() or word.exception() is not None or not word.result():
            return
        now = self._house.clock.now()
        try:
            await self._store.tx(lambda uow: settle(uow, self._house, inbound, shows, held, now))
        except NotStored as error:
            log.warning("answer_not_settled", connection=inbound.connection, key=inbound.key, error=str(error))

    def _once(self, uow: UnitOfWork, inbound: Inbound, page: bool) -> tuple[Reply, str, Held | None]:
        stored = uow.delivered(inbound.connection, inbound.key)
        if stored is not None:
            reply: Reply = _ANSWER(stored)
            return carry_again(uow, self._house, inbound, reply, self._house.clock.now()), "repeated", None
        form = f"form:{inbound.press.form}" if inbound.press is not None and inbound.press.form else None
        if form is not None:
            uow.alone(f"{inbound.connection}:{form}")  # two presses of one form must see each other
            sent = uow.delivered(inbound.connection, form)
            if sent is not None:
                reply = _ANSWER(sent)
                return carry_again(uow, self._house, inbound, reply, self._house.clock.now()), "repeated", None
        now = self._house.clock.now()
        if inbound.kind is InboundKind.OVERHEARD:
            overhear(uow, self._house, inbound, now)
            return Reply(), "done", None
        if inbound.kind in CHANGES:
            reflect(uow, self._house, inbound, now)
            return Reply(), "done", None
        delivery = _Delivery(uow, self._house, inbound, now, page)
        started = time.perf_counter()
        reply, keep = delivery.run()
        note_asker(uow, delivery.told, delivery.speaker, now)
        delivery.notice()
        reply = warned(reply, delivery.recorded, self._health, self._house, uow, delivery.show)
        if not page:
            reply = aside(uow, delivery.reads, self._house, inbound, reply, delivery.told, delivery.show)
            reply = number_reply(uow, self._house, inbound, reply, delivery.show)
        renew(uow, inbound, uow.room_at(inbound.connection, inbound.chat))
        reply, held = carry(uow, self._house, inbound, reply, delivery.told, delivery.show, now)
        self._metrics.command(delivery.command, time.perf_counter() - started)
        if keep:
            answer = msgspec.json.encode(delivery.kept or reply)
            uow.keep_delivery(inbound.connection, inbound.key, answer, now)
            if form is not None and not delivery.refused:  # a refused form may be corrected and sent again
                uow.keep_delivery(inbound.connection, form, answer, now)
        return reply, "refused" if delivery.refused else "done", held

    def _apologise(self, uow: UnitOfWork, inbound: Inbound, kind: str) -> Reply:
        """Tell the person that a bug kept their command from running, and the admins which; an hour's repeats are one."""
        house, now = self._house, self._house.clock.now()
        world = World(house, uow, now, ())
        text = say("bug_met", kind=kind, delivery=f"{inbound.connection}:{inbound.key}")
        for admin in sorted(house.policy.admins):
            uow.want(list(page(world, admin, text, f"bug/{kind}/{now:%Y%m%d%H}/{admin}", None)), now)
        account = uow.account(inbound.connection, inbound.speaker.id)
        person = uow.person(account.person) if account is not None else None
        lang = (person.lang if person is not None else None) or house.policy.lang
        show = house.show(uow.reads(ALL_SEEING), lang, now)
        told = say("bug_answer")
        return aside(uow, uow, house, inbound, Reply(house.prose.say(told, show), refused=True), told, show)


class _Delivery:
    """Work one delivery through inside its transaction."""

    def __init__(self, uow: UnitOfWork, house: House, inbound: Inbound, now: datetime, page: bool = False) -> None:
        self._uow, self._house, self._inbound, self._now, self._page = uow, house, inbound, now, page
        self.refused = False
        self.command = "none"
        self.told: Say | None = None  # what the answer says
        self.kept: Reply | None = None  # in place of an answer that must not be kept
        self.recorded: Incident | None = None  # the incident in whose log something was written
        self._account = account_of(uow, inbound.connection, inbound.speaker, now)
        self._person = uow.person(self._account.person)
        self.speaker: PersonId = self._account.person
        self.reads: Reads = uow.reads(Viewer(self.speaker, admin=self.speaker in house.policy.admins))
        self._room: Room | None = uow.room_at(inbound.connection, inbound.chat)
        self._lang = self._language()
        self._clicked = inbound.press is not None
        self._limits = house.limits[inbound.connection]
        self._about: IncidentId | None = None  # what the delivery is about
        self._form: Form | None = None  # what to fill in instead, where something lacks
        self._link: Say | None = None  # or where to fill it in
        self._pointed = pointed_by(uow, inbound, now)

    def run(self) -> tuple[Reply, bool]:
        """Give the reply, and whether it must be kept (something was written or refused)."""
        try:
            if self._account.outsider or self._inbound.speaker.bot:
                raise refuse("outsider")
            number = number_in(self._inbound.text) if self._limits.menus and self._inbound.press is None else None
            if number is not None:
                chosen = meant(self._uow, self._inbound, number, self._now)
                if isinstance(chosen, str):
                    return self._listed(chosen), True
                # Nobody who reads a number knows what was done, so it counts as something that nobody saw.
                self._inbound = replace(self._inbound, press=chosen, text=())
            if self._inbound.press is not None:
                declaration = self._house.declarations.get(self._inbound.press.command)
                if declaration is None:
                    raise refuse("stale_click")
                if self._inbound.press.asks:
                    return self._open(declaration, self._inbound.press), False
                return self._execute(declaration, None)
            if self._inbound.kind is InboundKind.POINTED:
                declaration = self._house.declarations[self._inbound.becomes]
                return self._execute(declaration, Call(declaration, word=declaration.words[0]))
            return self._understand()
        except Refused as refused:
            self.refused = True
            if self._inbound.kind is InboundKind.POINTED and refused.reason.key == "quote_noted":
                return Reply(refused=True), True  # a second pin or reaction changes nothing, and nobody asked for words
            if self._clicked and not self._page and self._inbound.press is not None and not self._inbound.press.form:
                redraw(self._uow, self._inbound, self._room, self._now)
            reply = replace(self._say(refused.reason), refused=True, field=self._field(refused), form=self._form)
            if self._link is None:
                return reply, True
            self.kept = reply  # the link's secret is kept nowhere: a repeated delivery reads the same words without it
            return replace(reply, text=joined((*reply.text, Span("\n"), *self._house.prose.say(self._link, self.show)))), True

    def notice(self) -> None:
        """Count whoever was called as there, by anything that they say or click; not so that they pass it on, or mere emoji."""
        implied = self._about or (self._room.incident if self._room is not None else None)
        if implied is None and self._inbound.place is Place.DIRECT:
            direct = self._implied()
            implied = direct.id if direct is not None else None
        press = self._inbound.press
        if implied is None or self.command == "pass" or (press is not None and press.command == "pass"):
            return
        known = self.reads.incident(implied)
        if known is not None:
            hear(self._uow, self._house, self._inbound, known, self._account.person, self._seen(), self._now)

    def _listed(self, why: str) -> Reply:
        """Say that a number stands for nothing, and number what stands there now."""
        self.refused = True
        implied = self._implied()
        card = None
        if implied is not None:
            card = Card("", "grey", buttons=card_of_incident(implied, self._uow, self._house, self.show).buttons, lang=self._lang)
        reply = self._say(say("menu_gone", why=why, now_listed=card is not None))
        aloud = self._room is not None and not self._can(Capability.PRIVATE)  # a room's menu is no secret
        return replace(reply, card=card, refused=True, private=not aloud)

    def _understand(self) -> tuple[Reply, bool]:
        text = with_people(self._uow, self._inbound.connection, self._inbound.text, self._now)
        length = len(flat(text))
        if length > LONGEST:
            raise refuse("too_long", limit=LONGEST, length=length)
        implied = self._implied()
        pending = implied is not None and implied.status is Status.PENDING
        understood: Read = read(text, self._house.vocabulary, lang=self._lang, pending=pending)
        match understood:
            case Call():
                return self._execute(understood.declaration, self._on_a_quote(understood))
            case Asked():
                return self._asked(understood, implied), False
            case Ambiguous():
                return self._say(
                    say("ambiguous", word=understood.word, options=understood.options, meant=understood.meant)
                ), False
            case NoSuch():
                return self._say(say("no_such", word=understood.word, nearest=understood.nearest, rest=understood.rest)), False
            case Nothing():
                return self._execute(self._house.declarations["help"], None)
            case _:
                assert_never(understood)

    def _on_a_quote(self, call: Call) -> Call:
        """Let a bare `上报` on what somebody else said mean their words."""
        pointed = self._pointed
        quotes = not call.rest and call.declaration.name in _ON_A_QUOTE and isinstance(pointed, Pointed)
        return replace(call, rest=pointed.text) if quotes and isinstance(pointed, Pointed) else call

    def _asked(self, asked: Asked, implied: Incident | None) -> Reply:
        """Answer a question with how things stand; it never changes anything."""
        brief = self._house.declarations["brief"]
        if implied is None:
            return self._say(say("asked_nowhere"))
        answer = brief.function(self._context(implied), incident=implied)
        told = answer if isinstance(answer, Say) else answer.say
        return self._say(say("asked", brief=told, line=asked.line))

    def _execute(self, declaration: Declaration, call: Call | None) -> tuple[Reply, bool]:
        self.command = declaration.name
        self._not_too_late(declaration)
        if declaration.changes and (declaration.alone or not declaration.takes_incident):
            self._uow.alone(DECLARING)  # two who declare the same at once, on two replicas, must see each other
        implied = self._implied(lock=declaration.changes)
        ctx = self._context(implied)
        lock = self._locked if declaration.changes else self.reads.incident
        press = self._inbound.press
        if press is not None:
            bound = bind_press(declaration, press.args, ctx, implied=implied, lock=lock)
        elif call is not None:
            bound = bind(call, ctx, implied=implied, lock=lock)
        else:
            bound = Bound({name: default for name, _, default in declaration.parameters}, implied)
        incident = bound.incident
        self._about = incident.id if incident is not None else None
        if press is not None and incident is not None:
            must_still_hold(press, incident, self.reads)
        forced = self._allowed(declaration, incident, call.force if call else None)
        ctx = self._context(incident, forced)
        try:
            result = declaration.function(ctx, **bound.arguments)
        except Refused as refused:
            if call is not None:
                self._offer_form(declaration, bound, refused, ctx)
            raise
        if isinstance(result, Say):
            return self._say(result, bound), False
        if not declaration.changes:
            answer = result if isinstance(result, Answer) else Answer(result)
            return self._say(answer.say or say("nothing_to_say"), bound), False
        cause = f"{self._inbound.connection}:{self._inbound.key}"
        done = recorded(self._uow, self._house, ctx, result, incident, cause)
        self.recorded = done.incident if done.events else None
        if any(isinstance(event.payload, (LanguageChosen, RoomLanguageSet)) for event in done.events):
            self._person = self._uow.person(self._account.person)
            self._room = self._uow.room_at(self._inbound.connection, self._inbound.chat)
            self._lang = self._language()  # who asks for a language is answered in it
        if done.answer.instead is not None:
            self.kept = self._say(done.answer.instead)
        if done.answer.say is not None:
            return self._say(done.answer.say, bound, after=done.incident), True
        if not done.events:
            return self._say(say("nothing_changed"), bound), True
        return self._say(say("tick", n=done.events[0].n), bound, tick=True), True

    # ------------------------------------------------------------ forms
    def _open(self, declaration: Declaration, press: Press) -> Reply:
        """Answer a click that asks for its command's form; nothing is changed or kept."""
        self.command = declaration.name
        implied = self._implied()
        ctx = self._context(implied)
        incident = bind_asking(declaration, press.args, ctx, implied=implied, lock=self.reads.incident)
        if incident is not None:
            must_still_hold(press, incident, self.reads)
        self._allowed(declaration, incident, None)
        form = form_of(declaration, ctx, self._house.prose, self.show, given=press.args, assumes=press.assumes, incident=incident)
        if form is None:
            raise refuse("stale_click")
        opens = self._page or self._can(Capability.FORM)
        linked = self._linked(form, press) if not opens else None
        usage, example = declaration.usage[self._lang], declaration.example[self._lang]
        typed = self._say(say("form_typed", usage=plain(usage), example=plain(example), linked=linked))
        return replace(typed, form=form if opens else None)

    def _linked(self, form: Form, press: Press) -> Say | None:
        """Offer a form on the web; None where no link can be given to the speaker alone."""
        about = press.args.get("incident") or (implied.id if (implied := self._implied()) is not None else None)
        if press.command == "postmortem" and about is not None:
            link = page_link(self._uow, self._house, self._inbound, WRITING, IncidentId(about), self._now)
            return say("page_linked", title=form.title, link=link) if link is not None else None
        link = new_link(self._uow, self._house, self._inbound, press, self._now)
        return say("form_linked", title=form.title, link=link) if link is not None else None

    def _offer_form(self, declaration: Declaration, bound: Bound, refused: Refused, ctx: Context) -> None:
        """Offer the form of a typed command that lacks just what it was refused for, filled with what was typed."""
        asked = {ask.name for ask in declaration.form}
        if refused.field not in asked or bound.arguments.get(refused.field):
            return
        given = written(declaration, bound.arguments, ctx)
        form = form_of(declaration, ctx, self._house.prose, self.show, given=given, incident=bound.incident)
        if form is None or self._can(Capability.FORM):
            self._form = form
        else:
            self._link = self._linked(form, Press(declaration.name, given))

    def _field(self, refused: Refused) -> str | None:
        declaration = self._house.declarations.get(self.command)
        asked = {ask.name for ask in declaration.form} if declaration is not None else set()
        return refused.field if refused.field in asked else None

    def _can(self, capability: Capability) -> bool:
        return self._house.can(self._inbound.connection, capability)

    # ------------------------------------------------------------ who, where, what about
    def _language(self) -> str:
        """Give the language of the answer: the person's own in a direct chat, else the room's, else the house's."""
        own = self._person.lang if self._person is not None else None
        if own is None and self._account.locale:
            own = "en" if self._account.locale.lower().startswith("en") else "zh"
        return own or (self._room.lang if self._room is not None else self._house.policy.lang)

    def _implied(self, lock: bool = False) -> Incident | None:
        """Give the incident of this room, or in a direct chat the speaker's only open one."""
        get = self._locked if lock else self.reads.incident
        if self._room is not None:
            return get(self._room.incident)
        if self._inbound.place is Place.DIRECT:
            mine = self.reads.incidents(Filter(open=True, involved=self._account.person, limit=2))
            return get(mine[0].id) if len(mine) == 1 else None
        return None

    def _locked(self, ident: IncidentId) -> Incident | None:
        """Lock an incident that the speaker may see."""
        return self._uow.lock_incident(ident) if self.reads.incident(ident) is not None else None

    def _context(self, incident: Incident | None, forced: str | None = None) -> Context:
        person: PersonId = self._account.person
        return Context(
            self._now, Actor(ActorKind.PERSON, person), self._standing(incident), self._lang, self._zone(), self._house.catalog,
            self._house.policy, self.reads, person=self._person, place=self._inbound.place,
            via=Via(self._inbound.connection, self._inbound.chat, self._inbound.message, self._seen()),
            room=self._room, forced=forced, at=self._inbound.at, declarations=self._house.declarations, pointed=self._pointed,
        )  # fmt: skip

    def _standing(self, incident: Incident | None) -> Standing:
        person, house = self._account.person, self._house
        services = incident.services if incident is not None else tuple(house.catalog.services)
        # Where every member may respond anyway, nobody need be looked up.
        duty = house.policy.authority != "open" and person in on_call_for(house.catalog, self.reads, services, self._now)
        return house.standing(person, self._account.outsider, incident, duty)

    def _allowed(self, declaration: Declaration, incident: Incident | None, force: str | None) -> str | None:
        """Check the permission; gives the reason when somebody rightly goes over their standing."""
        person, standing = self._account.person, self._standing(incident)
        owner = incident is not None and declaration.may is Standing.COMMANDER and self._house.owns(person, incident)
        if standing >= declaration.may or owner:
            return force
        if force and standing > Standing.MEMBER:
            return force
        commander = incident.commander if incident is not None else None
        typed = flat(self._inbound.text).strip() or declaration.usage[self._lang]
        raise refuse("not_allowed", line=plain(typed), commander=commander, may_force=standing > Standing.MEMBER)

    def _zone(self) -> str:
        own = self._person.tz if self._person is not None else None
        return own or self._account.tz or self._house.policy.timezone

    def _not_too_late(self, declaration: Declaration) -> None:
        late = self._now - self._inbound.at
        if declaration.changes and late > self._house.policy.late_after and declaration.name not in _STALE_MAY_RUN:
            raise refuse("too_late", minutes=int(late.total_seconds() // 60), line=flat(self._inbound.text))

    # ------------------------------------------------------------ words
    @property
    def reader(self) -> Reader:
        """Say who fills a form in on a page, and whom they may mean."""
        incident = self._implied()
        ident = self._inbound.press.args.get("incident") if self._inbound.press is not None else None
        about = self.reads.incident(IncidentId(ident)) if ident else incident
        owners = {owner for service in self._house.catalog.services.values() for owner in service.owners()}
        known = dict.fromkeys([*(about.involved if about is not None else ()), *sorted(owners | self._house.policy.admins)])
        people = [person for ident in known if (person := self._uow.person(ident)) is not None and person.active]
        told = ""
        if ident and about is not None:
            told = one_line((Span(f"{about.id} {about.severity} "), *title_of(about, self._house.prose, self.show)))
        return Reader(self._lang, self._zone(), tuple({person.id: person.name for person in people}.items()), told)

    @property
    def show(self) -> Show:
        """Show things to the speaker."""
        hail = self._limits.hail if self._inbound.place is Place.GROUP else ""
        return self._house.show(self._uow.reads(ALL_SEEING), self._lang, self._now, self._zone(), hail)

    def _say(self, told: Say, bound: Bound | None = None, after: Incident | None = None, tick: bool = False) -> Reply:
        self.told = told
        params = dict(told.params)
        if after is not None:
            params["incident"] = after
        if "page" in params:
            params |= self._paged(str(params["page"]), params["incident"])
        # Help is long and says what to type: numbers would say it twice.
        numbered = self._limits.menus and told.key != "help_here"
        offers = not self._page and (self._can(Capability.CARD) or numbered)
        implied = self._implied() if offers else None  # only buttons need it
        answering = Answering(self._house, self.show, offers, self._uow.reads(ALL_SEEING), self._context(implied), implied)
        reply = answering.reply(Say(told.key, params), bound.notes if bound is not None else (), tick=tick)
        return reply if self._seen() else replace(reply, private=True)

    def _paged(self, page: str, incident: Incident) -> dict[str, object]:
        """Give a link to a page that lasts; of a report its words, where no link can be given."""
        link = page_link(self._uow, self._house, self._inbound, page, incident.id, self._now)
        if link is not None or page != REPORT:
            return {"link": link}
        reads = self._uow.reads(ALL_SEEING)
        return {"link": None, "words": brief(document(gather(reads, incident), self._house.prose, self.show))}

    def _seen(self) -> bool:
        """Say whether everybody there saw what was said; nobody sees a click or a form."""
        return self._inbound.seen and self._inbound.press is None


def _forget(job: asyncio.Task[tuple[Reply, str, Held | None]]) -> None:
    """Take note of a job that ended after its deadline; its stored answer goes to the repeated delivery."""
    if not job.cancelled() and job.exception() is not None:
        log.warning("late_delivery_failed", error=repr(job.exception()))
