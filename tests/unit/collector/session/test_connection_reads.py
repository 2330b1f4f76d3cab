"""What one read of a socket brings, and how it is handed over."""

import asyncio
import json

from websockets.asyncio.server import ServerConnection
from websockets.frames import Frame, Opcode

from tests.unit.collector.made import Tape
from tests.unit.collector.session.test_connection import accept, connected, trade

UNREADABLE = '{"stream":"btcusdt@trade","data":'
UNUSED = json.dumps({"stream": "btcusdt@trade", "data": {**json.loads(trade(2))["data"], "X": "NA"}})
STRANGER = trade(2, "ADAUSDT")
WITHOUT = {UNREADABLE, UNUSED, STRANGER}
"""Frames without a trade of ours."""


async def handed(*frames: str, tap: Tape | None = None) -> list[list[str] | str]:
    """What is handed over of frames that come in one read, and of trade 9, which comes in another."""
    over = asyncio.Event()

    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        socket.transport.write(b"".join(Frame(Opcode.TEXT, each.encode()).serialize(mask=False) for each in frames))
        await over.wait()
        await socket.send(trade(9))
        await socket.wait_closed()

    async with connected(venue, tap=tap) as rig:
        await rig.received(1)
        over.set()
        await rig.received(1 + sum(each not in WITHOUT for each in frames))
        return rig.gate.handed


async def test_the_trades_of_a_read_are_handed_over_together() -> None:
    assert await handed(trade(1), trade(2), trade(3)) == [["1", "2", "3"], ["9"]]


async def test_what_else_a_read_brings_keeps_its_place_among_the_trades() -> None:
    assert await handed(trade(1), trade(2), UNREADABLE, trade(3)) == [["1", "2"], "unread", ["3"], ["9"]]


async def test_an_id_without_a_trade_keeps_its_place_among_the_trades() -> None:
    assert await handed(trade(1), UNUSED, trade(3)) == [["1"], ["no 2"], ["3"], ["9"]]


async def test_a_trade_of_a_stranger_is_none_of_ours_and_disturbs_no_other() -> None:
    assert await handed(trade(1), STRANGER, trade(3)) == [["1"], ["3"], ["9"]]


async def test_a_tap_sees_what_passes_as_it_is_on_the_wire() -> None:
    async def venue(socket: ServerConnection) -> None:
        await accept(socket)
        await socket.send([b"{", b"}"])
        await socket.send(trade(5))
        await socket.send(trade(6).encode())
        await socket.wait_closed()

    tap = Tape()
    async with connected(venue, tap=tap) as rig:
        await rig.received(2)
    (connect, url, _), (send, to, request), *answers = tap.seen
    assert (connect, send, to) == ("connect", "send", url)
    assert url.endswith("/stream")
    assert json.loads(request)["params"] == ["btcusdt@trade", "ethusdt@trade"]
    assert answers[1:] == [("binary", "", b"{}"), ("text", "", trade(5).encode()), ("binary", "", trade(6).encode())]


async def test_a_tap_has_each_frame_handed_over_before_it_is_told_of_the_next() -> None:
    assert await handed(trade(1), trade(2), tap=Tape()) == [["1"], ["2"], ["9"]]
