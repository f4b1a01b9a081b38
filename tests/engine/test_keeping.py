"""What comes with messages that become notes is kept by hash, once, or it is said why it could not be."""

from __future__ import annotations

import hashlib

import pytest

from bot.model.event import DeliveryFailed, FileKept, FileMissed
from bot.model.facts.story import Enclosed
from bot.model.files import MOST_BYTES, image_type
from bot.model.ids import ConnectionId, IncidentId
from bot.model.person import ALL_SEEING, Viewer
from bot.model.text import plain
from bot.ports import Capability, Inbound, InboundKind, Message, Place, Speaker, Store
from tests.engine.town import UNREACHABLE, WHOLE, Town

MAIN = ConnectionId("main")
ID = IncidentId("F-20240520-001")
PNG = b"\x89PNG\r\n\x1a\n" + b"picture" * 200
HASH = hashlib.sha256(PNG).hexdigest()
GIVES = WHOLE | {Capability.FILE, Capability.REACTION, Capability.PRIVATE}


async def opened(
    store: Store, url: str, abilities: frozenset[Capability] = GIVES, processes: int = 1, **files: bytes
) -> tuple[Town, str]:  # fmt: skip
    """Give a town with an incident, its room, and a chat that holds files."""
    town = await Town(store, url, {"main": abilities}, processes=processes).begin()
    await town.says("li", "main", "", "声明 P1 支付 支付失败")
    await town.quiet()
    town.platforms[MAIN].files = files
    return town, (await town.rooms(ID))["main"].address or ""


async def captures(town: Town, room: str, message: str, *files: Enclosed, words: str = "看面板") -> None:
    """React to a message that has files."""
    author = Speaker("main:wang", "王五")
    found = Message(room, message, plain(words) if words else (), author, town.clock.now(), None, files)
    await town.processes[0].intake.handle(
        Inbound(
            MAIN, f"r{message}", Speaker("main:li", "李四"), Place.GROUP, room, town.clock.now(), message=message,
            kind=InboundKind.POINTED, becomes="note", points_at=found,
        )
    )  # fmt: skip


async def shown(town: Town, room: str) -> str:
    return await town.says("li", "main", room, "时间线")


def fetched(town: Town) -> int:
    return sum(verb == "fetch" for _, verb, _ in town.platforms[MAIN].log)


async def facts(town: Town, kind: type) -> list[object]:
    return [event.payload for event in await town.log(ID) if isinstance(event.payload, kind)]


async def test_a_picture_is_kept_by_hash_and_shown_with_its_size(store: Store, url: str) -> None:
    town, room = await opened(store, url, F1=PNG)
    await captures(town, room, "m1", Enclosed(id="F1", name="面板.png", type="image/png", size=len(PNG)))
    await town.quiet()
    assert f"[图片 面板.png 1 KB {HASH[:8]}]" in await shown(town, room)
    assert await facts(town, FileKept) == [
        FileKept(n=(await town.log(ID))[-2].n, file=0, digest=HASH, size=len(PNG), type="image/png")
    ]
    body = await store.read(lambda reads: reads.body(ID, HASH), ALL_SEEING)
    assert body is not None and (body.body, body.type) == (PNG, "image/png")
    assert not any("没有保存" in line for line in town.told("main", room))
    town.end()


async def test_the_same_bytes_are_kept_once_and_belong_to_each_entry(store: Store, url: str) -> None:
    town, room = await opened(store, url, F1=PNG, F2=PNG)
    await captures(town, room, "m1", Enclosed(id="F1", name="a.png"), Enclosed(id="F2", name="b.png"))
    await captures(town, room, "m2", Enclosed(id="F2", name="b.png"))
    await town.quiet()
    assert town.rows("SELECT digest FROM file_body") == [(HASH,)]
    assert (await shown(town, room)).count(HASH[:8]) == 3
    town.end()


