"""How the audit reads a server."""

import asyncio

import pytest

from tests.audit import stream


async def test_a_server_that_greets_nobody_cannot_be_read_and_no_socket_stays_open() -> None:
    async def hang_up(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with await asyncio.start_server(hang_up, "127.0.0.1") as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(stream.CannotRead, match="INFO"):
            await stream.connect(f"nats://127.0.0.1:{port}")
