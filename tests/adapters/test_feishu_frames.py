"""The frames of the long connection, against the SDK's own generated classes."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.chat.feishu.frames import Frame, dump, load

words = st.text(st.characters(exclude_categories=("Cs",)), max_size=40)
frames = st.builds(
    Frame, st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(-(2**31), 2**31 - 1), st.integers(0, 1),
    st.lists(st.tuples(words, words), max_size=8).map(tuple), st.none() | st.binary(max_size=5000),
    st.none() | words, st.none() | words, st.none() | words,
)  # fmt: skip


def theirs(frame: Frame):  # type: ignore[no-untyped-def]
    from lark_oapi.ws.pb.pbbp2_pb2 import Frame as Theirs

    made = Theirs()
    made.SeqID, made.LogID, made.service, made.method = frame.seq, frame.log, frame.service, frame.method
    for name, value in frame.headers:
        header = made.headers.add()
        header.key, header.value = name, value
    optional = (
        ("payload", frame.payload), ("payload_encoding", frame.payload_encoding), ("payload_type", frame.payload_type),
        ("LogIDNew", frame.log_new),
    )  # fmt: skip
    for name, value in optional:
        if value is not None:
            setattr(made, name, value)
    return made


@given(frames)
@settings(max_examples=200)
def test_the_sdk_reads_what_we_write_and_we_what_it_writes(frame: Frame) -> None:
    their = theirs(frame)
    assert load(their.SerializeToString()) == frame
    read = type(their)()
    read.ParseFromString(dump(frame))
    assert read == their


@given(st.binary(max_size=300))
def test_anything_else_is_refused_and_never_crashes(data: bytes) -> None:
    try:
        load(data)
    except ValueError:
        return


@pytest.mark.parametrize("cut", [*range(1, 9), *range(10, 24)])  # 9 and 24 end where a field does
def test_a_frame_that_is_cut_off_is_none(cut: int) -> None:
    whole = dump(Frame(1, 2, 3, 1, (("type", "event"),), b"payload"))
    with pytest.raises(ValueError):
        load(whole[:-cut])


def test_unknown_fields_are_passed_over() -> None:
    frame = Frame(1, 2, 3, 0, (("type", "pong"),), b"{}")
    later = bytes([10 << 3 | 0, 7, 11 << 3 | 1, *range(8), 12 << 3 | 5, *range(4), 13 << 3 | 2, 1, 65])
    assert load(dump(frame) + later) == frame