async def test_what_is_too_large_or_gone_is_said_at_its_entry_and_in_the_room(store: Store, url: str) -> None:
    town, room = await opened(store, url, F2=b"x" * (MOST_BYTES + 1))
    await captures(
        town, room, "m1", Enclosed(id="F1", name="老图.png", type="image/png"), Enclosed(id="F2", name="堆.bin"),
        Enclosed(id="F3", name="录屏.mov", size=MOST_BYTES + 1),
    )  # fmt: skip
    await town.quiet()
    said = await shown(town, room)
    for name in ("图片 老图.png", "文件 堆.bin", "文件 录屏.mov"):
        assert f"[{name} 没有保存]" in said
    told = "\n".join(town.told("main", room))
    assert "的附件没有保存：[图片 老图.png]，原文件已经不在了" in told
    assert "的附件没有保存：[文件 堆.bin]，超过 10 MB" in told
    assert "的附件没有保存：[文件 录屏.mov]，超过 10 MB" in told
    assert fetched(town) == 2  # what says that it is too large is not even asked for
    assert town.rows("SELECT count(*) FROM file_body") == [(0,)]
    town.end()


async def test_what_a_dead_process_was_fetching_is_kept_once(store: Store, url: str) -> None:
    town, room = await opened(store, url, processes=2, F1=PNG)
    await captures(town, room, "m1", Enclosed(id="F1", name="a.png"))
    await town.claim()
    dying = next(p for p in town.processes if any(one.verb == "fetch" for _, one in town._mine(p)))
    for _, pending in town._mine(dying):
        pending.cut = True
        pending.task.cancel()
    town.processes.remove(dying)
    for platform in town.platforms.values():
        platform.pending = [one for one in platform.pending if not one.cut]
    await town.quiet()
    assert fetched(town) == 2
    assert len(await facts(town, FileKept)) == 1
    assert HASH[:8] in await shown(town, room)
    town.end()


async def test_a_chat_that_is_down_for_a_day_is_no_dead_letter_but_a_word_at_the_entry(store: Store, url: str) -> None:
    town, room = await opened(store, url, F1=PNG)
    await captures(town, room, "m1", Enclosed(id="F1", name="a.png"))
    town.down[MAIN] = UNREACHABLE
    for _ in range(3):
        await town.round()
        town.clock.pass_by(13 * 3600)
    town.down.clear()
    await town.quiet()
    assert [type(p) for p in await facts(town, FileMissed)] == [FileMissed]
    assert "一天之内都连不上聊天平台" in "\n".join(town.told("main", room))
    assert "没有保存" in await shown(town, room)
    assert not [p for p in await facts(town, DeliveryFailed) if getattr(p, "what", "") == "KeepFile"]
    town.end()


async def test_what_was_recalled_meanwhile_is_not_fetched_and_what_was_kept_shown_to_nobody(store: Store, url: str) -> None:
    town, room = await opened(store, url, F1=PNG, F2=PNG)
    await captures(town, room, "m1", Enclosed(id="F1", name="a.png"))
    await town.quiet()
    await captures(town, room, "m2", Enclosed(id="F2", name="b.png"))
    for message in ("m1", "m2"):
        await town.processes[0].intake.handle(
            Inbound(
                MAIN, f"c{message}", Speaker("", ""), Place.GROUP, room, town.clock.now(), message=message,
                kind=InboundKind.RECALLED,
            )
        )  # fmt: skip
    await town.quiet()
    assert fetched(town) == 1
    said = await shown(town, room)
    assert HASH[:8] not in said and "a.png" not in said and said.count("原消息已撤回") == 2
    town.end()


async def test_a_chat_that_gives_no_files_is_not_asked(store: Store, url: str) -> None:
    town, room = await opened(store, url, GIVES - {Capability.FILE})
    await captures(town, room, "m1", Enclosed(id="F1", name="a.png", type="image/png"))
    await town.quiet()
    assert fetched(town) == 0
    assert "[图片 a.png]" in await shown(town, room)
    town.end()


async def test_only_who_sees_an_incident_sees_its_bytes_and_only_its_own(store: Store, url: str) -> None:
    town, room = await opened(store, url, F1=PNG)
    await captures(town, room, "m1", Enclosed(id="F1", name="a.png"))
    await town.quiet()
    await town.says("li", "main", "", "声明 P2 支付 别的故障")
    await town.quiet()
    other = IncidentId("F-20240520-002")
    assert await store.read(lambda reads: reads.body(other, HASH), ALL_SEEING) is None
    assert await store.read(lambda reads: reads.body(ID, HASH), Viewer()) is not None
    town.end()


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a..", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", ""),
        (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", ""),
        (b"<?xml version='1.0'?><svg/>", ""),
        (b"<html>", ""),
        (b" \x89PNG\r\n\x1a\n", ""),
        (b"", ""),
    ],
)
def test_an_image_is_what_begins_like_one(data: bytes, kind: str) -> None:
    assert image_type(data) == kind
