"""One port for REST and WebSocket: the head of a request tells which of the two it is."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Callable

from aiohttp import web

from tests.simulator.core.hub import Hub
from tests.simulator.core.limits import asks_for_gzip
from tests.simulator.core.socket import Socket
from tests.simulator.core.venue import Endpoint, HttpReply, HttpRequest

LONGEST_HEAD = 65536
GZIP_FROM = 1024
"""Bodies from this size on are compressed when the client takes it."""


class Doorman(asyncio.Protocol):
    """Hands a connection over by the head of a request: to a WebSocket for good, to REST until it is upgraded.

    HTTP lets a client upgrade a connection that it has kept alive, and clients with a pool do so where REST and
    WebSocket share host and port, as here. So REST never gets the transport's packets without a look at them.
    """

    def __init__(self, websocket: Callable[[], asyncio.Protocol], rest: Callable[[], web.RequestHandler]) -> None:
        self._websocket, self._make_rest = websocket, rest
        self._head = bytearray()
        self._rest: web.RequestHandler | None = None
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        assert self._transport is not None
        self._head += data
        # After the first request only a GET may be an upgrade; all else, bodies above all, goes on as it comes.
        looked_at = self._rest is None or self._head.startswith(b"GET ")
        if looked_at and b"\r\n\r\n" not in self._head and len(self._head) < LONGEST_HEAD:
            return
        packet = bytes(self._head)
        self._head.clear()
        if looked_at and _upgrades(packet):
            self._upgrade(packet)
            return
        if self._rest is None:
            self._rest = self._make_rest()
            self._rest.connection_made(self._transport)
        self._rest.data_received(packet)

    def _upgrade(self, packet: bytes) -> None:
        """Hands over for good; REST sees its connection end, and the transport stays open."""
        assert self._transport is not None
        rest, protocol = self._rest, self._websocket()
        self._rest = None
        if rest is not None:
            rest.transport = None  # or it would close what it loses
            rest.connection_lost(None)
        self._transport.set_protocol(protocol)
        protocol.connection_made(self._transport)
        protocol.data_received(packet)

    def eof_received(self) -> None:
        if self._rest is not None:
            self._rest.eof_received()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest is not None:
            self._rest.connection_lost(exc)

    def pause_writing(self) -> None:
        if self._rest is not None:
            self._rest.pause_writing()

    def resume_writing(self) -> None:
        if self._rest is not None:
            self._rest.resume_writing()


def _upgrades(packet: bytes) -> bool:
    """Whether a request's head asks for a WebSocket."""
    fields = packet.split(b"\r\n\r\n", 1)[0].lower().split(b"\r\n")[1:]
    return any(field.startswith(b"upgrade:") and b"websocket" in field for field in fields)


class Port:
    """A listening endpoint."""

    def __init__(self, hub: Hub, endpoint: Endpoint) -> None:
        self._hub, self.endpoint = hub, endpoint
        self._web: web.Server | None = None
        self._server: asyncio.Server | None = None

    async def start(self, host: str, port: int) -> int:
        """Listens; answers the port."""
        self._web = web.Server(self._rest, access_log=None)
        web_server = self._web
        self._server = await asyncio.get_running_loop().create_server(
            lambda: Doorman(lambda: Socket(self._hub, self.endpoint, 0), web_server), host, port, backlog=1024
        )
        bound: int = self._server.sockets[0].getsockname()[1]
        return bound

    async def stop(self) -> None:
        """Stops listening and ends open REST connections."""
        if self._server is not None:
            self._server.close()
        if self._web is not None:
            await self._web.shutdown(0.2)

    async def _rest(self, request: web.BaseRequest) -> web.StreamResponse:
        loop = asyncio.get_running_loop()
        self._hub.requests[self.endpoint.exchange] += 1
        asked = HttpRequest(
            method=request.method,
            path=request.path,
            query=dict(request.query),
            headers={name.lower(): value for name, value in request.headers.items()},
            body=await request.read(),
            address=request.remote or "",
            now=loop.time(),
            unix=self._hub.clock.ns() / 1e9,
        )
        reply = self._hub.switchboard.rest(self.endpoint, asked.path, lambda: self._answer(asked))
        return await _response(reply, asked.headers.get("accept-encoding", ""))

    def _answer(self, request: HttpRequest) -> HttpReply:
        replay = self._hub.replay
        if replay is not None and self.endpoint.lists(request.path):
            recorded = replay.listing(self.endpoint, request.path, request.query)
            if recorded is not None:
                return HttpReply(200, recorded, {"Content-Type": "application/json"}, listing=True)
        return self.endpoint.http(request)


async def _response(reply: HttpReply, accept_encoding: str) -> web.Response:
    headers = {"Content-Type": "application/json;charset=UTF-8", **reply.headers}
    body = reply.body
    if "Content-Encoding" not in headers and len(body) >= GZIP_FROM and asks_for_gzip(accept_encoding):
        body = await asyncio.to_thread(gzip.compress, body, 1)
        headers["Content-Encoding"] = "gzip"
    return web.Response(status=reply.status, body=body, headers=headers)
