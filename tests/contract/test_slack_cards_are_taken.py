"""Every card and form that the adapter makes, at any size, is posted to the Slack stand-in and taken; nothing vanishes."""

from __future__ import annotations

import json
import re
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.slack.render import answer, card, modal
from adapters.sandbox.slack import demo
from adapters.sandbox.slack.desk import Said
from adapters.sandbox.slack.standin import Slack
from adapters.sandbox.slack.workspace import App
from bot.model.card import Button, Card, Field
from bot.model.form import Entry, Form, Input, Option
from bot.model.text import plain
from bot.ports import Reply

# Characters and bytes at, below and above every figure that Slack documents, and the undocumented total.
PIECES = ("x", "汉", "😀", "&", "é")
LENGTHS = (1, 74, 75, 76, 149, 150, 151, 1999, 2000, 2001, 2999, 3000, 3001, 11_999, 12_000, 12_001, 13_200)
SIZED = st.builds(lambda piece, length: piece * length, st.sampled_from(PIECES), st.sampled_from(LENGTHS))
SHORT = st.builds(lambda piece, length: piece * length, st.sampled_from(PIECES), st.sampled_from((1, 20, 75)))


class Desk:
    """Post to one stand-in."""

    def __init__(self) -> None:
        self.app = App(events=())  # nobody listens: what is posted here is delivered to nobody
        self.slack = Slack(demo.users(), demo.channels(self.app), app=self.app, limited=False)
        self.channel = next(c.id for c in self.slack.workspace.channels.values() if c.name == "incidents")

    def take(self, method: str, **given: Any) -> Said:
        return self.slack.desk.take(method, json.loads(json.dumps(given)), {"authorization": f"Bearer {self.app.bot_token}"})


@settings(max_examples=60)
@given(
    SIZED, st.integers(0, 200), st.booleans(), SIZED, st.integers(0, 40), st.lists(SHORT, max_size=3),
    st.integers(0, 200),
)  # fmt: skip
def test_a_card_of_up_to_200_entries_is_taken_and_counts_what_it_leaves_out(
    headline: str, entries: int, long: bool, sub: str, buttons: int, labels: list[str], options: int
) -> None:
    desk = Desk()
    fields = tuple(Field(f"k{n}", plain(f"v{n}" * (40 if long else 1))) for n in range(entries))
    made = tuple(Button(f"b{n}", "note", "", (("n", str(n)),)) for n in range(buttons))
    family = Button(
        "choose", "severity", "", options=tuple(Button(f"o{n}", "severity", "", (("to", str(n)),)) for n in range(options))
    )
    shown = Card(
        headline, "red", sub=sub, fields=fields, buttons=(*made, *((family,) if options else ())), footer="".join(labels)
    )
    body = card(shown)
    said = desk.take("chat.postMessage", channel=desk.channel, **body)
    assert said.body["ok"], said.body
    assert desk.take("chat.update", channel=desk.channel, ts=said.body["ts"], **body).body["ok"]
    drawn = json.dumps(body, ensure_ascii=False)
    kept = sum(f"*k{n}*" in drawn for n in range(entries))
    left = re.search(r"… (?:还有 )?(\d+) (?:项|more)", drawn)
    assert kept + (int(left[1]) if left else 0) == entries
    if left:
        assert "/incident " in drawn  # and how to see them
    if shown.buttons:
        offered = sum(f'"text": "b{n}"' in drawn for n in range(buttons)) + sum(
            f'"text": "o{n}"' in drawn for n in range(options)
        )
        more = sum(int(n) for n in re.findall(r"\(… (\d+)\)", drawn))
        assert offered + more == buttons + options, (offered, more, buttons, options)


@settings(max_examples=60)
@given(SIZED, SIZED)
def test_an_answer_of_any_length_is_taken(words: str, headline: str) -> None:
    desk = Desk()
    body = answer(Reply(plain(words), card=Card(headline, "red", buttons=(Button("ok", "note", ""),))))
    assert body is not None
    said = desk.take("chat.postEphemeral", channel=desk.channel, user="U0ZHANG", **body)
    assert said.body["ok"], said.body


@settings(max_examples=60)
@given(SHORT, st.integers(1, 10), SIZED, st.integers(0, 200))  # more or longer labels would not be ours
def test_a_form_of_any_size_is_opened(words: str, entries: int, typed: str, options: int) -> None:
    desk = Desk()
    chosen = tuple(Option(str(n), f"o{n}") for n in range(options))
    kinds = (Input.LINE, Input.TEXT, Input.CHOICE, Input.CHOICES, Input.TIME, Input.PERSON, Input.PEOPLE, Input.FLAG)
    made = tuple(
        Entry(f"e{n}", words, kinds[n % len(kinds)], options=chosen, value=typed if n % len(kinds) < 2 else "", hint=words)
        for n in range(entries)
    )
    view = modal(Form("declare", words, words, made, typed), {"chat": desk.channel})
    said = desk.take("views.open", trigger_id=desk.slack.windows.trigger("U0ZHANG"), view=view)
    assert said.body["ok"], said.body
