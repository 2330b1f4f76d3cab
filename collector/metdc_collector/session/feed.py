"""A WebSocket client that hands over each frame at the moment when its bytes were read.

The library's own queue would cost a task switch a frame and hide when a frame arrived, and its parser is a third of all
that a trade costs. So whole data frames are cut out of what was read (:mod:`metdc_collector.session.lane`); handshake,
pings, fragments, errors and closing are the library's.
"""

import re
from collections.abc import Callable, Collection
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State

from metdc_collector.session.lane import Lane

# What can be an exchange's name of an instrument, also one in Chinese.
_WORD = re.compile(r"[\w-]+")
_MOST = 64 * 1024
_HEAD_END = b"\r\n\r\n"


def named(frame: bytes, names: Collection[str]) -> list[str]:
    """Return which instruments the text of a frame that can't be parsed names, in order; 64 KiB of it are searched."""
    words = set(_WORD.findall(frame[:_MOST].decode(errors="replace")))
    return sorted(words.intersection(names))


class Feed(ClientConnection):
    """One connection.

    ``frame`` is called with each whole data frame and whether its opcode is binary; before the frames of a read
    ``begin`` with its size, behind them ``end``.
    """

    def __init__(
        self,
        *args: Any,
        frame: Callable[[bytes, bool], None],
        begin: Callable[[int], None],
        end: Callable[[], None],
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self._frame = frame
        self._begin = begin
        self._end = end
        self._parts: list[bytes] = []
        self._binary = False
        self._head = b""  # the end of what has come of the handshake
        self._lane: Lane | None = None  # from the handshake's end on

    def data_received(self, data: bytes) -> None:
        """Tell of the read, then take what it holds."""
        self._begin(len(data))
        try:
            if self._lane is not None:
                self._lane.feed(data)
            else:
                self._shake(data)
        finally:
            self._end()

    def _shake(self, data: bytes) -> None:
        """Leave the answer to the handshake to the library; the first frames may come right behind it."""
        end = (self._head + data).find(_HEAD_END)
        mine = len(data) if end < 0 else end + len(_HEAD_END) - len(self._head)
        self._head = (self._head + data)[1 - len(_HEAD_END) :]
        if self._by_the_rules(data[:mine]):
            self._lane = Lane(self._frame, self._by_the_rules)
            self._lane.feed(data[mine:])
        elif data[mine:]:
            self._by_the_rules(data[mine:])

    def _by_the_rules(self, data: bytes) -> bool:
        """Let the library read bytes; whether the next frame needs nothing of it."""
        super().data_received(data)
        return self.protocol.state is State.OPEN and not self._parts

    def process_event(self, event: Frame | Response) -> None:  # type: ignore[override]  # the library types it loosely
        """Take data frames past the library's queue."""
        if not isinstance(event, Frame):
            super().process_event(event)
            return
        if event.opcode is Opcode.TEXT or event.opcode is Opcode.BINARY or event.opcode is Opcode.CONT:
            self._take(event)
        else:
            super().process_event(event)

    def _take(self, frame: Frame) -> None:
        if frame.opcode is not Opcode.CONT:
            self._binary = frame.opcode is Opcode.BINARY
        if frame.fin and not self._parts:
            self._frame(bytes(frame.data), self._binary)
            return
        self._parts.append(bytes(frame.data))
        if frame.fin:
            whole = b"".join(self._parts)
            self._parts.clear()
            self._frame(whole, self._binary)
