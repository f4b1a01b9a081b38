"""Break one line behind each proof and check that the proof turns red; exits 1 when a broken build passes.

The same tests and lives must be green on the copy that is not broken, else their red would prove nothing.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from tests.crash.build import Break, copy, environment
from tests.crash.plain import PlainScene
from tests.crash.proof import Proof
from tests.crash.sabotaged import PLAIN, SLACK, Sabotaged
from tests.crash.scene import Scene
from tests.crash.slack import SlackScene

WITHIN = 300.0  # seconds that one run of a test may take
AT_ONCE = 3  # broken copies


@dataclass(frozen=True, slots=True)
class Tested:
    """Join a broken line with the fast test of the default suite that must notice it."""

    broken: Break
    test: str


OUTAGES = "tests/outages/test_slack_outages.py::test_commands_are_answered_while_the_api_is_away_and_all_arrives_afterwards"
TESTED = (
    Tested(
        Break(
            "once-only",
            "the answer to a delivery was not kept",
            "bot/engine/intake.py",
            "uow.keep_delivery(inbound.connection, inbound.key, answer, now)",
            "pass",
        ),
        "tests/engine/test_intake.py::test_a_repeated_delivery_gets_the_first_answer_and_does_nothing_else",
    ),
    Tested(
        Break(
            "an answer ends the ladder",
            "what waits to press somebody stayed when they answered",
            "bot/engine/run.py",
            "self.uow.call_off(lane_of(incident.id, person))",
            "pass",
        ),
        "tests/engine/test_ladder.py::test_what_waits_to_press_somebody_is_dropped_with_their_answer",
    ),
    Tested(
        Break(
            "a silence that is being set",
            "nobody was told to end a silence that was stopped before it had been answered",
            "bot/rules/muting.py",
            "stopped = isinstance(event.payload, ev.SilenceStopped | ev.Undone)",
            "stopped = False",
        ),
        "tests/engine/test_muting.py::test_what_is_stopped_while_it_is_being_set_is_heard_as_soon_as_that_was_answered",
    ),
    Tested(
        Break(
            "the log and the rows",
            "a fact that follows from another changed the row and was not logged",
            "bot/engine/run.py",
            "self.uow.save_incident(incident, self.events[ident])",
            "self.uow.save_incident(incident, self.events[ident][:1])",
        ),
        "tests/engine/test_fold.py::test_the_log_folded_gives_the_rows_whatever_is_typed",
    ),
    Tested(
        Break(
            "transitions",
            "an incident could be closed before it had recovered",
            "bot/model/incident.py",
            "if incident.active:",
            "if False:",
        ),
        "tests/commands/test_life_machine.py",
    ),
    Tested(
        Break(
            "first reads",
            "threads taught msgspec one class at once",
            "bot/model/decoding.py",
            "return msgspec.json.Decoder(kind).decode",
            "return lambda text: msgspec.json.decode(text, type=kind)",
        ),
        "tests/store/test_decoding.py::test_everything_that_threads_decode_is_learned_at_import",
    ),
    Tested(
        Break(
            "cards in answers",
            "a card was sent before the answer that carries it was out",
            "bot/engine/carrying.py",
            "held = Held(wish, now + HOLD, uow.hold_back(wish.lane, wish.kind, now + HOLD))",
            "held = Held(wish, now + HOLD, True)",
        ),
        "tests/engine/test_carrying.py::test_the_answer_carries_the_card_as_it_is_now_and_its_effect_waits",
    ),
    Tested(
        Break(
            "numbers",
            "a number meant what only somebody else was shown",
            "bot/engine/menus.py",
            'return f"{shared}/{own}", shared',
            "return shared, shared",
        ),
        "tests/engine/test_menus.py::test_a_private_answers_number_means_nothing_to_others",
    ),
    Tested(
        Break(
            "links",
            "a form was taken twice",
            "bot/engine/links.py",
            'if uow.delivered(link.connection, f"form:{link.hash}") is not None:',
            "if False:",
        ),
        "tests/engine/test_webforms.py::test_sending_it_runs_the_press_once_and_says_so",
    ),
    Tested(
        Break(
            "lanes",
            "two calls of one lane overlapped",
            "store/queue.py",
            "~_BEFORE,",
            "",
        ),
        "tests/store/test_queue.py",
    ),
    Tested(
        Break(
            "Retry-After",
            "Slack was called while it had asked to wait",
            "adapters/chat/slack/wire.py",
            "self._closed_until[gate] = time.monotonic() + heard.after",
            "pass",
        ),
        "tests/outages/test_slack_outages.py::test_nothing_is_sent_while_a_retry_after_is_pending",
    ),
    Tested(
        Break(
            "slow chats",
            "nobody was told that a chat was slow",
            "bot/engine/intake.py",
            "reply = warned(reply, delivery.recorded, self._health, self._house, uow, delivery.show)",
            "pass",
        ),
        f"{OUTAGES}[refused-socket]",
    ),
    Tested(
        Break(
            "half-open sockets",
            "a dead socket was kept for minutes",
            "adapters/chat/slack/listen.py",
            "web_client=self._wire.client(None), ping_interval=self._settings.ping_seconds,",
            "web_client=self._wire.client(None), ping_interval=60.0,",
        ),
        "tests/outages/test_slack_outages.py::test_a_half_open_socket_is_left_and_nothing_said_meanwhile_is_lost",
    ),
    Tested(
        Break(
            "mirrors: nothing lost",
            "a room took an entry for told that it was not",
            "bot/engine/perform.py",
            "uow.save_room(dataclasses.replace(fresh, told=hi))",
            "uow.save_room(dataclasses.replace(fresh, told=hi + 1))",
        ),
        "tests/engine/test_mirror_walk.py::test_nor_on_either_store[sqlite-2]",
    ),
    Tested(
        Break(
            "mirrors: no loop",
            "what was typed in a room was told there, too",
            "bot/model/telling.py",
            "return event.payload.telling is Telling.NOTICE or not seen_here",
            "return True",
        ),
        "tests/engine/test_mirror_walk.py::test_nor_on_either_store[sqlite-2]",
    ),
    Tested(
        Break(
            "mirrors: nothing double",
            "a message that may be there was sent again under another key",
            "bot/engine/perform.py",
            "frozen = effect.hi is not None and effect.maybe_sent",
            "frozen = False",
        ),
        "tests/engine/test_mirror.py::test_what_came_through_unheard_is_repeated_only_where_nobody_can_tell[sqlite-keys]",
    ),
    Tested(
        Break(
            "mirrors: one block",
            "what was under way had a heading of its own",
            "bot/engine/perform.py",
            "if _late(missed, now) and not _late(after, now):  # else it is the prelude of a block that has one",
            "if _late(missed, now):",
        ),
        "tests/engine/test_mirror.py::test_what_may_have_come_through_comes_first_and_the_rest_under_the_only_heading[sqlite-keys-lost]",
    ),
    Tested(
        Break(
            "Slack's sockets",
            "a socket was asked for while Slack had asked to wait",
            "adapters/chat/slack/opening.py",
            "self._due = max(self._due, time.monotonic() + wait)",
            "pass",
        ),
        "tests/outages/test_slack_outages.py::test_no_socket_is_asked_for_while_a_retry_after_is_pending",
    ),
    Tested(
        Break(
            "Feishu's deliveries",
            "what was not stored was acknowledged",
            "adapters/chat/feishu/connection.py",
            'said = {"code": 500} if ack.late else encoded(ack.body)',
            "said = encoded(ack.body)",
        ),
        "tests/adapters/test_feishu_end_to_end.py::test_what_could_not_be_stored_is_never_acknowledged",
    ),
    Tested(
        Break(
            "Feishu's signatures",
            "a forged request was believed",
            "adapters/chat/feishu/crypto.py",
            'if not hmac.compare_digest(sign(key, body, stamp, nonce).encode(), signature.encode("utf-8", "replace")):',
            "if False:",
        ),
        "tests/adapters/test_feishu_inbound.py::test_a_forged_or_old_request_is_refused",
    ),
    Tested(
        Break(
            "DingTalk's deliveries",
            "a failure inside an answer of success was taken for a success",
            "adapters/chat/dingtalk/client.py",
            'if found.data.get("success") is False or why is not None:',
            'if found.data.get("success") is False:',
        ),
        "tests/adapters/test_dingtalk_client.py::test_a_delivery_that_failed_inside_an_answer_of_success_is_a_failure_and_delivered_later",
    ),
    Tested(
        Break(
            "DingTalk's silence",
            "a connection that hears nothing was kept",
            "adapters/chat/dingtalk/stream.py",
            "left = self._silence - (time.monotonic() - opened.heard)",
            "left = 3600.0",
        ),
        "tests/adapters/test_dingtalk_with_the_core.py::test_a_connection_that_has_gone_silent_is_replaced[deaf]",
    ),
    Tested(
        Break(
            "WeCom's signatures",
            "a forged callback was believed",
            "adapters/chat/wecom/envelope.py",
            'if not hmac.compare_digest(self.sign(stamp, nonce, sealed).encode(), signature.encode("utf-8", "replace")):',
            "if False:",
        ),
        "tests/adapters/test_wecom_envelope.py::test_whatever_was_not_signed_is_refused",
    ),
    Tested(
        Break(
            "WeCom's bot",
            "a connection without pongs was kept",
            "adapters/chat/wecom_bot/line.py",
            "if missed >= MISSED:",
            "if False:",
        ),
        "tests/adapters/test_wecom_bot_line.py::test_a_half_open_connection_is_noticed_by_its_missing_pongs",
    ),
    Tested(
        Break(
            "notices outside chats",
            "each try of a notice had a key of its own",
            "bot/engine/notifying.py",
            "key = key_of(house, effect.key)",
            "key = key_of(house, effect.key, effect.attempts)",
        ),
        "tests/engine/test_notifying.py::test_what_may_have_been_sent_goes_again_under_the_same_key_and_what_is_done_never",
    ),
    Tested(
        Break(
            "e-mail",
            "the password was shown to any server that claimed to be ours",
            "adapters/notify/email.py",
            "context = ssl.create_default_context()",
            "context = ssl._create_unverified_context()",
        ),
        "tests/adapters/test_email.py::test_tls_is_spoken_and_the_certificate_checked",
    ),
    Tested(
        Break(
            "silences",
            "what an attempt of unknown outcome left behind was not looked for",
            "bot/engine/muting.py",
            "standing = [silence for silence in known if silence.active]",
            "standing: list[Silence] = []",
        ),
        "tests/engine/test_muting.py::test_a_worker_that_dies_between_the_call_and_its_answer_leaves_exactly_one",
    ),
    Tested(
        Break(
            "status webhooks",
            "what was told of one incident did not stay in one lane",
            "bot/rules/hooks.py",
            'yield notify(hook.channel, incident.id, "status", incident.id, key, n=event.n)',
            'yield notify(hook.channel, f"{incident.id}#{event.n}", "status", incident.id, key, n=event.n)',
        ),
        "tests/engine/test_hooks.py::test_a_worker_that_dies_while_it_posts_loses_nothing_and_keeps_the_order",
    ),
    Tested(
        Break(
            "postmortem gate",
            "a grave incident was closed without its postmortem",
            "bot/model/incident.py",
            "if demanded(incident, policy) and not done:",
            "if False:",
        ),
        "tests/commands/test_gate.py",
    ),
    Tested(
        Break(
            "the level that is owed for",
            "a level that was lowered after the recovery spared the postmortem",
            "bot/model/postmortem.py",
            "levels = {incident.severity} if incident.review.level is None else {incident.severity, incident.review.level}",
            "levels = {incident.severity}",
        ),
        "tests/commands/test_gate.py",
    ),
    Tested(
        Break(
            "a whole life",
            "a fact that follows from another changed the row and was not logged",
            "bot/engine/run.py",
            "self.uow.save_incident(incident, self.events[ident])",
            "self.uow.save_incident(incident, self.events[ident][:1])",
        ),
        "tests/engine/test_life_walk.py",
    ),
    Tested(
        Break(
            "merging away",
            "what owed a postmortem went into what owes none",
            "commands/linking.py",
            "if owes_postmortem(incident, ctx.policy) and not demanded(other, ctx.policy):",
            "if False:",
        ),
        "tests/commands/test_gate.py",
    ),
    Tested(
        Break(
            "announcements: once to each",
            "each try to send had a key of its own",
            "bot/engine/announcing.py",
            "key = key_of(house, effect.key)",
            "key = key_of(house, effect.key, effect.attempts)",
        ),
        "tests/engine/test_announcing.py::test_each_recipient_gets_it_once_whatever_happens_to_calls_and_processes",
    ),
    Tested(
        Break(
            "items: one reminder a day",
            "each plan of a reminder had a key of its own",
            "bot/engine/reminders.py",
            'key = f"items/{person}/{today.isoformat()}"  # however often it is planned: one a day',
            'key = f"items/{person}/{now.isoformat()}"',
        ),
        "tests/engine/test_items.py",
    ),
    Tested(
        Break(
            "silences end with the recovery",
            "a silence was kept after the recovery",
            "bot/rules/muting.py",
            "held = incident is not None and incident.status is Status.HANDLING and group.id in incident.groups",
            "held = incident is not None and incident.open and group.id in incident.groups",
        ),
        "tests/engine/test_muting.py::test_whatever_ends_it_leaves_none_behind",
    ),
    Tested(
        Break(
            "noise",
            "whom the ladder was calling was told twice",
            "bot/rules/people.py",
            "if suggested is not None and not called:",
            "if suggested is not None:",
        ),
        "tests/engine/test_noise_life.py",
    ),
    Tested(
        Break(
            "gallery",
            "a text named what nobody gave it",
            "templates/en/say/commands.yaml",
            "merge_which: 'Not merged: into which incident? Copy: {{ hail }}merge{{ ref }} into F-…'",
            "merge_which: 'Not merged, {{ nobody }}: into which incident? Copy: {{ hail }}merge{{ ref }} into F-…'",
        ),
        "tests/prose/test_gallery.py::test_every_text_is_given_all_that_it_names",
    ),
)


def outcome_of(build: Path, *tests: str, within: float = WITHIN, several: bool = False) -> tuple[int, list[str]]:
    """Run tests in a copy; gives pytest's exit code (0 green, 1 red) and the lines that say why."""
    line = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=line"]
    line += ["-n", "auto", "--dist", "worksteal"] if several else ["-x"]
    said = subprocess.run([*line, *tests], cwd=build, env=environment(build), capture_output=True, text=True, timeout=within)
    failed = [line[:160] for line in said.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
    return said.returncode, failed or said.stdout.splitlines()[-1:] or [said.stderr[-300:]]


def suite(folder: Path) -> bool:
    """Break the lines behind the default suite; says whether each was noticed, and nothing else was."""
    sound, every = copy(folder / "sound", tests=True), [one.test for one in TESTED]
    code, why = outcome_of(sound, *every, within=len(TESTED) * 30.0, several=True)
    for line in why if code != 0 else ():
        print(f"  FAIL   not green without any break: {line}", flush=True)
    with ThreadPoolExecutor(AT_ONCE) as workers:
        noticed = list(workers.map(lambda at: _noticed(folder / f"broken-{at}", TESTED[at]), range(len(TESTED))))
    return code == 0 and all(noticed)


def _noticed(folder: Path, tested: Tested) -> bool:
    broken = tested.broken
    code, why = outcome_of(copy(folder, broken, tests=True), tested.test)
    said = f"red    {broken.name}: {why[0]}" if code == 1 else f"GREEN  {broken.name}: {broken.what}, {why[0]}"
    print(f"  {said}", flush=True)
    return code == 1


async def crash(folder: Path, scene: type[Scene], sabotaged: Sequence[Sabotaged]) -> bool:
    """Break the lines behind the crash proof in one chat; says whether each was noticed, and nothing else was."""
    proof = Proof(scene, folder / scene.name, at_once=4)
    build = proof.build("product")
    plans = {plan.name: plan for one in sabotaged for plan in one.plans}
    lives = [await task for task in proof.begin(build, plans.values()).values()]
    for life in lives:
        for failure in life.failures:
            print(f"  FAIL   {life.plan.name} is not green without a break: {failure}")
    noticed = await asyncio.gather(*(proof.sabotage(one) for one in sabotaged))
    return all(noticed) and not any(life.failures for life in lives)


def main() -> int:
    """Run everything, or what was named."""
    parser = argparse.ArgumentParser(prog="python -m tests.sabotage", description=__doc__)
    parser.add_argument("proof", nargs="*", choices=["test", "crash", []], help="which proof; left out: each")
    wanted = parser.parse_args().proof or ["test", "crash"]
    good = True
    with tempfile.TemporaryDirectory(prefix="warroom-sabotage-") as folder:
        if "test" in wanted:
            print("make test")
            good &= suite(Path(folder))
        if "crash" in wanted:
            for scene, sabotaged in ((PlainScene, PLAIN), (SlackScene, SLACK)):
                print(f"make crash, {scene.name}")
                good &= asyncio.run(crash(Path(folder), scene, sabotaged))
    print("every broken line was noticed" if good else "a broken line was NOT noticed, or a proof is red by itself")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
