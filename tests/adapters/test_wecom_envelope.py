"""WeCom's envelopes against the vectors of its own samples, and everything that is no envelope."""

from __future__ import annotations

import base64
import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from hypothesis import given
from hypothesis import strategies as st

from adapters.chat.wecom.envelope import Envelopes
from bot.errors import Malformed, Unauthentic

VECTORS = json.loads((Path(__file__).parents[1] / "fixtures/wecom/vectors.json").read_text("utf-8"))
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
OURS = Envelopes("QDG6eK", KEY, "wx5823bf96d3bd56c7")


def envelopes(vector: dict[str, Any]) -> Envelopes:
    return Envelopes(vector["token"], vector["encoding_aes_key"], vector["receiveid"])


def sealed(body: bytes) -> str:
    """Encrypt these bytes as they are, padding included, as somebody would who has the key and does it wrongly."""
    key = base64.b64decode(KEY + "=")
    encryptor = Cipher(AES(key), CBC(key[:16])).encryptor()
    return base64.b64encode(encryptor.update(body) + encryptor.finalize()).decode()


def padded(body: bytes, pad: int | None = None) -> bytes:
    rest = 32 - len(body) % 32
    return body + bytes([rest if pad is None else pad]) * rest


@pytest.mark.parametrize("vector", VECTORS, ids=[v["id"] for v in VECTORS])
def test_the_samples_open_and_prove_themselves(vector: dict[str, Any]) -> None:
    one = envelopes(vector)
    at = datetime.fromtimestamp(int(vector["timestamp"]), UTC) + timedelta(seconds=599)
    one.prove(at, vector["timestamp"], vector["nonce"], vector["encrypt"], vector["msg_signature"])
    assert one.open(vector["encrypt"]).decode() == vector["plain"]


@pytest.mark.parametrize("seconds", [601, -601])
def test_an_old_one_and_one_from_the_future_are_refused(seconds: int) -> None:
    vector = VECTORS[0]
    at = datetime.fromtimestamp(int(vector["timestamp"]), UTC) + timedelta(seconds=seconds)
    with pytest.raises(Unauthentic, match="window"):
        envelopes(vector).prove(at, vector["timestamp"], vector["nonce"], vector["encrypt"], vector["msg_signature"])


@pytest.mark.parametrize(
    ("part", "value"),
    [("msg_signature", "0" * 40), ("msg_signature", ""), ("msg_signature", "\ud83d"), ("nonce", "263014781"),
     ("timestamp", "1409659590"), ("timestamp", ""), ("timestamp", "١٤٠٩٦٥٩٥٨٩"), ("timestamp", "-1"), ("timestamp", "9" * 30)],
)  # fmt: skip
def test_whatever_was_not_signed_is_refused(part: str, value: str) -> None:
    vector = {**VECTORS[0], part: value}
    at = datetime.fromtimestamp(int(VECTORS[0]["timestamp"]), UTC)
    with pytest.raises(Unauthentic):
        envelopes(vector).prove(at, vector["timestamp"], vector["nonce"], vector["encrypt"], vector["msg_signature"])


def test_one_for_another_company_is_refused() -> None:
    vector = VECTORS[1]
    with pytest.raises(Unauthentic, match="another company"):
        Envelopes(vector["token"], vector["encoding_aes_key"], "wwanother").open(vector["encrypt"])


HEAD = b"0123456789abcdef"
BAD = {
    "not base64": "***",
    "base64 of a part of a block": base64.b64encode(b"x" * 17).decode(),
    "nothing": base64.b64encode(b"").decode(),
    "padding of zero": sealed(padded(HEAD + b"\0\0\0\1x" + b"wx5823bf96d3bd56c7", 0)),
    "padding over 32": sealed(padded(HEAD + b"\0\0\0\1x" + b"wx5823bf96d3bd56c7", 33)),
    "padding that is not one": sealed(HEAD + b"\0\0\0\1x" + b"wx5823bf96d3bd56c7" + b"\x09" * 8 + b"\x08"),
    "a length over what is there": sealed(padded(HEAD + b"\0\0\1\0x" + b"wx5823bf96d3bd56c7")),
    "an enormous length": sealed(padded(HEAD + b"\xff\xff\xff\xffx")),
    "too short for a length": sealed(padded(b"0123456789")),
    "cut off": VECTORS[1]["encrypt"][:64],
    "letters of another alphabet": "文文文文",
}


@pytest.mark.parametrize("what", sorted(BAD))
def test_what_is_no_envelope_is_malformed(what: str) -> None:
    with pytest.raises((Malformed, Unauthentic)) as caught:
        OURS.open(BAD[what])
    assert "wx5823" not in str(caught.value)


@given(st.binary(max_size=300))
def test_any_bytes_are_refused_cleanly(raw: bytes) -> None:
    with pytest.raises((Malformed, Unauthentic)):
        OURS.open(base64.b64encode(raw).decode())


@given(st.binary(max_size=3000))
def test_what_is_sealed_opens(message: bytes) -> None:
    assert OURS.open(OURS.seal(message)) == message


@given(st.integers(0, len(VECTORS[1]["encrypt"]) - 3), st.sampled_from("ABCxyz012+/"))
def test_a_changed_letter_never_shows_the_message(at: int, letter: str) -> None:
    """The signature stands before this; behind it, what opens at all is not what was sealed."""
    whole = VECTORS[1]["encrypt"]
    changed = whole[:at] + letter + whole[at + 1 :]
    if changed == whole:
        return
    with contextlib.suppress(Malformed, Unauthentic):
        assert OURS.open(changed).decode("utf-8", "replace") != VECTORS[1]["plain"]
