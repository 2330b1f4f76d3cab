"""What a stream holds, read as fast as the server sends it: ages, and whether a trade is missing or there twice."""

import asyncio
import json
import re
from array import array
from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

from tests.bench.frames import exact
from tests.harness import NotInTime

SUBJECTS = "trades.binance.spot.>"
_INBOX = b"_INBOX.bench.read"
_WITHIN = 30.0
_EXPIRES = 60_000_000_000
_BATCH = 20_000
"""Messages asked for at once: a server drops who lets 64 MiB wait."""
# The acknowledgement's subject, $JS.ACK.<stream>.<consumer>.<delivered>.<sequence>.<sequence>.<time>.<pending>, from
# 2.11 on with domain and account before the stream and a token behind; then the payload, whose order the wire keeps.
_MESSAGE = re.compile(
    rb"\$JS\.ACK\.\S+?\.\d+\.(?P<sequence>\d+)\.\d+\.(?P<at>\d{19})\.(?P<pending>\d+)(?:\.\w+)? \d+ \d+\r\n"
    rb'.*?"instrument":"(?P<name>[^"]+)","id":"(?P<id>\d+)".*?"quantity":"(?P<quantity>[^"]+)".*?"time":(?P<time>\d+)',
    re.DOTALL,
)


@dataclass(slots=True)
class Seen:
    """Stored trades: when each was made (ns) and how old it was when it was stored (ns), in the stream's order."""

    times: "array[int]" = field(default_factory=lambda: array("q"))
    ages: "array[int]" = field(default_factory=lambda: array("q"))
    last: int = 0
    _ids: dict[bytes, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 0, 0]))

    def take(self, found: "re.Match[bytes]") -> int:
        """Note one message; return how many are still to come."""
        time = exact(int(found["time"]), found["quantity"].decode())
        self.times.append(time)
        self.ages.append(int(found["at"]) - time)
        self.last = int(found["sequence"])
        number, span = int(found["id"]), self._ids[found["name"]]
        span[0] += 1
        span[1] = min(span[1] or number, number)
        span[2] = max(span[2], number)
        return int(found["pending"])

    @property
    def missing(self) -> int:
        """Trades between the first and the last id of their symbol that are not there."""
        return sum(max(0, last - first + 1 - count) for count, first, last in self._ids.values())

    @property
    def repeated(self) -> int:
        """Messages of a symbol beyond the ids that it spans."""
        return sum(max(0, count - (last - first + 1)) for count, first, last in self._ids.values())

    def lost(self, sent: int) -> int:
        """Of so many trades that were sent, those that are not stored."""
        return max(self.missing, sent - len(self.ages) + self.repeated)

    def rows(self) -> list[tuple[int, int]]:
        """Return (time, age) by time."""
        return sorted(zip(self.times, self.ages, strict=True))


def read(port: int, stream: str, *, after: int = 0) -> Seen:
    """Read a stream of the bench's trades from behind a sequence on.

    Raises:
        NotInTime: the server stopped sending before the end.
        OSError: it is not there.
    """
    return asyncio.run(_read(port, stream, after))


async def _read(port: int, stream: str, after: int) -> Seen:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 22)
    await reader.readline()
    writer.write(b'CONNECT {"verbose":false,"headers":true}\r\nSUB %s 1\r\n' % _INBOX)
    config = {"deliver_policy": "by_start_sequence", "opt_start_seq": after + 1, "filter_subject": SUBJECTS}
    consumer = {**config, "ack_policy": "none", "mem_storage": True, "inactive_threshold": 10_000_000_000}
    _ask(writer, f"CONSUMER.CREATE.{stream}", {"stream_name": stream, "config": consumer})
    seen, rest, asked = Seen(), b"", 0
    try:
        async with asyncio.timeout(_WITHIN):
            made = await _made(reader)
        left = int(made["num_pending"])
        while left:
            if len(seen.ages) >= asked - _BATCH // 2:  # the next ones come while these are read
                _ask(writer, f"CONSUMER.MSG.NEXT.{stream}.{made['name']}", {"batch": _BATCH, "expires": _EXPIRES})
                asked += _BATCH
            async with asyncio.timeout(_WITHIN):
                chunk = await reader.read(1 << 22)
            if not chunk:
                raise NotInTime(f"{stream}: the server closed the connection with {left} messages left")
            if b"PING\r\n" in chunk:
                writer.write(b"PONG\r\n")
            rest, left = _take(seen, rest + chunk, left)
    except TimeoutError:
        raise NotInTime(f"{stream}: the server stopped sending") from None
    finally:
        writer.close()
    return seen


def _ask(writer: asyncio.StreamWriter, call: str, body: dict[str, object]) -> None:
    data = json.dumps(body).encode()
    writer.write(b"PUB $JS.API.%s %s %d\r\n%s\r\n" % (call.encode(), _INBOX, len(data), data))


async def _made(reader: asyncio.StreamReader) -> dict[str, Any]:
    while not (await reader.readline()).startswith(b"MSG "):
        pass
    found: dict[str, Any] = json.loads(await reader.readline())
    if "error" in found:
        raise NotInTime(f"the server made no consumer: {found['error']}")
    return found


def _take(seen: Seen, data: bytes, left: int) -> tuple[bytes, int]:
    """Take the whole messages; return the rest of the bytes, and how many are still to come."""
    whole = max(data.rfind(b"}\r\n") + 3, 0)
    end = 0
    for found in _MESSAGE.finditer(data, 0, whole):
        left = seen.take(found)
        end = found.end()
    return data[end:], left
