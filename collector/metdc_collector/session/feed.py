"""A WebSocket client that hands over each frame at the moment when its bytes were read.

The library's own queue would cost a task switch a frame and hide when a frame arrived; its protocol, handshake, pings
and closing are used as they are.
"""

import re
from collections.abc import Callable, Collection
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.frames import Frame, Opcode
from websockets.http11 import Response

# What can be an exchange's name of an instrument, also one in Chinese.
_WORD = re.compile(r"[\w-]+")
_MOST = 64 * 1024


def named(frame: bytes, names: Collection[str]) -> list[str]:
    """Return which instruments the text of a frame that can't be parsed names, in order; 64 KiB of it are searched."""
    words = set(_WORD.findall(frame[:_MOST].decode(errors="replace")))
    return sorted(words.intersection(names))


class Feed(ClientConnection):
    """One connection.

    ``frame`` is called with each whole data frame and whether its opcode is binary, ``read`` with the size of each
    read before it.
    """

    def __init__(
        self, *args: Any, frame: Callable[[bytes, bool], None], read: Callable[[int], None], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._frame = frame
        self._read = read
        self._parts: list[bytes] = []
        self._binary = False

    def data_received(self, data: bytes) -> None:
        """Tell of the read, then take what it holds."""
        self._read(len(data))
        super().data_received(data)

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
