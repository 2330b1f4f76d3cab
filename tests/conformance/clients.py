"""Bare clients for the simulator's own tests; they know nothing of the product."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.client import ClientProtocol
from websockets.frames import Frame, Opcode
from websockets.uri import parse_uri

CEILING = 10.0


@asynccontextmanager
async def client(url: str, *, address: str = "127.0.0.1", **options: Any) -> AsyncIterator[ClientConnection]:
    """A plain `websockets` client that sends no pings of its own."""
    async with connect(
        url, local_addr=(address, 0), ping_interval=None, max_size=None, max_queue=None, close_timeout=1, **options
    ) as socket:
        yield socket


async def ask(socket: ClientConnection, request: object) -> Any:
    """Sends a request (text as it is) and answers the next message."""
    await socket.send(request if isinstance(request, str) else json.dumps(request))
    return await receive(socket)


async def receive(socket: ClientConnection) -> Any:
    """The next message."""
    return json.loads(await asyncio.wait_for(socket.recv(), CEILING))


async def ended(socket: ClientConnection) -> tuple[int, str]:
    """Reads on until the server has ended the connection; code and reason (1006: no close frame)."""
    await asyncio.wait_for(socket.wait_closed(), CEILING)
    assert socket.close_code is not None
    return socket.close_code, socket.close_reason or ""


class RawClient:
    """A client that answers pings as it is told: with `pong` as payload, or not at all (None)."""

    def __init__(self, url: str, pong: bytes | None) -> None:
        self._uri = parse_uri(url)
        self._pong = pong
        self._protocol = ClientProtocol(self._uri)
        self.pings: list[bytes] = []
        self.texts: list[str] = []

    async def run(self) -> tuple[int, str]:
        """Connects and reads until the server ends the connection; code and reason."""
        reader, writer = await asyncio.open_connection(self._uri.host, self._uri.port)
        try:
            return await self._read(reader, writer)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> tuple[int, str]:
        self._protocol.send_request(self._protocol.connect())
        writer.write(b"".join(self._protocol.data_to_send()))
        while data := await asyncio.wait_for(reader.read(65536), CEILING):
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    self._take(event)
            self._protocol.data_to_send()
            if self._pong is not None and self.pings:
                self._protocol.send_pong(self._pong)
                writer.write(b"".join(self._protocol.data_to_send()))
        close = self._protocol.close_rcvd
        return (close.code, close.reason) if close else (1006, "")

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.PING:
            self.pings.append(bytes(frame.data))
        elif frame.opcode is Opcode.TEXT:
            self.texts.append(bytes(frame.data).decode())
