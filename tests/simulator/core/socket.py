"""One WebSocket client as the server sees it. Frames are made once and the same bytes go to every subscriber."""

from __future__ import annotations

import asyncio
import socket as sockets
import struct
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from websockets.exceptions import InvalidHandshake
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.server import ServerProtocol

from tests.simulator.core.venue import Dialogue, HttpReply, Upgrade

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.market import Market
    from tests.simulator.core.venue import Endpoint

SLOW_READER = 64 * 2**20
"""Bytes that may wait for a client that does not read; then it is cut, so that the simulator's memory stays bounded."""


def server_frame(opcode: int, payload: bytes) -> bytes:
    """One unmasked frame."""
    size = len(payload)
    if size < 126:
        return bytes((0x80 | opcode, size)) + payload
    if size < 65536:
        return struct.pack("!BBH", 0x80 | opcode, 126, size) + payload
    return struct.pack("!BBQ", 0x80 | opcode, 127, size) + payload


def text_frame(payload: str) -> bytes:
    """A text frame."""
    return server_frame(Opcode.TEXT, payload.encode())


def binary_frame(payload: bytes) -> bytes:
    """A binary frame."""
    return server_frame(Opcode.BINARY, payload)


class Socket(asyncio.Protocol):
    """One client. The venue's `Dialogue` decides; this class knows frames, timers and how sockets die."""

    def __init__(self, hub: Hub, endpoint: Endpoint, number: int) -> None:
        self.hub, self.endpoint, self.number = hub, endpoint, number
        self.address = ""
        self.markets: tuple[Market, ...] = endpoint.markets
        """Which of the port's markets this connection is for: all, unless the venue's `open` narrows it."""
        self.topics: dict[tuple[str, str, str], tuple[Market, tuple[str, str], object]] = {}
        """What trade data flows here: (market, channel, instrument) → (market, route, form)."""
        self.muted = False
        """Half open: nothing is written any more, the socket stays, whatever the venue's timers would do to it."""
        self.open = False
        self.closing = False
        self.arrived = 0.0
        """When the frame at hand came, in monotonic seconds: limits of frames are counted by it."""
        self.path = ""
        self.written = 0.0
        """When messages were last written, in monotonic seconds; what the protocol itself answers doesn't count."""
        self._out: list[bytes] = []
        self._late: deque[tuple[float, bytes]] = deque()
        self._timers: dict[object, asyncio.TimerHandle] = {}
        self._protocol = ServerProtocol()
        self._pieces: list[bytes] = []
        self._kind = Opcode.TEXT
        self._dialogue: Dialogue | None = None
        self._transport: asyncio.Transport | None = None
        self._loop = asyncio.get_running_loop()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self.arrived = self._loop.time()
        self.address = str(transport.get_extra_info("peername")[0])
        transport.set_write_buffer_limits(high=SLOW_READER)

    def data_received(self, data: bytes) -> None:
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        for event, at in zip(events, self._arrivals(len(events)), strict=True):
            self.arrived = at
            if isinstance(event, Request):
                self._handshake(event)
            elif isinstance(event, Frame) and not self.closing:
                self._incoming(event)
        self._answer()

    def _arrivals(self, count: int) -> list[float]:
        """When what is read in one go has come: evenly since the sockets were last looked at.

        A venue's machine reads what comes as it comes. This process may not have run for seconds, and then finds in one
        lump what its client has sent at a steady pace.
        """
        now = self._loop.time()
        since = max(self.arrived, min(self.hub.looked, now))
        return [since + (now - since) * number / count for number in range(1, count + 1)]

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        if self.open:
            self.open = False
            self.hub.closed(self, "reset by peer" if exc else "closed")
        self._dialogue = None

    def pause_writing(self) -> None:
        self.hub.violations.note("slow reader", self.address)
        self.reset()

    # Incoming

    def _handshake(self, request: Request) -> None:
        path, _, query = request.path.partition("?")
        self.path = request.path
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        upgrade = Upgrade(path, query, headers, self.address, self._loop.time())
        answer = self.hub.admit(self.endpoint, upgrade, self)
        if isinstance(answer, HttpReply):
            response = self._protocol.reject(answer.status, answer.body.decode())
            for name, value in answer.headers.items():
                response.headers[name] = value
            self._protocol.send_response(response)
            return
        try:
            response = self._protocol.accept(request)
        except InvalidHandshake as error:  # pragma: no cover - websockets answers most of these by a response
            response = self._protocol.reject(400, str(error))
        self._protocol.send_response(response)
        self._answer()
        if response.status_code == 101:
            self.open = True
            self._dialogue = answer
            self.hub.opened(self)
            answer.opened()

    def _incoming(self, frame: Frame) -> None:
        dialogue = self._dialogue
        if dialogue is None:
            return
        if frame.opcode is Opcode.PING:
            dialogue.ping(bytes(frame.data))
        elif frame.opcode is Opcode.PONG:
            dialogue.pong(bytes(frame.data))
        elif frame.opcode is not Opcode.CLOSE:
            self.hub.frames[self.endpoint.exchange] += 1
            if frame.opcode is not Opcode.CONT:
                self._kind, self._pieces = frame.opcode, []
            self._pieces.append(bytes(frame.data))
            if frame.fin:
                self._message(dialogue, b"".join(self._pieces))

    def _message(self, dialogue: Dialogue, data: bytes) -> None:
        if self.topics and self.hub.switchboard.deaf(self.endpoint):
            return
        if self._kind is Opcode.BINARY:
            dialogue.binary(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self.close(1007, "")
            return
        dialogue.text(text)

    def _answer(self) -> None:
        """Writes what the protocol itself answers: handshake, pongs, the echo of a close."""
        for data in self._protocol.data_to_send():
            if self.muted or self._transport is None or self._transport.is_closing():
                continue
            if data:
                self.flush()
                self._write(data)
            else:
                self._finish()

    # Outgoing

    def queue(self, frame: bytes) -> int:
        """Takes a frame for the next flush; 1 when it will be written, 0 when this client gets nothing any more."""
        if self.muted or self.closing or not self.open:
            return 0
        if not self._out:
            self.hub.dirty.add(self)
        self._out.append(frame)
        return 1

    def send(self, payload: str) -> None:
        """Writes a text frame at once, behind what is queued."""
        if self.queue(text_frame(payload)):
            self.flush()

    def send_ping(self, payload: bytes) -> None:
        """Writes a protocol ping at once."""
        if self.queue(server_frame(Opcode.PING, payload)):
            self.flush()

    def flush(self) -> None:
        """Writes all queued frames in one go, or keeps them for later while the fault `delay` is on."""
        self.hub.dirty.discard(self)
        if not self._out:
            return
        data = b"".join(self._out)
        self._out.clear()
        self.written = self._loop.time()
        self._write(data)

    def _write(self, data: bytes) -> None:
        if self._transport is None or self.muted:
            return
        delay = self.hub.delay_of(self.endpoint)
        if not delay and not self._late:
            self._transport.write(data)
            return
        due = max(self._loop.time() + delay, self._late[-1][0] if self._late else 0.0)
        self._late.append((due, data))
        self._loop.call_at(due, self._release)

    def _release(self) -> None:
        if self._late and self._transport is not None:
            _, data = self._late.popleft()
            if not self.muted and not self._transport.is_closing():
                self._transport.write(data)

    def _finish(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def announce_end(self) -> None:
        """Lets the venue announce a planned end, where it does so."""
        notice = self._dialogue.farewell() if self._dialogue else None
        if notice is not None:
            self.send(notice)

    # Ends

    def close(self, code: int, reason: str) -> None:
        """Sends a close frame; the client's echo, or two seconds, end the connection."""
        if self.closing or self.muted or not self.open:
            return
        self.flush()
        code = self.hub.switchboard.code(self.endpoint, code)
        self.hub.closed(self, f"{code} {reason}".strip())
        self.closing = True
        self._protocol.send_close(code, reason)
        self._answer()
        self._loop.call_later(2, self._finish)

    def cut(self, reason: str) -> None:
        """Ends the TCP connection without a close frame: the client sees 1006."""
        self.flush()
        self.hub.closed(self, reason)
        self.closing = True
        self._finish()

    def reset(self) -> None:
        """Ends the TCP connection by RST; what was not sent yet is lost."""
        self.hub.closed(self, "reset")
        self.closing = True
        if self._transport is not None and not self._transport.is_closing():
            raw: sockets.socket = self._transport.get_extra_info("socket")
            raw.setsockopt(sockets.SOL_SOCKET, sockets.SO_LINGER, struct.pack("ii", 1, 0))
            self._transport.abort()

    # Timers

    def now(self) -> float:
        """Monotonic seconds."""
        return self._loop.time()

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Runs an action after one of the venue's times, divided as we were told, unless the client is out of reach."""
        key = object()
        self._timers[key] = self._loop.call_later(seconds / self.hub.divide_timers, self._fire, action, key)

    def _fire(self, action: Callable[[], None], key: object) -> None:
        self._timers.pop(key, None)
        if self.open and not self.closing and not self.muted:
            action()
