"""One port serves REST and WebSocket, whichever way a client gets from one to the other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.conformance.clients import CEILING
from tests.simulator.testing import Simulated, simulator

LIST = b"GET /api/v3/exchangeInfo?symbol=BTCUSDT HTTP/1.1\r\nHost: venue\r\n\r\n"
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: venue\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
PING = b"\x89\x80\x00\x00\x00\x00"
PONG = b"\x8a\x00"


@pytest.fixture
async def sim() -> AsyncIterator[Simulated]:
    async with simulator(only=["binance.spot"]) as running:
        yield running


@pytest.fixture
async def wire(sim: Simulated) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A bare connection."""
    host, port = sim.rest("binance", "spot").removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    yield reader, writer
    writer.close()
    await writer.wait_closed()


async def reply(reader: asyncio.StreamReader) -> bytes:
    """The status line of the next reply, after its body has been read."""
    async with asyncio.timeout(CEILING):
        head = await reader.readuntil(b"\r\n\r\n")
        fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
        await reader.readexactly(int(fields.get(b"content-length", b"0")))
    return head.split(b"\r\n", 1)[0]


@pytest.mark.parametrize("requests", [0, 1, 3])
async def test_a_kept_connection_becomes_a_websocket(
    wire: tuple[asyncio.StreamReader, asyncio.StreamWriter], requests: int
) -> None:
    reader, writer = wire
    for _ in range(requests):
        writer.write(LIST)
        assert b" 200 " in await reply(reader)
    writer.write(UPGRADE)
    assert b" 101 " in await reply(reader)
    writer.write(PING)
    assert await asyncio.wait_for(reader.readexactly(2), CEILING) == PONG


async def test_an_upgrade_may_come_in_pieces(wire: tuple[asyncio.StreamReader, asyncio.StreamWriter]) -> None:
    reader, writer = wire
    writer.write(LIST)
    assert b" 200 " in await reply(reader)
    for piece in (UPGRADE[:20], UPGRADE[20:90], UPGRADE[90:]):
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(0)
    assert b" 101 " in await reply(reader)
