"""Plays recordings: their instrument lists over REST, their frames byte for byte over WebSocket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from tests.simulator.core.socket import binary_frame, text_frame

if TYPE_CHECKING:
    from tests.simulator.core.hub import Hub
    from tests.simulator.core.socket import Socket
    from tests.simulator.core.venue import Endpoint

QUIET = 1.0
"""Seconds without a further subscription after which the frames begin."""
AT_ONCE = 200


@dataclass(slots=True, eq=False)
class Tape:
    """The frames of one recording that belong to one endpoint."""

    file: str
    endpoint: Endpoint
    frames: list[bytes] = field(default_factory=list)
    sent: int = 0
    socket: Socket | None = None

    @property
    def done(self) -> bool:
        """Whether all frames were sent on a connection that lasted."""
        return self.sent >= len(self.frames)


@dataclass(frozen=True, slots=True)
class Listing:
    """A recorded instrument list and what it was asked for by."""

    path: str
    query: Mapping[str, str]
    body: bytes


class Replay:
    """All recordings that were named on the command line."""

    def __init__(self, hub: Hub, files: list[Path]) -> None:
        self._hub = hub
        self._lists: dict[int, list[Listing]] = {}
        self._tapes: list[Tape] = []
        self._asked: dict[Socket, float] = {}
        self._forced = False
        self._playing: set[asyncio.Task[None]] = set()
        for file in files:
            self._load(file)

    def _load(self, file: Path) -> None:
        """Reads one recording; a `recv` belongs to the address of the last `connect` or `send` before it."""
        tapes: dict[int, Tape] = {}
        current: Endpoint | None = None
        with file.open(encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                if "url" in row:
                    endpoint, kind = self._owner(row["url"])
                    if endpoint is not None and kind == "rest" and row["kind"] == "http" and endpoint.markets:
                        self._keep(endpoint, row["url"], row["data"].encode())
                    if row["kind"] in {"connect", "send"}:
                        current = endpoint
                if row["kind"] == "recv" and current is not None:
                    tape = tapes.setdefault(id(current), Tape(str(file), current))
                    binary = row.get("binary", False)
                    tape.frames.append(binary_frame(row["data"].encode()) if binary else text_frame(row["data"]))
        if not tapes:
            raise ValueError(f"{file}: no frame of a simulated exchange in this recording")
        self._tapes.extend(tapes.values())

    def _owner(self, url: str) -> tuple[Endpoint | None, str | None]:
        for endpoint in self._hub.endpoints:
            if (kind := endpoint.owns(url)) is not None:
                return endpoint, kind
        return None, None

    def _keep(self, endpoint: Endpoint, url: str, body: bytes) -> None:
        parts = urlsplit(url)
        self._lists.setdefault(id(endpoint), []).append(Listing(parts.path, dict(parse_qsl(parts.query)), body))

    def listing(self, endpoint: Endpoint, path: str, query: Mapping[str, str]) -> bytes | None:
        """The recorded instrument list for a request: the newest that was asked for by this path and these parameters.

        A list that was recorded at another path answers where the endpoint has but one market, or where the venue has
        no list at that path any more.
        """
        lists = self._lists.get(id(endpoint), [])
        here = [one for one in lists if one.path == path]
        older = [one for one in lists if len(endpoint.markets) == 1 or not endpoint.lists(one.path)]
        fitting = [one for one in here if one.query.items() <= query.items()] or older
        return fitting[-1].body if fitting else None

    def start(self) -> None:
        """Plays now, to the oldest connection of each endpoint, subscribed or not."""
        self._forced = True
        for socket in sorted(self._hub.sockets, key=lambda one: one.number):
            self._begin(socket)

    def opened(self, socket: Socket) -> None:
        """A connection opened: it may be the one that a forced start waits for."""
        if self._forced:
            self._begin(socket)

    def subscribed(self, socket: Socket) -> None:
        """A connection subscribed to something; when it has been quiet for a while its frames begin."""
        self._asked[socket] = socket.now()
        socket.after(QUIET, lambda: self._perhaps(socket))

    def _perhaps(self, socket: Socket) -> None:
        waited = (socket.now() - self._asked.get(socket, 0.0)) * self._hub.divide_timers
        if waited >= QUIET - 0.001:
            self._begin(socket)

    def _begin(self, socket: Socket) -> None:
        for tape in self._tapes:
            free = tape.socket is None or (tape.socket not in self._hub.sockets and not tape.done)
            if tape.endpoint is socket.endpoint and free:
                tape.socket, tape.sent = socket, 0
                task = asyncio.create_task(self._play(tape, socket), name=f"replay of {tape.file}")
                self._playing.add(task)
                task.add_done_callback(self._playing.discard)

    async def _play(self, tape: Tape, socket: Socket) -> None:
        while not tape.done and socket in self._hub.sockets:
            for frame in tape.frames[tape.sent : tape.sent + AT_ONCE]:
                tape.sent += socket.queue(frame)
            socket.flush()
            await asyncio.sleep(0.01)

    def as_json(self) -> dict[str, Any]:
        """For GET /state."""
        return {
            "done": all(tape.done for tape in self._tapes),
            "files": [
                {
                    "file": tape.file,
                    "exchange": tape.endpoint.exchange,
                    "frames": len(tape.frames),
                    "sent": tape.sent,
                    "done": tape.done,
                }
                for tape in self._tapes
            ],
        }
