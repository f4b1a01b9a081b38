"""What people do with modals: fill in what is drawn, send it, close it; and what the app's answer does."""

from __future__ import annotations

from typing import Any

from adapters.sandbox.pages import Cannot
from adapters.sandbox.slack import parcels
from adapters.sandbox.slack.acts import Act, People, find_element
from adapters.sandbox.slack.args import No
from adapters.sandbox.slack.choices import taken
from adapters.sandbox.slack.modals import Modal, checked, unfinished
from adapters.sandbox.slack.parcels import Outcome

TROUBLE = "We had some trouble connecting. Try again?"


class Forms:
    """Act for people on the modal that they have on top."""

    def __init__(self, people: People) -> None:
        self.people = people

    def modal(self, person: str, ident: str) -> Modal:
        """Find the modal on top of what a person has open."""
        stack = self.people.windows.open.get(self.people.user(person).id)
        if not stack or stack[-1].id != ident:
            raise Cannot(f"{person} sees no modal {ident!r}")
        return stack[-1]

    def fill(self, person: str, ident: str, block: str, action: str, value: Any, confirmed: bool = False) -> Act | None:
        """Fill in or press an element of the open modal; gives an act where the app hears of it."""
        user, modal = self.people.user(person), self.modal(person, ident)
        found = next((b for b in modal.view["blocks"] if b["block_id"] == block), None)
        element = find_element(modal.view["blocks"], block, action)
        said = self.people.chosen(element, block, value, confirmed)
        if element["type"] not in ("button", "overflow"):
            modal.filled.setdefault(block, {})[action] = taken(self.people.workspace, element, value)
            modal.errors.pop(block, None)
            self.people.workspace.touch()
        if found is not None and found["type"] == "input" and not found.get("dispatch_action"):
            return None
        act = self.people.act(person, action, None)
        trigger = self.people.windows.trigger(person, modal.id)
        return self.people.carry(
            parcels.pressed_in_view(self.people.workspace, user, self.people.windows.told(modal), said, trigger), act
        )

    def submit(self, person: str, ident: str) -> Act | None:
        """Send the open modal; None = the client found something missing and shows it."""
        user, modal = self.people.user(person), self.modal(person, ident)
        if not modal.view.get("submit") or modal.view.get("submit_disabled"):
            raise Cannot("it has nothing to send it with")
        if modal.busy:
            raise Cannot("it is being sent")
        modal.trouble = ""
        modal.errors = unfinished(modal)
        modal.busy = not modal.errors
        self.people.workspace.touch()
        if modal.errors:
            return None
        act = self.people.act(person, modal.view.get("callback_id", ""), None)
        parcel = parcels.submitted(
            self.people.workspace, user, self.people.windows.told(modal), self.people.windows.trigger(person, modal.id)
        )

        async def done(outcome: Outcome) -> None:
            modal.busy = False
            error = outcome.error or self._answered(modal, outcome.answer or {})
            if error:
                modal.trouble = TROUBLE
            self.people.over(act, error)

        return self.people.carry(parcel, act, done)

    def _answered(self, modal: Modal, answer: dict[str, Any]) -> str:
        """Do what the app answered to a modal that was sent; gives what was wrong with the answer."""
        try:
            match answer.get("response_action"):
                case None:
                    self.people.windows.close(modal)
                case "clear":
                    self.people.windows.close(modal, everything=True)
                case "errors":
                    wrong = answer.get("errors")
                    inputs = {b["block_id"] for b in modal.view["blocks"] if b["type"] == "input"}
                    if not isinstance(wrong, dict) or not wrong or not set(wrong) <= inputs:
                        return "invalid_errors"
                    modal.errors = {block: str(words) for block, words in wrong.items()}
                case "update":
                    self.people.windows.change(modal, checked(answer.get("view")))
                case "push":
                    self.people.windows.show(modal.person, checked(answer.get("view")), push=True)
                case _:
                    return "invalid_response_action"
        except No as no:
            return no.error
        return ""

    def close(self, person: str, ident: str) -> Act | None:
        """Close the open modal; the app hears of it only if it wanted to."""
        user, modal = self.people.user(person), self.modal(person, ident)
        everything = bool(modal.view.get("clear_on_close"))
        self.people.windows.close(modal, everything)
        if not modal.view.get("notify_on_close"):
            return None
        act = self.people.act(person, "close", None)
        return self.people.carry(parcels.closed(self.people.workspace, user, self.people.windows.told(modal), everything), act)
