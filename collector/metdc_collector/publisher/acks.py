r"""Acknowledgements, matched in bulk.

Each trade is published with a reply subject ``<inbox>.<number>``. The server answers
``MSG <inbox>.17 4 30\r\n{"stream":"TRADES_BINANCE","seq":9}\r\n``, thousands a second; nats-py's parser and dispatch
take some 15 µs for each. So its parser is replaced by one that takes runs of such answers out of a received chunk with
one regular expression, and leaves everything else to the library.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

import orjson
from nats.protocol.parser import AWAITING_CONTROL_LINE, Parser


class Ack(NamedTuple):
    """The answer to one published trade.

    Attributes:
        number: the trade's own number.
        duplicate: the stream held its message id already.
        problem: the server did not store it: why, in words; null when it did.
    """

    number: int
    duplicate: bool
    problem: str | None


Acknowledge = Callable[[list[Ack]], None]


def read(number: bytes, body: bytes) -> Ack:
    """Read an answer's body: ``{"stream":"S","seq":9}``, with ``"duplicate":true``, or with an ``error`` object."""
    if b'"error"' not in body and b'"seq"' in body:
        return Ack(int(number), b'"duplicate"' in body, None)
    try:
        error = orjson.loads(body)["error"]
        problem = f"{error.get('description', 'error')} ({error.get('err_code', error.get('code'))})"
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"unreadable answer {body[:80]!r}" if body else "no stream takes its subject"
    return Ack(int(number), duplicate=False, problem=problem)


class AckParser(Parser):
    """nats-py's protocol parser, with a fast lane for acknowledgements."""

    def __init__(self, client: object, *, inbox: str, acknowledge: Acknowledge) -> None:
        """Hand acknowledgements that come to ``<inbox>.<number>`` to ``acknowledge``, a chunk's at a time."""
        super().__init__(client)
        start = rb"MSG " + re.escape(inbox.encode()) + rb"\."
        self._start = b"MSG " + inbox.encode() + b"."
        self._whole = re.compile(start + rb"(\d+) \d+ \d+\r\n(\{[^\r\n]*\})\r\n")
        self._control = re.compile(start + rb"\d+ \d+ (\d+)\r\n")
        self._acknowledge = acknowledge

    async def parse(self, data: bytes = b"") -> None:
        """Parse a chunk as received; what is incomplete is kept."""
        if self.state != AWAITING_CONTROL_LINE:
            # A message of another kind is split between chunks. Its rest is the library's; the lane opens afterwards.
            await super().parse(data)
            return
        if self.buf:
            data = bytes(self.buf) + data
            self.buf.clear()
        found: list[Ack] = []
        position = 0
        while (match := self._whole.match(data, position)) is not None:
            found.append(read(match[1], match[2]))
            position = match.end()
        if found:
            self._acknowledge(found)
        if position == len(data):
            return
        rest = data[position:]
        if self._incomplete(rest):
            self.buf.extend(rest)
        else:
            await super().parse(rest)

    def _incomplete(self, rest: bytes) -> bool:
        """Whether this is the beginning of an acknowledgement whose end has not come yet."""
        if not rest.startswith(self._start):
            return False
        control = self._control.match(rest)
        if control is None:
            return b"\r\n" not in rest
        return len(rest) < control.end() + int(control[1]) + 2
