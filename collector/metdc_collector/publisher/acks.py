r"""Acknowledgements, and messages that a look at a stream gives, taken from the socket in bulk.

Each trade is published with a reply subject ``<inbox>.<number>``. The server answers
``MSG <inbox>.17 4 30\r\n{"stream":"TRADES_BINANCE","seq":9}\r\n``, thousands a second; nats-py's parser and dispatch
take some 15 µs for each. So its parser is replaced by one that takes runs of such answers out of a received chunk with
regular expressions, and leaves everything else to the library. The rows of a snapshot are compared with what is
stored, a hundred thousand at a start, so the messages of such a look have a lane too.
"""

import re
from collections.abc import Callable, Sequence
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


Acknowledge = Callable[[Sequence[int], Sequence[Ack]], None]
"""Takes what has come at once: the numbers of trades that are stored now, and other answers."""
TakeAnswer = Callable[[int, "Answer"], None]


def read(number: bytes, body: bytes) -> Ack:
    """Read an answer's body: ``{"stream":"S","seq":9}``, with ``"duplicate":true``, or with an ``error`` object."""
    # With the colons: a stream may be called "error" or "duplicate".
    if b'"error":' not in body and b'"seq":' in body:
        # The server writes a space behind this colon, and behind no other.
        return Ack(int(number), b'"duplicate": true' in body or b'"duplicate":true' in body, None)
    try:
        error = orjson.loads(body)["error"]
        problem = f"{error.get('description', 'error')} ({error.get('err_code', error.get('code'))})"
    except (ValueError, KeyError, TypeError, AttributeError):
        problem = f"unreadable answer {body[:80]!r}" if body else "no stream takes its subject"
    return Ack(int(number), duplicate=False, problem=problem)


class Answer(NamedTuple):
    """One message of the answer to a look at a stream; of a message without such a header the part is empty.

    Attributes:
        status: ``204`` after the last message, ``404`` where there is none, another code for a refusal; else empty.
        subject, sequence, message_id: where, as what, and under which identity the message is stored.
        data: its payload.
    """

    status: str
    subject: str
    sequence: str
    message_id: str
    data: bytes


_STATUS = re.compile(rb"NATS/1\.0 (\d+[^\r]*)")
_SUBJECT = re.compile(rb"\r\nNats-Subject: *([^\r]*)")
_SEQUENCE = re.compile(rb"\r\nNats-Sequence: *([^\r]*)")
_MESSAGE_ID = re.compile(rb"\r\nNats-Msg-Id: *([^\r]*)")


def read_answer(headers: bytes, data: bytes) -> Answer:
    """Read a message with its header block: a line ``NATS/1.0[ <status>]``, then a line ``<name>: <value>`` each."""

    def part(pattern: re.Pattern[bytes]) -> str:
        match = pattern.search(headers)
        return match[1].decode(errors="replace") if match else ""

    return Answer(part(_STATUS), part(_SUBJECT), part(_SEQUENCE), part(_MESSAGE_ID), data)


class FastParser(Parser):
    """nats-py's protocol parser, with a fast lane for acknowledgements and one for looks at a stream.

    Acknowledgements come to ``<inbox>.<number>``, messages of a look to ``<inbox>.look.<number>``. Either may still
    reach the library, behind a message of another kind in the same chunk: it must be subscribed to both as well.
    """

    def __init__(self, client: object, *, inbox: str, acknowledge: Acknowledge, answer: TakeAnswer) -> None:
        """Hand acknowledgements over a chunk's at a time, messages of looks one by one."""
        super().__init__(client)
        address = re.escape(inbox.encode()) + rb"\."
        # Nearly all answers are of this form, and come in runs; the name of a stream or a domain holds no space.
        body = rb'\{"stream":"[^"\\\s]*", ?(?:"domain":"[^"\\\s]*", ?)?"seq":\d+\}'
        stored = rb"MSG " + address + rb"\d+ \d+ \d+\r\n" + body + rb"\r\n"
        # Atomic, not possessive: CPython before 3.11.5 ends a possessive group that fails in its middle too late.
        self._run = re.compile(rb"(?>(?:" + stored + rb")+)")
        self._number = re.compile(rb"MSG " + address + rb"(\d+) ")
        self._ack = re.compile(rb"MSG " + address + rb"(\d+) \d+ \d+\r\n(\{[^\r\n]*\})\r\n")
        self._look = re.compile(rb"HMSG " + address + rb"look\.(\d+) \d+ (\d+) (\d+)\r\n")
        self._ours = re.compile(rb"H?MSG " + address + rb"(?:look\.)?\d+ \d+ (?:\d+ )?(\d+)\r\n")
        self._starts = (b"MSG " + inbox.encode() + b".", b"HMSG " + inbox.encode() + b".")
        self._acknowledge = acknowledge
        self._answer = answer

    async def parse(self, data: bytes = b"") -> None:
        """Parse a chunk as received; what is incomplete is kept."""
        if self.state != AWAITING_CONTROL_LINE:
            # A message of another kind is split between chunks. Its rest is the library's; the lane opens afterwards.
            await super().parse(data)
            return
        if self.buf:
            data = bytes(self.buf) + data
            self.buf.clear()
        rest = data[self._take(data) :]
        if self._incomplete(rest):
            self.buf.extend(rest)
        elif rest:
            await super().parse(rest)

    def _take(self, data: bytes) -> int:
        """Take what the lanes know from the chunk's beginning; return where that ends."""
        stored: list[int] = []
        acks: list[Ack] = []
        position, end = 0, len(data)
        while position < end:
            if (match := self._run.match(data, position)) is not None:
                stored += map(int, self._number.findall(data, position, match.end()))
                position = match.end()
            elif (match := self._ack.match(data, position)) is not None:
                acks.append(read(match[1], match[2]))
                position = match.end()
            elif (match := self._look.match(data, position)) is not None:
                start, header, size = match.end(), int(match[2]), int(match[3])
                if start + size + 2 > end:
                    break
                answer = read_answer(data[start : start + header], data[start + header : start + size])
                self._answer(int(match[1]), answer)
                position = start + size + 2
            else:
                break
        if stored or acks:
            self._acknowledge(stored, acks)
        return position

    def _incomplete(self, rest: bytes) -> bool:
        """Whether this is the beginning of a message of ours whose end has not come yet."""
        if not rest.startswith(self._starts):
            return False
        control = self._ours.match(rest)
        if control is None:
            return b"\r\n" not in rest
        return len(rest) < control.end() + int(control[1]) + 2
