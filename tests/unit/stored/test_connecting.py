"""A tool's connection to NATS: what is said when nobody lets it in."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator

import pytest

from metdc_collector.stored.connecting import Connection
from metdc_collector.stored.reading import ReadError, Reading, Start

INFO = b'INFO {"server_id":"A","version":"2.11.0","max_payload":1048576,"auth_required":true}\r\n'
REFUSAL = b"-ERR 'Authorization Violation'\r\n"
AT_ONCE = struct.pack("ii", 1, 0)  # close with a reset


@contextlib.asynccontextmanager
async def refusing(*, resets: int) -> AsyncIterator[str]:
    """A server that refuses each login, the first few by a reset that costs its words."""
    left = resets

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal left
        writer.write(INFO)
        await reader.readline()
        if left:
            left -= 1
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        else:
            writer.write(REFUSAL)
        writer.close()

    server = await asyncio.start_server(refuse, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    try:
        yield f"nats://me:secret@{host}:{port}"
    finally:
        server.close()
        await server.wait_closed()


async def told(url: str) -> str:
    reading = Reading(pattern="trades.>", start=Start(), follow=True, say=lambda _: None, idle=lambda: None)
    connection = Connection(reading, (url,), None, name="a test")
    with pytest.raises(ReadError) as problem:
        await connection.open()
    await connection.close()
    words = str(problem.value)
    assert "secret" not in words
    return words


async def test_a_refusal_is_told_in_the_servers_words() -> None:
    async with refusing(resets=0) as url:
        assert "Authorization Violation" in await told(url)


async def test_a_refusal_whose_words_a_reset_has_cost_is_asked_for_again() -> None:
    async with refusing(resets=2) as url:
        assert "Authorization Violation" in await told(url)


async def test_a_server_that_only_resets_is_given_up() -> None:
    async with refusing(resets=100) as url:
        assert "reset" in await told(url)
