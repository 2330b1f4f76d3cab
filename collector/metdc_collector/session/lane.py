"""Frames cut out of the bytes of a WebSocket, as a client gets them (RFC 6455, 5.2).

Whole text and binary frames of less than 64 KiB, in which all trades come, are cut here. All else goes on byte for
byte, and in its place between them, to whoever knows all the rules: control frames, fragments, large frames, and what
no server may send.
"""

from collections.abc import Callable

_TEXT, _BINARY = 0x81, 0x82  # final, no extension, and the opcode
_WHOLE = (_TEXT, _BINARY)
_SHORT, _WIDE = 126, 127  # in place of a length: two bytes follow, or eight
_MASKED = 0x80
_HEADER, _SHORT_HEADER, _WIDE_HEADER, _MASK = 2, 4, 10, 4


class Lane:
    """Cuts the bytes of one connection, from behind the handshake on.

    Args:
        take: is called with the payload of each frame that is cut, and whether it is binary.
        other: is called with the bytes of all other frames, a large one part by part as it comes; says whether the next
            frame can be cut. While it can't, frames go to it whatever they are.
    """

    __slots__ = ("_cuts", "_other", "_passing", "_rest", "_take")

    def __init__(self, take: Callable[[bytes, bool], None], other: Callable[[bytes], bool]) -> None:
        self._take = take
        self._other = other
        self._cuts = True
        self._passing = 0  # bytes to come of a frame that goes on
        self._rest = b""

    def feed(self, data: bytes) -> None:
        """Take what was read; the beginning of a frame is kept until the rest comes."""
        if self._passing:
            passing = self._passing
            self._pass_on(data, 0, passing)
            data = data[passing:]
        if self._rest:
            data = self._rest + data
        at, end = 0, len(data)
        while end - at >= _HEADER:
            first, length = data[at], data[at + 1]
            if length < _SHORT:
                start = at + _HEADER
            elif length == _SHORT and end - at >= _SHORT_HEADER:
                start, length = at + _SHORT_HEADER, data[at + 2] << 8 | data[at + 3]
            else:
                stop = _other_stop(data, at)
                if stop is None:
                    break
                at = self._pass_on(data, at, stop)
                continue
            stop = start + length
            if self._cuts and first in _WHOLE:
                if stop > end:
                    break
                self._take(data[start:stop], first == _BINARY)
                at = stop
            else:
                at = self._pass_on(data, at, stop)
        self._rest = data[at:]

    def _pass_on(self, data: bytes, at: int, stop: int) -> int:
        """Let a frame's bytes go on, as far as they are there; return where what is there ends."""
        self._cuts = self._other(data[at:stop])
        self._passing = max(0, stop - len(data))
        return min(stop, len(data))


def _other_stop(data: bytes, at: int) -> int | None:
    """Return where a frame ends that is large or, against the rules, masked; None until its header is there."""
    masked, length = data[at + 1] & _MASKED, data[at + 1] & ~_MASKED
    header = {_SHORT: _SHORT_HEADER, _WIDE: _WIDE_HEADER}.get(length, _HEADER)
    if len(data) - at < header:
        return None
    if header > _HEADER:
        length = int.from_bytes(data[at + _HEADER : at + header])
    return at + header + (_MASK if masked else 0) + length
